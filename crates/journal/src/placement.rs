//! Which segment and offset each batch goes to. Pure: numbers only, no files.
//!
//! A batch gets its place when it is closed for further records, long before it is written, and no record is taken that
//! would not find one ([`Placement::has_room`]). So what was taken can always be written, and "full" is said only to
//! records that have left no trace.

use std::collections::VecDeque;

use crate::segment::FRAMES_FROM;

/// Where a frame is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
}

/// A segment that holds batches above the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occupied {
    pub(crate) segment: u32,
    /// Offset after its last frame.
    pub(crate) end: u64,
    pub(crate) last_batch: u64,
    /// False for a file of another size than the settings ask for: it is written no more, and removed when folded.
    pub(crate) reusable: bool,
}

#[derive(Debug)]
pub(crate) struct Placement {
    segment_bytes: u64,
    /// The segment that takes the next frame, if it fits.
    current: Option<Occupied>,
    /// In batch order.
    closed: VecDeque<Occupied>,
    free: VecDeque<u32>,
}

impl Placement {
    /// `occupied` in batch order; the last of them is continued.
    pub(crate) fn new(segment_bytes: u64, occupied: Vec<Occupied>, free: Vec<u32>) -> Self {
        let mut closed = VecDeque::from(occupied);
        let current = closed.pop_back_if(|last| last.reusable);
        Self { segment_bytes, current, closed, free: free.into() }
    }

    /// Greatest frame that a segment takes, in bytes.
    pub(crate) fn frame_bytes_max(&self) -> u64 {
        self.segment_bytes - FRAMES_FROM
    }

    /// True when a frame of this size, at most [`Self::frame_bytes_max`], would find a place now.
    pub(crate) fn has_room(&self, frame_bytes: u64) -> bool {
        self.fits_current(frame_bytes) || !self.free.is_empty()
    }

    fn fits_current(&self, frame_bytes: u64) -> bool {
        self.current.is_some_and(|current| current.end + frame_bytes <= self.segment_bytes)
    }

    /// Gives the next batch its place; `None` when there is no room.
    pub(crate) fn place(&mut self, batch: u64, frame_bytes: u64) -> Option<Place> {
        if !self.fits_current(frame_bytes) {
            let segment = self.free.pop_front()?;
            self.close_current();
            self.current = Some(Occupied { segment, end: FRAMES_FROM, last_batch: batch, reusable: true });
        }
        let current = self.current.as_mut()?;
        let place = Place { segment: current.segment, offset: current.end };
        current.end += frame_bytes;
        current.last_batch = batch;
        Some(place)
    }

    /// The next frame goes to another segment.
    pub(crate) fn close_current(&mut self) {
        self.closed.extend(self.current.take());
    }

    pub(crate) fn add_free(&mut self, segment: u32) {
        self.free.push_back(segment);
    }

    /// Frees closed segments whose batches are all at or below `watermark`. Returns those that must be removed instead.
    pub(crate) fn recycle(&mut self, watermark: u64) -> Vec<u32> {
        let mut removed = Vec::new();
        while let Some(segment) = self.closed.pop_front_if(|segment| segment.last_batch <= watermark) {
            if segment.reusable {
                self.free.push_back(segment.segment);
            } else {
                removed.push(segment.segment);
            }
        }
        removed
    }

    pub(crate) fn segments_used(&self) -> usize {
        self.closed.len() + usize::from(self.current.is_some())
    }

    #[cfg(test)]
    pub(crate) fn current(&self) -> Option<Occupied> {
        self.current
    }

    pub(crate) fn segments_free(&self) -> usize {
        self.free.len()
    }

    /// Bytes of frames, padding included, in all used segments.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.closed.iter().chain(&self.current).map(|segment| segment.end - FRAMES_FROM).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: u64 = 3 * 4096;

    fn two_free() -> Placement {
        Placement::new(SEGMENT, Vec::new(), vec![1, 2])
    }

    #[test]
    fn frames_follow_each_other_and_then_the_next_segment() {
        let mut placement = two_free();
        let places: Vec<_> = (1..=4).map(|batch| placement.place(batch, 4096)).collect();
        let at = |segment, offset| Some(Place { segment, offset });
        assert_eq!(places, [at(1, 4096), at(1, 8192), at(2, 4096), at(2, 8192)]);
        assert!(!placement.has_room(4096));
        assert_eq!(placement.place(5, 4096), None);
        assert_eq!((placement.segments_used(), placement.used_bytes()), (2, 4 * 4096));
    }

    #[test]
    fn a_segment_is_freed_only_when_closed_and_wholly_covered() {
        let mut placement = two_free();
        for batch in 1..=3 {
            placement.place(batch, 4096);
        }
        assert!(placement.recycle(1).is_empty());
        assert_eq!(placement.segments_free(), 0);
        placement.recycle(3);
        assert_eq!((placement.segments_free(), placement.segments_used()), (1, 1));
        placement.close_current();
        placement.recycle(3);
        assert_eq!((placement.segments_free(), placement.segments_used()), (2, 0));
    }

    #[test]
    fn a_segment_of_another_size_is_not_continued_and_removed_when_covered() {
        let old = Occupied { segment: 7, end: 8192, last_batch: 9, reusable: false };
        let mut placement = Placement::new(SEGMENT, vec![old], vec![8]);
        assert_eq!(placement.place(10, 4096), Some(Place { segment: 8, offset: 4096 }));
        assert_eq!(placement.recycle(9), vec![7]);
    }
}
