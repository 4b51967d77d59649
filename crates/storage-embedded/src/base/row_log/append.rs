//! Writing to the log: all or nothing, in pieces that do not hold up the disk for others.

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use storage::cart::CartId;

use super::active::Active;
use super::error::io_error;
use super::index::Update;
use super::place::{LENGTH_MAX, Place};
use super::record::{Body, Head};
use super::segment::{self, Segment};
use super::{RowLog, RowLogError, dictionary, hints, manifest};

/// Bytes that are written with one call.
const WRITE_BYTES: usize = 512 << 10;
/// Bytes after which what was written is synced. Small, so that a journal on the same disk never waits for much.
const SYNC_BYTES: u64 = 2 << 20;

/// Records on their way into the log. Nothing of them counts before [`Appending::finish`].
pub(super) struct Appending<'a> {
    log: &'a RowLog,
    active: &'a mut Active,
    /// Where the active segment ends with what is buffered.
    end: u64,
    /// Where it ends with what is written.
    written: u64,
    synced: u64,
    buffer: Vec<u8>,
    /// What becomes of each cart, in the order in which records came.
    updates: Vec<Update>,
    /// How many updates of the active segment were there before.
    kept: usize,
    /// The segments that were written to: the first is the one that was active before.
    touched: Vec<Touched>,
}

/// A segment that this writing is done with, or is in.
struct Touched {
    slot: u16,
    segment: Arc<Segment>,
    /// Bytes to which it has grown.
    bytes: u64,
    /// How many updates came before the end of it.
    updates: usize,
    /// Its hints, once it is sealed.
    sealed: Option<Vec<Update>>,
}

impl<'a> Appending<'a> {
    pub(super) fn begin(log: &'a RowLog, active: &'a mut Active) -> Self {
        let end = active.segment.durable_bytes();
        let kept = active.updates.len();
        let (updates, touched, buffer) = (Vec::new(), Vec::new(), Vec::with_capacity(WRITE_BYTES));
        Self { log, active, end, written: end, synced: end, buffer, updates, kept, touched }
    }

    /// Appends the row of a cart, or that it has none.
    pub(super) fn put(&mut self, cart: CartId, row: Option<&[u8]>) -> Result<(), RowLogError> {
        let Some(row) = row else { return self.put_removal(cart) };
        let too_long = || RowLogError::TooLong(row.len());
        let plain = Head { cart, body: Body::Plain(u32::try_from(row.len()).map_err(|_| too_long())?) };
        if plain.record_bytes() > LENGTH_MAX {
            return Err(too_long());
        }
        // Which segment takes the row, and with it the dictionary, must be known before it is packed.
        self.make_room(plain.record_bytes())?;
        let (body, bytes) = self.active.pack(&self.log.dir, cart, row)?;
        let head = Head { cart, body };
        head.write(bytes, &mut self.buffer);
        let place = self.take_place(head.record_bytes());
        self.note(Update { cart, place: Some(place) })
    }

    fn put_removal(&mut self, cart: CartId) -> Result<(), RowLogError> {
        let head = Head { cart, body: Body::Removed };
        self.make_room(head.record_bytes())?;
        head.write(&[], &mut self.buffer);
        self.take_place(head.record_bytes());
        self.note(Update { cart, place: None })
    }

    /// Appends the record of a row as it stands elsewhere, whatever has become of its bytes.
    pub(super) fn copy(&mut self, cart: CartId, record: &[u8]) -> Result<(), RowLogError> {
        self.make_room(record.len() as u64)?;
        self.buffer.extend_from_slice(record);
        let place = self.take_place(record.len() as u64);
        self.note(Update { cart, place: Some(place) })
    }

    /// True while nothing was handed over.
    pub(super) fn is_empty(&self) -> bool {
        self.updates.is_empty()
    }

    fn note(&mut self, update: Update) -> Result<(), RowLogError> {
        self.updates.push(update);
        self.active.updates.push(update);
        if self.buffer.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    /// Sees to it that the active segment takes a record of so many bytes.
    fn make_room(&mut self, bytes: u64) -> Result<(), RowLogError> {
        if self.active.takes(self.end, bytes, self.log.segment_bytes) { Ok(()) } else { self.next_segment() }
    }

    /// Where the record that was buffered last stands.
    fn take_place(&mut self, bytes: u64) -> Place {
        let place = Place::new(self.active.slot, self.end, bytes);
        self.end += place.bytes();
        place
    }

    fn write(&mut self) -> Result<(), RowLogError> {
        let segment = &self.active.segment;
        let failed = |source| io_error("write", &segment::path(&self.log.dir, segment.number), source);
        segment.file.write_all_at(&self.buffer, self.written).map_err(failed)?;
        self.written = self.end;
        self.buffer.clear();
        if self.written - self.synced >= SYNC_BYTES {
            segment.file.sync_data().map_err(failed)?;
            self.synced = self.written;
        }
        Ok(())
    }

    /// Ends the writing of the active segment.
    fn end_segment(&mut self, is_sealed: bool) -> Result<(), RowLogError> {
        self.write()?;
        let Active { slot, segment, .. } = &*self.active;
        let failed = |source| io_error("sync", &segment::path(&self.log.dir, segment.number), source);
        segment.file.sync_data().map_err(failed)?;
        let (slot, segment) = (*slot, Arc::clone(segment));
        let sealed = is_sealed.then(|| std::mem::take(&mut self.active.updates));
        let updates = self.updates.len();
        self.touched.push(Touched { slot, segment, bytes: self.end, updates, sealed });
        Ok(())
    }

    fn next_segment(&mut self) -> Result<(), RowLogError> {
        self.write()?; // the dictionary is made of what is in the file
        let dictionary = dictionary::of_last_rows(self.active, self.log.segment_bytes);
        self.end_segment(true)?;
        let number = self.active.next_number;
        let segment = Arc::new(Segment::create(&self.log.dir, number, dictionary)?);
        self.active.slot = self.log.place_segment(&segment)?;
        (self.end, self.written, self.synced) = (segment.start, segment.start, segment.start);
        (self.active.segment, self.active.next_number) = (segment, number + 1);
        self.active.packer = None;
        Ok(())
    }

    /// Makes all of it durable, then part of the log; with `removed`, that segment ceases to be.
    ///
    /// # Errors
    /// After [`RowLogError::Unsettled`] all that was written stays, and the log must not be written until it was opened again;
    /// any other leaves the log as it was.
    pub(super) fn finish(mut self, removed: Option<u16>) -> Result<(), RowLogError> {
        let finished = self.end_segment(false).and_then(|()| self.publish(removed));
        if let Err(error) = finished {
            if !error.is_unsettled() {
                self.abandon();
            }
            return Err(error);
        }
        let mut counted = 0;
        for touched in &self.touched {
            touched.segment.count_removals(self.updates[counted..touched.updates].iter());
            counted = touched.updates;
        }
        self.updates.sort_by_key(|update| update.cart);
        // The new places first, so that nothing is taken from a count before it was added to it.
        self.updates.iter().filter_map(|update| update.place).for_each(|place| self.log.count(place));
        self.log.index.merge(&self.updates, |place| self.log.uncount(place));
        removed.map_or(Ok(()), |slot| self.log.remove_segment(slot))
    }

    fn publish(&self, removed: Option<u16>) -> Result<(), RowLogError> {
        for touched in &self.touched {
            if let Some(updates) = &touched.sealed {
                hints::store(&self.log.dir, touched.segment.number, updates)?;
            }
        }
        let before: Vec<u64> = self.touched.iter().map(|touched| touched.segment.durable_bytes()).collect();
        self.touched.iter().for_each(|touched| touched.segment.bytes.store(touched.bytes, Ordering::Relaxed));
        let stored = manifest::store(&self.log.dir, &self.log.listed(removed), self.log.sync_dir);
        if stored.as_ref().is_err_and(|error| !error.is_unsettled()) {
            let back = self.touched.iter().zip(before);
            back.for_each(|(touched, bytes)| touched.segment.bytes.store(bytes, Ordering::Relaxed));
        }
        stored
    }

    /// Leaves the log as it was. What stays behind on the disk is cut off at the next open at the latest.
    pub(super) fn abandon(&mut self) {
        if let Some(first) = self.touched.first_mut() {
            let (slot, segment) = (first.slot, Arc::clone(&first.segment));
            if let Some(updates) = first.sealed.take() {
                self.active.updates = updates;
            }
            let begun = self.touched.iter().map(|touched| touched.slot).chain([self.active.slot]);
            let begun: Vec<u16> = begun.filter(|begun| *begun != slot).collect();
            (self.active.slot, self.active.segment) = (slot, segment);
            self.active.packer = None;
            begun.into_iter().for_each(|slot| self.forget(slot));
        }
        self.active.updates.truncate(self.kept);
        let segment = &self.active.segment;
        if let Err(error) = segment.file.set_len(segment.durable_bytes()) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what a fold left cannot be cut off yet"
            );
        }
    }

    fn forget(&self, slot: u16) {
        if let Err(error) = self.log.remove_segment(slot) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what a fold left cannot be removed yet"
            );
        }
    }
}
