//! Quarantine: changes to rows that cannot be read, kept in the base beside them until they can.
//!
//! The journal must not wait for such a row, nor forget what was acknowledged. So a fold that is not given a row puts what
//! waits for it here, all of it every time, after it has made the rows durable that it wrote, and before the journal
//! forgets: whatever ends it in between, an open finds each change here or in the journal, and later ones behind it. The
//! changes stay in the table as well. They join the row at the next fold that is given it, where a disk would not read it
//! or it was repaired, and leave from here.

use std::collections::BTreeMap;

use storage::error::BoxError;

use crate::change;
use crate::engine::Engine;
use crate::entry::Entry;
use crate::key::{self, Key};

/// What waits for rows that a fold was not given: changes by their places.
#[derive(Default)]
pub(crate) struct Quarantine {
    changes: BTreeMap<Key, Vec<u8>>,
}

/// The last batch of each key that has changes at these places, which rise.
fn through<'a>(places: impl IntoIterator<Item = &'a Key>) -> BTreeMap<Key, u64> {
    let places = places.into_iter().filter_map(|place| key::quarantined(place));
    places.map(|(key, batch)| (Key::from_slice(key), batch)).collect()
}

impl Quarantine {
    /// Adds what is durable of an entry.
    pub(crate) fn add(&mut self, key: &Key, entry: &Entry, durable_through: u64) {
        for (number, pending) in (0..).zip(entry.waiting(durable_through)) {
            let place = key::quarantine(key, pending.batch, number);
            self.changes.insert(place, change::encode(key, &pending.change));
        }
    }
}

impl Engine {
    /// Has the base hold these changes in quarantine, durably, and no others.
    pub(crate) fn keep_quarantine(&self, kept: Quarantine) -> Result<(), BoxError> {
        let mut known = self.quarantine.lock();
        if known.is_empty() && kept.changes.is_empty() {
            return Ok(());
        }
        let kept_through = through(kept.changes.keys());
        let (from, end) = key::quarantine_range();
        let mut changed: BTreeMap<Key, Option<Vec<u8>>> =
            self.base.keys(&from, &end, usize::MAX)?.into_iter().map(|place| (place, None)).collect();
        for (place, change) in kept.changes {
            // What is there already is the same.
            if changed.remove(&place).is_none() {
                changed.insert(place, Some(change));
            }
        }
        // Also if it fails: some of it may be there.
        known.extend(kept_through.clone());
        self.base
            .fold(&mut |put| changed.iter().try_for_each(|(place, change)| put(place, change.as_deref())))?;
        *known = kept_through;
        Ok(())
    }

    /// Takes in what an earlier process left here.
    pub(crate) fn replay_quarantine(&self) -> Result<(), BoxError> {
        let (from, end) = key::quarantine_range();
        let places = self.base.keys(&from, &end, usize::MAX)?;
        for place in &places {
            if let (Some((_, batch)), Some(record)) = (key::quarantined(place), self.base.get(place)?) {
                self.take_in(batch, &record)?;
            }
        }
        *self.quarantine.lock() = through(&places);
        Ok(())
    }
}
