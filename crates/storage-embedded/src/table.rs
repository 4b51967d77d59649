//! The table in front of the base: what is dirty, and a cache of what is clean.
//!
//! 256 shards, each behind its own lock, never held across a read of the base or an await. Everything dirty stays;
//! clean entries stay as long as the cache has room (first in, first out, with a second chance).

use std::collections::VecDeque;
use std::collections::hash_map::{Entry as Slot, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

use crate::entry::Entry;
use crate::key::{self, Key};

const SHARDS: usize = 256;
/// Entries looked at for one that is put in.
const EVICTION_STEPS: usize = 8;

pub(crate) struct Table {
    shards: Vec<Mutex<Shard>>,
    totals: Totals,
}

/// Bytes of all shards.
struct Totals {
    dirty: AtomicUsize,
    clean: AtomicUsize,
    clean_max: usize,
}

#[derive(Default)]
pub(crate) struct Shard {
    /// Boxed: a map that grows keeps twice as many places as it has entries.
    entries: HashMap<Key, Box<Entry>>,
    /// Entries that were clean when they were put here.
    clean: VecDeque<Key>,
    evicted: u64,
}

/// A locked shard. What is done to an entry is counted when it is done through [`Locked::with`].
pub(crate) struct Locked<'a> {
    shard: MutexGuard<'a, Shard>,
    totals: &'a Totals,
}

impl Table {
    /// An empty table whose cache keeps about this many bytes.
    pub(crate) fn new(clean_bytes_max: usize) -> Self {
        let totals =
            Totals { dirty: AtomicUsize::new(0), clean: AtomicUsize::new(0), clean_max: clean_bytes_max };
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), totals }
    }

    pub(crate) fn lock(&self, key: &[u8]) -> Locked<'_> {
        self.lock_shard(key::shard_of(key))
    }

    fn lock_shard(&self, shard: usize) -> Locked<'_> {
        Locked { shard: self.shards[shard].lock(), totals: &self.totals }
    }

    pub(crate) fn dirty_bytes(&self) -> usize {
        self.totals.dirty.load(Ordering::Relaxed)
    }

    /// Keys of dirty carts in each shard, in order: over all shards, in key order.
    pub(crate) fn dirty_carts(&self) -> impl Iterator<Item = Vec<Key>> {
        (0..SHARDS).map(|shard| self.dirty_keys(shard, key::is_cart))
    }

    /// Keys of everything dirty that is no cart, in order.
    pub(crate) fn dirty_others(&self) -> Vec<Key> {
        let others = |shard| self.dirty_keys(shard, |key| !key::is_cart(key));
        let mut keys: Vec<Key> = (0..SHARDS).flat_map(others).collect();
        keys.sort_unstable();
        keys
    }

    fn dirty_keys(&self, shard: usize, wanted: impl Fn(&[u8]) -> bool) -> Vec<Key> {
        let locked = self.lock_shard(shard);
        let dirty = locked.shard.entries.iter().filter(|(key, entry)| entry.is_dirty() && wanted(key));
        let mut keys: Vec<Key> = dirty.map(|(key, _)| key.clone()).collect();
        drop(locked);
        keys.sort_unstable();
        keys
    }

    /// Keys of dirty carts from `from` on, in order, at most `limit`.
    pub(crate) fn dirty_carts_from(&self, from: &[u8], limit: usize) -> Vec<Key> {
        let first = from.get(1).map_or(0, |first| usize::from(*first));
        let mut keys = Vec::new();
        for shard in first..SHARDS {
            keys.extend(self.dirty_keys(shard, |key| key::is_cart(key) && key >= from));
            if keys.len() >= limit {
                break;
            }
        }
        keys.truncate(limit);
        keys
    }
}

impl Locked<'_> {
    /// Does something to an entry, if there is one.
    pub(crate) fn with<R>(&mut self, key: &[u8], act: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let shard = &mut *self.shard;
        let entry = shard.entries.get_mut(key)?;
        let was_dirty = entry.is_dirty();
        let answer = act(entry);
        self.totals.recount(entry, was_dirty);
        if entry.is_evictable() {
            if !entry.listed {
                entry.listed = true;
                shard.clean.push_back(Key::from_slice(key));
            }
            shard.evict(self.totals);
        }
        Some(answer)
    }

    /// Does something to an entry, a new one if there is none.
    pub(crate) fn with_or_new<R>(&mut self, key: &Key, act: impl FnOnce(&mut Entry) -> R) -> R {
        if let Slot::Vacant(place) = self.shard.entries.entry(key.clone()) {
            place.insert(Box::default());
        }
        #[expect(clippy::expect_used, reason = "put in just above, under the same lock")]
        self.with(key, act).expect("the entry is there")
    }

    /// How many entries have left this shard: as long as it is the same, whatever was here is.
    pub(crate) fn evicted(&self) -> u64 {
        self.shard.evicted
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.shard.entries.contains_key(key)
    }
}

impl Shard {
    fn evict(&mut self, totals: &Totals) {
        for _ in 0..EVICTION_STEPS {
            if totals.clean.load(Ordering::Relaxed) <= totals.clean_max {
                return;
            }
            let Some(key) = self.clean.pop_front() else { return };
            let Slot::Occupied(mut place) = self.entries.entry(key) else { continue };
            let entry = place.get_mut();
            if !entry.is_evictable() {
                // It comes back when it is clean again.
                entry.listed = false;
            } else if std::mem::take(&mut entry.recently_used) {
                let key = place.key().clone();
                self.clean.push_back(key);
            } else {
                totals.clean.fetch_sub(entry.counted, Ordering::Relaxed);
                place.remove();
                self.evicted += 1;
            }
        }
    }
}

impl Totals {
    fn recount(&self, entry: &mut Entry, was_dirty: bool) {
        if entry.counted == entry.bytes() && entry.is_dirty() == was_dirty {
            // Most are only looked at, and all processors share these counts.
            return;
        }
        self.total(was_dirty).fetch_sub(entry.counted, Ordering::Relaxed);
        entry.counted = entry.bytes();
        self.total(entry.is_dirty()).fetch_add(entry.counted, Ordering::Relaxed);
    }

    fn total(&self, dirty: bool) -> &AtomicUsize {
        if dirty { &self.dirty } else { &self.clean }
    }
}
