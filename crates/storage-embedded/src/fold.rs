//! The fold: what is durable in the table goes to the base, in key order, in one piece; then the journal forgets it.
//!
//! 1. Rotate the journal, and wait until all before is durable.
//! 2. Go through what is dirty in key order: ask the base for what is not known, join what waits, write the durable
//!    state.
//! 3. Finish, durably.
//! 4. What has not changed since is clean.
//! 5. Store the watermark, recycle the segments.
//!
//! Everything in a batch that step 1 covered was in the table before its shard was looked at, and only durable states
//! are written: so the base never holds what the journal could still lose, and the journal never forgets what the base
//! does not hold.

use std::collections::BTreeMap;
use std::thread;

use storage::error::BoxError;

use crate::base::Put;
use crate::change;
use crate::engine::Engine;
use crate::entry::{Entry, State};
use crate::key::{self, Key};
use crate::row::{self, Row};

/// How full, in percent, the journal may get before a fold no longer rests.
const HURRY_AT_PERCENT: usize = 80;

/// What was written of a key.
enum Folded {
    Row {
        key: Key,
        through: Option<u64>,
        order: Option<u64>,
    },
    /// Changes through this batch, beside a row that is damaged.
    Quarantined {
        key: Key,
        through: u64,
    },
}

impl Engine {
    /// Percent of the journal's segments that are used.
    fn journal_percent(&self) -> usize {
        self.journal.segments_used() * 100 / self.journal.segments_max()
    }

    /// True when a fold should start: also where the disk has no room for more of a journal that can be given back.
    pub(crate) fn wants_fold(&self) -> bool {
        self.journal_percent() >= self.options.fold_at_percent
            || self.table.dirty_bytes() > self.options.dirty_bytes_max / 2
            || (self.journal.is_out_of_space() && self.journal.used_bytes() > 0)
    }

    /// Folds all that is durable now.
    pub(crate) fn fold(&self) -> Result<(), BoxError> {
        let _alone = self.upkeep.lock();
        let covered = self.journal.rotate();
        self.journal.durable(covered).wait()?;
        let mut folded = Vec::new();
        self.base.fold(&mut |put| {
            Folding { engine: self, put, folded: &mut folded, behind: BTreeMap::new() }.write_table()
        })?;
        folded.iter().for_each(|folded| self.mark_folded(folded));
        self.journal.recycle_through(covered)?;
        Ok(())
    }

    /// Gives space back, a little, if less than this share of what carts use counts; true if there was something to do.
    pub(crate) fn collect(&self, live_percent_min: u64) -> Result<bool, BoxError> {
        let _alone = self.upkeep.lock();
        self.base.collect(live_percent_min)
    }

    /// The base has it; if the entry is still what was written, it is clean.
    fn mark_folded(&self, folded: &Folded) {
        let (key, through, order) = match folded {
            Folded::Row { key, through, order } => (key, through, order),
            Folded::Quarantined { key, through } => {
                self.table.lock(key).with(key, |entry| entry.take_durable(*through));
                return;
            }
        };
        let mut shard = self.table.lock(key);
        shard.with(key, |entry| {
            entry.stored_order = *order;
            if entry.row().map(|row| row.through) == *through {
                entry.unfolded = false;
            }
            if let Some(moment) = order
                && !entry.is_dirty()
            {
                self.order.folded(key, *moment);
            }
        });
    }
}

struct Folding<'a, 'b> {
    engine: &'a Engine,
    put: &'a mut Put<'b>,
    folded: &'a mut Vec<Folded>,
    /// Index entries and quarantined changes: their keys are behind all others.
    behind: BTreeMap<Key, Option<Vec<u8>>>,
}

impl Folding<'_, '_> {
    fn write_table(mut self) -> Result<(), BoxError> {
        for keys in self.engine.table.dirty_carts() {
            let rests = !keys.is_empty() && self.engine.journal_percent() < HURRY_AT_PERCENT;
            self.write_all(keys)?;
            if rests {
                thread::sleep(self.engine.options.fold_pace);
            }
        }
        self.write_all(self.engine.table.dirty_others())?;
        for (key, value) in std::mem::take(&mut self.behind) {
            (self.put)(&key, value.as_deref())?;
        }
        Ok(())
    }

    fn write_all(&mut self, keys: Vec<Key>) -> Result<(), BoxError> {
        for key in keys {
            self.write(key)?;
        }
        Ok(())
    }

    fn write(&mut self, key: Key) -> Result<(), BoxError> {
        let engine = self.engine;
        engine.fetch_blocking(&key)?;
        let durable = engine.journal.durable_through();
        let mut shard = engine.table.lock(&key);
        let row = shard.with(&key, |entry| {
            entry.settle(durable);
            match &entry.state {
                State::Damaged(_) => {
                    self.quarantine(&key, entry, durable);
                    None
                }
                State::Unknown => None,
                State::Known(row) => entry.unfolded.then(|| (row.clone(), entry.stored_order)),
            }
        });
        drop(shard);
        match row.flatten() {
            Some((row, stored_order)) => self.write_row(key, row, stored_order),
            None => Ok(()),
        }
    }

    fn write_row(&mut self, key: Key, row: Option<Row>, stored_order: Option<u64>) -> Result<(), BoxError> {
        let order = row.as_ref().and_then(|row| row.value.order);
        if order != stored_order {
            let index = |moment: Option<u64>| moment.and_then(|moment| key::order_of(&key, moment));
            self.behind.extend(index(stored_order).map(|entry| (entry, None)));
            self.behind.extend(index(order).map(|entry| (entry, Some(Vec::new()))));
        }
        (self.put)(&key, row.as_ref().map(row::encode).as_deref())?;
        self.folded.push(Folded::Row { key, through: row.map(|row| row.through), order });
        Ok(())
    }

    /// Changes to a row that cannot be read are kept beside it, for whoever repairs it: the journal must not wait.
    fn quarantine(&mut self, key: &Key, entry: &Entry, through: u64) {
        for (number, pending) in (0..).zip(entry.waiting(through)) {
            let place = key::quarantine(key, pending.batch, number);
            self.behind.insert(place, Some(change::encode(key, &pending.change)));
        }
        self.folded.push(Folded::Quarantined { key: key.clone(), through });
    }
}
