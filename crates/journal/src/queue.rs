//! The batches that are not durable yet, and who waits for them. Pure: no threads, no files, `now` is an argument.
//!
//! A batch is open (takes records), then sealed (has its place), then in flight (with the committer). Numbers are given
//! out without gaps, in the order in which batches are written, so "durable through n" says it all.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::error::JournalError;
use crate::frame::{self, HEADER_BYTES, RECORD_PREFIX_BYTES};
use crate::options::JournalOptions;
use crate::placement::{Place, Placement};

/// Of each write, this share of the difference enters the smoothed write time.
const SMOOTHING: u32 = 8;
/// Buffers kept for later batches.
const SPARE_BUFFERS: usize = 2;

#[derive(Debug)]
struct Batch {
    number: u64,
    payload: Vec<u8>,
    wakers: Vec<Waker>,
    opened: Instant,
}

#[derive(Debug)]
struct InFlight {
    number: u64,
    payload_bytes: usize,
    wakers: Vec<Waker>,
    opened: Instant,
}

/// What the committer is to write next.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) batch: u64,
    pub(crate) place: Place,
    pub(crate) payload: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    options: JournalOptions,
    pub(crate) placement: Placement,
    open: Option<Batch>,
    sealed: VecDeque<(Batch, Place)>,
    in_flight: Option<InFlight>,
    next_batch: u64,
    queued_bytes: usize,
    write_time: Duration,
    /// Writers that found the journal full, each with the instant at which it gives up.
    room_wakers: Vec<(Instant, Waker)>,
    failure: Option<Arc<io::Error>>,
    /// Free bytes of the file system, when they are below the floor.
    low_space: Option<u64>,
    /// True when the last batch holds nothing, or there is none: nothing is lost with it.
    pub(crate) is_marked: bool,
    /// True when there was no space for the last segment that was to be made.
    pub(crate) segment_refused: bool,
    /// Set once, by the handle that goes away: finish what is queued, then end.
    pub(crate) closing: bool,
    spare_payloads: Vec<Vec<u8>>,
    spare_wakers: Vec<Vec<Waker>>,
}

impl Queue {
    pub(crate) fn new(options: JournalOptions, placement: Placement, next_batch: u64) -> Self {
        Self {
            options,
            placement,
            open: None,
            sealed: VecDeque::new(),
            in_flight: None,
            next_batch,
            queued_bytes: 0,
            write_time: Duration::ZERO,
            room_wakers: Vec::new(),
            failure: None,
            low_space: None,
            is_marked: false,
            segment_refused: false,
            closing: false,
            spare_payloads: Vec::new(),
            spare_wakers: Vec::new(),
        }
    }

    /// Takes a record and says which batch it is in, or leaves no trace of it.
    pub(crate) fn enqueue(&mut self, now: Instant, record: &[u8]) -> Result<u64, JournalError> {
        self.check_health()?;
        let bytes = RECORD_PREFIX_BYTES + record.len();
        let payload_max = self.payload_bytes_max();
        if bytes > payload_max {
            let bytes_max = payload_max - RECORD_PREFIX_BYTES;
            return Err(JournalError::RecordTooLarge { bytes: record.len(), bytes_max });
        }
        self.check_load(now, bytes)?;
        if !self.has_room_for(record.len()) {
            return Err(JournalError::Full);
        }
        let open = self.open_batch(now);
        if !frame::push_record(&mut open.payload, record) {
            return Err(JournalError::RecordTooLarge { bytes: record.len(), bytes_max: u32::MAX as usize });
        }
        let number = open.number;
        self.queued_bytes += bytes;
        Ok(number)
    }

    /// True when a record of this length, short enough for a segment, would find a place now.
    pub(crate) fn has_room_for(&mut self, record_bytes: usize) -> bool {
        let bytes = RECORD_PREFIX_BYTES + record_bytes;
        let batch_max = self.options.batch_bytes_max.min(self.payload_bytes_max());
        if self.open.as_ref().is_some_and(|open| open.payload.len() + bytes > batch_max) {
            self.seal_open();
        }
        let payload_bytes = self.open.as_ref().map_or(0, |open| open.payload.len()) + bytes;
        self.placement.has_room(frame::frame_bytes(payload_bytes) as u64)
    }

    fn check_health(&self) -> Result<(), JournalError> {
        if let Some(cause) = &self.failure {
            return Err(JournalError::Failed(Arc::clone(cause)));
        }
        match self.low_space {
            Some(available) => {
                Err(JournalError::NoSpace { available, floor: self.options.disk_free_bytes_min })
            }
            None => Ok(()),
        }
    }

    fn check_load(&self, now: Instant, bytes: usize) -> Result<(), JournalError> {
        // An empty queue always takes a record, however slow the last write was: else nothing would ever find out that
        // the disk has recovered.
        let Some(oldest) = self.oldest() else { return Ok(()) };
        if self.queued_bytes + bytes > self.options.queue_bytes_max {
            return Err(JournalError::Overloaded { wait: Duration::ZERO });
        }
        let batches_ahead = u32::try_from(self.sealed.len()).unwrap_or(u32::MAX);
        let wait = now.saturating_duration_since(oldest) + self.write_time.saturating_mul(batches_ahead);
        if wait > self.options.queue_wait_max {
            return Err(JournalError::Overloaded { wait });
        }
        Ok(())
    }

    /// When the first record came that is not durable yet.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let in_flight = self.in_flight.as_ref().map(|batch| batch.opened);
        let sealed = self.sealed.front().map(|(batch, _)| batch.opened);
        in_flight.or(sealed).or(self.open.as_ref().map(|batch| batch.opened))
    }

    fn payload_bytes_max(&self) -> usize {
        let frame_max = usize::try_from(self.placement.frame_bytes_max()).unwrap_or(usize::MAX);
        frame_max - HEADER_BYTES
    }

    fn open_batch(&mut self, now: Instant) -> &mut Batch {
        self.is_marked = false;
        self.open.get_or_insert_with(|| {
            let number = self.next_batch;
            self.next_batch += 1;
            Batch {
                number,
                payload: self.spare_payloads.pop().unwrap_or_default(),
                wakers: self.spare_wakers.pop().unwrap_or_default(),
                opened: now,
            }
        })
    }

    fn seal_open(&mut self) {
        let Some(batch) = self.open.take() else { return };
        let frame_bytes = frame::frame_bytes(batch.payload.len()) as u64;
        let place = self.placement.place(batch.number, frame_bytes);
        #[expect(clippy::expect_used, reason = "`enqueue` takes a record only where its batch finds a place")]
        let place = place.expect("a batch with room finds a place");
        self.sealed.push_back((batch, place));
    }

    /// Puts a batch of nothing behind the last one, where there is room for it.
    pub(crate) fn mark_end(&mut self, now: Instant) {
        self.seal_open();
        if self.is_marked || self.failure.is_some() || !self.placement.has_room(frame::ALIGN as u64) {
            return;
        }
        self.open_batch(now);
        self.seal_open();
        self.is_marked = true;
    }

    /// Number of the last batch given out.
    pub(crate) fn last_batch(&self) -> u64 {
        self.next_batch - 1
    }

    /// Later records go to another segment; returns the last batch of the segments before it.
    pub(crate) fn rotate(&mut self) -> u64 {
        self.seal_open();
        self.placement.close_current();
        self.last_batch()
    }

    /// Takes the next batch for writing; `None` when nothing is queued.
    pub(crate) fn take_work(&mut self) -> Option<Work> {
        if self.sealed.is_empty() {
            self.seal_open();
        }
        let (batch, place) = self.sealed.pop_front()?;
        let Batch { number, payload, wakers, opened } = batch;
        self.in_flight = Some(InFlight { number, payload_bytes: payload.len(), wakers, opened });
        Some(Work { batch: number, place, payload })
    }

    /// The batch in flight is durable; returns who waited for it.
    pub(crate) fn finish(&mut self, work: Work, write_time: Duration) -> Vec<Waker> {
        self.write_time = (self.write_time * (SMOOTHING - 1) + write_time) / SMOOTHING;
        self.keep_payload(work.payload);
        let Some(in_flight) = self.in_flight.take() else { return Vec::new() };
        self.queued_bytes -= in_flight.payload_bytes;
        in_flight.wakers
    }

    fn keep_payload(&mut self, mut payload: Vec<u8>) {
        if self.spare_payloads.len() < SPARE_BUFFERS && payload.capacity() <= 2 * self.options.batch_bytes_max
        {
            payload.clear();
            self.spare_payloads.push(payload);
        }
    }

    /// Takes an emptied list back for a later batch.
    pub(crate) fn keep_wakers(&mut self, wakers: Vec<Waker>) {
        if self.spare_wakers.len() < SPARE_BUFFERS {
            self.spare_wakers.push(wakers);
        }
    }

    /// Wakes `waker` once `batch`, which is not durable, is. Returns the failure instead if there was one.
    pub(crate) fn wake_when_durable(&mut self, batch: u64, waker: Waker) -> Result<(), JournalError> {
        if let Some(cause) = &self.failure {
            return Err(JournalError::Indeterminate(Arc::clone(cause)));
        }
        if let Some(in_flight) = self.in_flight.as_mut().filter(|in_flight| in_flight.number == batch) {
            in_flight.wakers.push(waker);
        } else if let Some(open) = self.open.as_mut().filter(|open| open.number == batch) {
            open.wakers.push(waker);
        } else {
            let sealed = self.sealed.iter_mut().find(|(sealed, _)| sealed.number == batch);
            #[expect(clippy::panic, reason = "waiting for a number never given out would be waiting forever")]
            let Some((sealed, _)) = sealed else { panic!("batch {batch} was never given out") };
            sealed.wakers.push(waker);
        }
        Ok(())
    }

    /// Nothing more is written. Returns who must hear of it.
    pub(crate) fn fail(&mut self, cause: io::Error) -> Vec<Waker> {
        self.failure.get_or_insert_with(|| Arc::new(cause));
        let in_flight = self.in_flight.take().map(|batch| batch.wakers);
        let sealed = self.sealed.drain(..).map(|(batch, _)| batch.wakers);
        let open = self.open.take().map(|batch| batch.wakers);
        let mut wakers: Vec<Waker> = in_flight.into_iter().chain(sealed).chain(open).flatten().collect();
        wakers.extend(self.take_room_wakers());
        wakers
    }

    pub(crate) fn failure(&self) -> Option<&Arc<io::Error>> {
        self.failure.as_ref()
    }

    /// Notes the free bytes of the file system.
    pub(crate) fn set_available(&mut self, available: u64) {
        self.low_space = (available < self.options.disk_free_bytes_min).then_some(available);
    }

    /// True while there is no space to write to: below the floor, or in need of a segment that cannot be made.
    pub(crate) fn is_out_of_space(&self) -> bool {
        let needs_segment = self.segment_refused && !self.placement.has_room(frame::ALIGN as u64);
        self.low_space.is_some() || needs_segment
    }

    /// Wakes `waker` when there may be room, at `deadline` at the latest.
    pub(crate) fn wake_on_room(&mut self, deadline: Instant, waker: Waker) {
        self.room_wakers.push((deadline, waker));
    }

    /// All that wait for room.
    pub(crate) fn take_room_wakers(&mut self) -> Vec<Waker> {
        self.room_wakers.drain(..).map(|(_, waker)| waker).collect()
    }

    /// Those that waited for room long enough.
    pub(crate) fn take_late_room_wakers(&mut self, now: Instant) -> Vec<Waker> {
        self.room_wakers.extract_if(.., |(deadline, _)| *deadline <= now).map(|(_, waker)| waker).collect()
    }

    /// When the next of those that wait for room gives up.
    pub(crate) fn room_deadline(&self) -> Option<Instant> {
        self.room_wakers.iter().map(|(deadline, _)| *deadline).min()
    }

    /// True when another segment should be made ready.
    pub(crate) fn wants_segment(&self) -> bool {
        self.placement.segments_free() == 0 && self.placement.segments_used() < self.options.segments_max
    }
}
