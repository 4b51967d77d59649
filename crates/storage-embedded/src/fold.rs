//! The fold: what is durable in the table goes to the base, in key order, in one piece; then the journal forgets it.
//!
//! 1. Rotate the journal, and wait until all before is durable.
//! 2. Go through what is dirty in key order: ask the base for what is not known, join what waits, write the durable
//!    state.
//! 3. Finish, durably; then put into quarantine what waits for rows that the base did not give.
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
use crate::engine::Engine;
use crate::entry::State;
use crate::key::{self, Key};
use crate::quarantine::Quarantine;
use crate::row::{self, Row};

/// How full, in percent, the journal may get before a fold no longer rests.
const HURRY_AT_PERCENT: usize = 80;

/// What was written of a key.
struct Folded {
    key: Key,
    through: Option<u64>,
    order: Option<u64>,
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
        let (mut folded, mut unread) = (Vec::new(), Unread::default());
        self.base.fold(&mut |put| {
            let (folded, unread) = (&mut folded, &mut unread);
            Folding { engine: self, put, folded, unread, index: BTreeMap::new() }.write_table()
        })?;
        unread.tell();
        self.keep_quarantine(unread.waiting)?;
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
    fn mark_folded(&self, Folded { key, through, order }: &Folded) {
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
    unread: &'a mut Unread,
    /// Entries of the order index: their keys are behind all others.
    index: BTreeMap<Key, Option<Vec<u8>>>,
}

/// What the base did not give, or not whole.
#[derive(Default)]
struct Unread {
    waiting: Quarantine,
    /// How many rows a disk would not read, and what it said of the first.
    refused: usize,
    first: Option<(String, BoxError)>,
}

impl Unread {
    /// Once for all of a fold: a disk that fails may not give thousands.
    fn tell(&self) {
        if let Some((record, error)) = &self.first {
            let (rows, error) = (self.refused, &**error);
            tracing::error!(rows, record, error, "rows cannot be read: their changes are kept apart");
        }
    }
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
        for (key, value) in std::mem::take(&mut self.index) {
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
        if let Err(cause) = engine.fetch_blocking(&key) {
            self.unread.refused += 1;
            self.unread.first.get_or_insert_with(|| (key::describe(&key), cause));
        }
        let durable = engine.journal.durable_through();
        let mut shard = engine.table.lock(&key);
        let row = shard.with(&key, |entry| {
            entry.settle(durable);
            match &entry.state {
                State::Damaged(_) | State::Unknown => {
                    self.unread.waiting.add(&key, entry, durable);
                    None
                }
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
            self.index.extend(index(stored_order).map(|entry| (entry, None)));
            self.index.extend(index(order).map(|entry| (entry, Some(Vec::new()))));
        }
        (self.put)(&key, row.as_ref().map(row::encode).as_deref())?;
        self.folded.push(Folded { key, through: row.map(|row| row.through), order });
        Ok(())
    }
}
