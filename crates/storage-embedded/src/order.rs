//! Records by their moment, items by their revision: the part of the order index that is not in the base yet.
//!
//! An index entry is a hint: whoever follows it looks at the record and passes over one that has moved on. So entries
//! that are too many do no harm, and none is missing: an entry leaves here only once the base has it.

use std::collections::BTreeSet;
use std::ops::Bound;

use parking_lot::Mutex;

use crate::change::Change;
use crate::key::{self, Key};

#[derive(Debug, Default)]
pub(crate) struct OrderIndex {
    entries: Mutex<BTreeSet<Key>>,
}

impl OrderIndex {
    /// A change was queued for `key`, which stood under `before`.
    pub(crate) fn change(&self, key: &[u8], before: Option<u64>, change: &Change) {
        let after = match change {
            Change::Put(value) => value.order,
            Change::Delta { .. } | Change::Remove => None,
        };
        if before == after {
            return;
        }
        let mut entries = self.entries.lock();
        if let Some(entry) = before.and_then(|moment| key::order_of(key, moment)) {
            entries.remove(&entry);
        }
        entries.extend(after.and_then(|moment| key::order_of(key, moment)));
    }

    /// The base has this one now.
    pub(crate) fn folded(&self, key: &[u8], moment: u64) {
        if let Some(entry) = key::order_of(key, moment) {
            self.entries.lock().remove(&entry);
        }
    }

    /// Entries from `from` to before `end`, in order, at most `limit`.
    pub(crate) fn range(&self, from: &[u8], end: &[u8], limit: usize) -> Vec<Key> {
        if from >= end {
            return Vec::new();
        }
        let range = (Bound::Included(from), Bound::Excluded(end));
        self.entries.lock().range::<[u8], _>(range).take(limit).cloned().collect()
    }
}
