//! Collection: rows that were written again leave dead bytes behind; the emptiest segment is copied out and removed.
//!
//! One segment at a time, so that a fold that is due does not wait for long. A row that can be read is packed anew, under
//! the dictionary of the segment it comes to; a record that cannot is copied as it stands: damage stays the harm of its
//! cart. Greedy choice by live share (Rosenblum and Ousterhout, 1992).

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::append::Appending;
use super::index::Update;
use super::open::updates_of;
use super::segment::Segment;
use super::{RowLog, RowLogError};

/// Segments of which more than this share has to be copied are not worth it, whatever the log's share is.
const WORTH_PERCENT: u64 = 90;

impl RowLog {
    /// Copies one segment out and removes it, if less than `live_percent_min` of the log counts; true if it did.
    pub(crate) fn collect(&self, live_percent_min: u64) -> Result<bool, RowLogError> {
        let usage = self.usage();
        if usage.live_bytes * 100 >= usage.bytes * live_percent_min {
            return Ok(false);
        }
        let mut active = self.active.lock();
        let oldest = self.listed(None).first().map(|first| first.number);
        let Some((slot, segment)) = self.emptiest(active.slot, oldest) else { return Ok(false) };
        let is_oldest = oldest == Some(segment.number);
        let updates = match updates_of(&self.dir, &segment, slot) {
            Ok(updates) => updates,
            Err(error) => return set_aside(&segment, error),
        };
        let mut appending = Appending::begin(self, &mut active);
        for update in updates {
            if let Err(error) = self.copy(&segment, update, is_oldest, &mut appending) {
                appending.abandon();
                return set_aside(&segment, error);
            }
        }
        appending.finish(Some(slot))?;
        Ok(true)
    }

    /// Copies what still says something: a row that counts, or a removal of what older segments may hold.
    fn copy(
        &self,
        segment: &Segment,
        Update { cart, place }: Update,
        is_oldest: bool,
        appending: &mut Appending<'_>,
    ) -> Result<(), RowLogError> {
        let newest = self.index.place(cart);
        match place {
            Some(place) if newest == Some(place) => {
                let record = segment.read(place).map_err(|source| self.read_error(segment, source))?;
                match segment.row_of(cart, &record) {
                    Some(row) => appending.put(cart, Some(&row)),
                    None => appending.copy(cart, &record),
                }
            }
            None if newest.is_none() && !is_oldest => appending.put(cart, None),
            _ => Ok(()),
        }
    }

    /// The sealed segment of which the least has to be copied. Each that is chosen gives bytes back, so that collecting
    /// comes to an end.
    fn emptiest(&self, active: u16, oldest: Option<u64>) -> Option<(u16, Arc<Segment>)> {
        let slots = self.slots.read();
        let sealed = slots.iter().zip(0..).filter(|(_, slot)| *slot != active);
        let shares = sealed.filter_map(|(segment, slot)| {
            let segment = segment.as_ref()?;
            let bytes = segment.durable_bytes().saturating_sub(segment.start).max(1);
            let share = segment.needed_bytes(oldest == Some(segment.number)) * 100 / bytes;
            (share < WORTH_PERCENT).then(|| (share, slot, Arc::clone(segment)))
        });
        shares.min_by_key(|(share, slot, _)| (*share, *slot)).map(|(_, slot, segment)| (slot, segment))
    }
}

/// A segment that is damaged, or on a part of the disk that cannot be read, is not chosen again until the next open: what
/// else it holds can be read by the index, and all others can be collected.
fn set_aside(segment: &Segment, error: RowLogError) -> Result<bool, RowLogError> {
    match error {
        RowLogError::Damaged { .. } | RowLogError::Unreadable { .. } => {
            let error: &dyn Error = &error;
            tracing::error!(error, segment = segment.number, "a segment cannot be collected, and stays");
            segment.removals.store(segment.durable_bytes(), Ordering::Relaxed);
            Ok(false)
        }
        error => Err(error),
    }
}
