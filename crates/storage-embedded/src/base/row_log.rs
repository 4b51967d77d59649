//! The rows of carts: a log of segments, an index of all carts in memory, and collection of what is no longer used.
//!
//! ```text
//! fold     → records behind the active segment, synced as they come; then hints, manifest, index
//! read     → index, one read at the place; whole ids are compared, so another cart's row is never answered
//! collect  → what still counts of the emptiest segment goes behind the active one, then that segment goes
//! open     → manifest, the hints of sealed segments, the active segment record by record
//! ```
//! After Bitcask (Sheehy and Smith, 2010). What always holds: the manifest names only bytes that are durable; a row
//! that is not in the index yet is not answered, and one that is stays readable until nobody reads it; a fold that fails
//! leaves nothing, unless it fails so late that it may have happened. Reads never wait for a fold or a collection but for the microseconds of a lock.
//!
//! Rows are packed, under a dictionary that each segment begins with: lines repeat what the same items said in other
//! carts, and a row alone is too short to repeat much of itself.
//!
//! Deliberately absent: keys other than carts' (24 bytes of memory a key are worth it for carts alone), reading ahead.

mod active;
mod append;
mod capture;
mod collect;
mod dictionary;
mod error;
mod header;
mod hints;
mod index;
mod manifest;
mod open;
mod packing;
mod place;
mod record;
mod segment;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Mutex, RwLock};
use storage::cart::CartId;

pub(crate) use capture::{CapturedSegment, make, segment_path};
pub(crate) use error::RowLogError;

use super::AtHand;
use active::Active;
use append::Appending;
use error::io_error;
use index::Index;
use manifest::{Listed, SyncDir};
use place::Place;
use segment::Segment;

/// An open row log.
pub(crate) struct RowLog {
    dir: PathBuf,
    /// A segment is sealed once it has as many bytes.
    segment_bytes: u64,
    index: Index,
    slots: RwLock<Vec<Option<Arc<Segment>>>>,
    /// Held by whoever writes: a fold, or a collection.
    active: Mutex<Active>,
    sync_dir: SyncDir,
}

/// How much of the log counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Carts that have a row.
    pub(crate) carts: usize,
    /// Bytes on disk.
    pub(crate) bytes: u64,
    /// Of these, bytes of rows that are the newest of their carts.
    pub(crate) live_bytes: u64,
    /// Files.
    pub(crate) segments: usize,
}

impl RowLog {
    /// The bytes of a cart's row. A record that is damaged is answered as no bytes at all, which are no row: so the
    /// harm is that cart's alone.
    pub(crate) fn get(&self, cart: CartId) -> Result<Option<Vec<u8>>, RowLogError> {
        let Some((segment, place)) = self.find(cart) else { return Ok(None) };
        let record = segment.read(place).map_err(|source| self.read_error(&segment, source))?;
        Ok(Some(segment.row_of(cart, &record).unwrap_or_default()))
    }

    /// The same without waiting for a disk.
    pub(crate) fn at_hand(&self, cart: CartId) -> Result<AtHand, RowLogError> {
        let Some((segment, place)) = self.find(cart) else { return Ok(AtHand::Value(None)) };
        let record = segment.read_cached(place).map_err(|source| self.read_error(&segment, source))?;
        let row = |record: Vec<u8>| segment.row_of(cart, &record).unwrap_or_default();
        Ok(record.map_or(AtHand::OnDisk, |record| AtHand::Value(Some(row(record)))))
    }

    /// True when a cart has a row.
    pub(crate) fn contains(&self, cart: CartId) -> bool {
        self.index.with(cart, |_| ()).is_some()
    }

    /// Carts that have a row, from `from` on, in order, at most `limit`.
    pub(crate) fn carts_from(&self, from: CartId, limit: usize) -> Vec<CartId> {
        self.index.carts_from(from, limit)
    }

    /// Writes rows and removals, which `fill` hands over in the order of carts; all of them or none.
    pub(crate) fn fold<E: From<RowLogError>>(
        &self,
        fill: impl FnOnce(&mut dyn FnMut(CartId, Option<&[u8]>) -> Result<(), RowLogError>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut active = self.active.lock();
        let mut appending = Appending::begin(self, &mut active);
        match fill(&mut |cart, row| appending.put(cart, row)) {
            Ok(()) if appending.is_empty() => Ok(()),
            Ok(()) => Ok(appending.finish(None)?),
            Err(error) => {
                appending.abandon();
                Err(error)
            }
        }
    }

    /// How much of the log counts.
    pub(crate) fn usage(&self) -> Usage {
        let mut usage = Usage { carts: self.index.len(), ..Usage::default() };
        for segment in self.slots.read().iter().flatten() {
            usage.bytes += segment.durable_bytes();
            usage.live_bytes += segment.live.load(Ordering::Relaxed);
            usage.segments += 1;
        }
        usage
    }

    /// Where a cart's row stands. The segment is taken before the index lets go: it is removed only once nothing in the
    /// index names it.
    fn find(&self, cart: CartId) -> Option<(Arc<Segment>, Place)> {
        self.index.with(cart, |place| Some((self.segment(place.slot())?, place))).flatten()
    }

    fn segment(&self, slot: u16) -> Option<Arc<Segment>> {
        self.slots.read().get(usize::from(slot)).cloned().flatten()
    }

    /// Puts a segment into a slot that is free.
    fn place_segment(&self, segment: &Arc<Segment>) -> Result<u16, RowLogError> {
        let mut slots = self.slots.write();
        let slot = slots.iter().position(Option::is_none).unwrap_or(slots.len());
        let number = u16::try_from(slot).map_err(|_| RowLogError::TooMany)?;
        if slot == slots.len() {
            slots.push(None);
        }
        slots[slot] = Some(Arc::clone(segment));
        Ok(number)
    }

    /// Rows at these places count no longer.
    fn uncount(&self, place: Place) {
        if let Some(segment) = self.segment(place.slot()) {
            segment.live.fetch_sub(place.bytes(), Ordering::Relaxed);
        }
    }

    fn count(&self, place: Place) {
        if let Some(segment) = self.segment(place.slot()) {
            segment.live.fetch_add(place.bytes(), Ordering::Relaxed);
        }
    }

    /// Takes a segment out, and its files away. Whoever reads it goes on doing so.
    fn remove_segment(&self, slot: u16) -> Result<(), RowLogError> {
        let removed = self.slots.write().get_mut(usize::from(slot)).and_then(Option::take);
        let Some(segment) = removed else { return Ok(()) };
        for file in [segment::path(&self.dir, segment.number), hints::path(&self.dir, segment.number)] {
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(io_error("remove", &file, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// All segments but `without`, in the order in which they were begun.
    fn listed(&self, without: Option<u16>) -> Vec<Listed> {
        let slots = self.slots.read();
        let segments = slots.iter().enumerate().filter(|(slot, _)| without.map(usize::from) != Some(*slot));
        let mut listed: Vec<Listed> = segments
            .filter_map(|(_, segment)| segment.as_ref())
            .map(|segment| Listed { number: segment.number, bytes: segment.durable_bytes() })
            .collect();
        listed.sort_by_key(|segment| segment.number);
        listed
    }

    fn read_error(&self, segment: &Segment, source: std::io::Error) -> RowLogError {
        RowLogError::Unreadable { file: segment::path(&self.dir, segment.number), source }
    }
}

#[cfg(test)]
mod tests;
