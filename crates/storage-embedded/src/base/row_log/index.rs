//! Which cart's row stands where: 24 bytes of memory for each cart, in order of ids.
//!
//! 256 shards by the first byte of the id, each two sorted arrays. A merge replaces the arrays of a shard, or writes
//! places in their stead where no cart comes or goes, so readers wait for microseconds at most. Whole ids are kept, so
//! an id that is not here has no row, and no disk is asked.

use parking_lot::RwLock;
use storage::cart::CartId;

use super::place::Place;

const SHARDS: usize = 256;

/// What a fold makes of a cart: its new place, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) cart: CartId,
    pub(super) place: Option<Place>,
}

pub(super) struct Index {
    shards: Vec<RwLock<Shard>>,
}

/// Both arrays are as long, and `ids` strictly rises.
#[derive(Debug, Default)]
struct Shard {
    ids: Vec<u128>,
    places: Vec<Place>,
}

impl Index {
    /// The index of updates that come in the order in which they were written, shard by shard; the last of a cart counts.
    pub(super) fn of_shards(updates: Vec<Vec<Update>>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut shards: Vec<Shard> = Vec::new();
        shards.resize_with(SHARDS, Shard::default);
        let mut updates = updates;
        updates.resize_with(SHARDS, Vec::new);
        let share = SHARDS.div_ceil(cores);
        std::thread::scope(|scope| {
            for (shards, updates) in shards.chunks_mut(share).zip(updates.chunks_mut(share)) {
                scope.spawn(move || {
                    for (shard, updates) in shards.iter_mut().zip(updates) {
                        *shard = Shard::of(std::mem::take(updates));
                    }
                });
            }
        });
        Self { shards: shards.into_iter().map(RwLock::new).collect() }
    }

    /// Does something with the place of a cart's row, which stays valid meanwhile.
    pub(super) fn with<R>(&self, cart: CartId, act: impl FnOnce(Place) -> R) -> Option<R> {
        let shard = self.shards[shard_of(cart)].read();
        let at = shard.ids.binary_search(&number(cart)).ok()?;
        Some(act(shard.places[at]))
    }

    pub(super) fn place(&self, cart: CartId) -> Option<Place> {
        self.with(cart, |place| place)
    }

    /// Carts from `from` on, in order, at most `limit`.
    pub(super) fn carts_from(&self, from: CartId, limit: usize) -> Vec<CartId> {
        let mut found = Vec::new();
        for shard in &self.shards[shard_of(from)..] {
            let shard = shard.read();
            let start = shard.ids.partition_point(|id| *id < number(from));
            found.extend(
                shard.ids[start..].iter().take(limit - found.len()).map(|id| CartId(id.to_be_bytes())),
            );
            if found.len() >= limit {
                break;
            }
        }
        found
    }

    /// Takes updates in, sorted by cart, each cart once; `replaced` hears of each place that is no longer used. Never
    /// two at a time.
    pub(super) fn merge(&self, updates: &[Update], mut replaced: impl FnMut(Place)) {
        for updates in updates.chunk_by(|a, b| shard_of(a.cart) == shard_of(b.cart)) {
            let shard = &self.shards[shard_of(updates[0].cart)];
            let known = shard.read();
            match known.spots(updates) {
                Some(spots) => {
                    drop(known);
                    let mut shard = shard.write();
                    for (spot, place) in spots {
                        replaced(std::mem::replace(&mut shard.places[spot], place));
                    }
                }
                None => {
                    let merged = known.merged(updates, &mut replaced);
                    drop(known);
                    *shard.write() = merged;
                }
            }
        }
    }

    /// Calls `act` with the place of every row.
    pub(super) fn for_each(&self, mut act: impl FnMut(Place)) {
        self.shards.iter().for_each(|shard| shard.read().places.iter().copied().for_each(&mut act));
    }

    /// Carts that have a row.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().ids.len()).sum()
    }
}

impl Shard {
    fn of(mut updates: Vec<Update>) -> Self {
        // Stable, and quick where whole runs are sorted already, as those of each segment are.
        updates.sort_by_key(|update| update.cart);
        let last_of_each = updates.chunk_by(|a, b| a.cart == b.cart).filter_map(|of_cart| of_cart.last());
        let (mut ids, mut places) = (Vec::with_capacity(updates.len()), Vec::with_capacity(updates.len()));
        for update in last_of_each {
            if let Some(place) = update.place {
                ids.push(number(update.cart));
                places.push(place);
            }
        }
        ids.shrink_to_fit();
        places.shrink_to_fit();
        Self { ids, places }
    }

    /// Where the carts of these updates stand, if all do and stay.
    fn spots(&self, updates: &[Update]) -> Option<Vec<(usize, Place)>> {
        let spot =
            |update: &Update| Some((self.ids.binary_search(&number(update.cart)).ok()?, update.place?));
        updates.iter().map(spot).collect()
    }

    fn merged(&self, updates: &[Update], replaced: &mut impl FnMut(Place)) -> Self {
        let most = self.ids.len() + updates.len();
        let mut merged = Self { ids: Vec::with_capacity(most), places: Vec::with_capacity(most) };
        let mut next = 0;
        for update in updates {
            let id = number(update.cart);
            let until = next + self.ids[next..].partition_point(|known| *known < id);
            merged.take(self, next, until);
            next = until;
            if self.ids.get(next) == Some(&id) {
                replaced(self.places[next]);
                next += 1;
            }
            if let Some(place) = update.place {
                merged.ids.push(id);
                merged.places.push(place);
            }
        }
        merged.take(self, next, self.ids.len());
        merged
    }

    fn take(&mut self, from: &Self, start: usize, end: usize) {
        self.ids.extend_from_slice(&from.ids[start..end]);
        self.places.extend_from_slice(&from.places[start..end]);
    }
}

/// The shard of a cart: carts in order of ids are in order of shards.
pub(super) fn shard_of(cart: CartId) -> usize {
    usize::from(cart.0[0])
}

fn number(cart: CartId) -> u128 {
    u128::from_be_bytes(cart.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn cart(number: u16) -> CartId {
        // Few carts in few shards, so that merges meet all cases.
        let [high, low] = number.to_be_bytes();
        let mut id = [0; 16];
        (id[0], id[15]) = (high, low);
        CartId(id)
    }

    proptest! {
        #[test]
        fn merges_leave_what_a_sorted_map_would_hold(
            rounds in prop::collection::vec(prop::collection::btree_map(0..600u16, prop::option::of(0..100u64), 0..40), 1..6)
        ) {
            let index = Index::of_shards(Vec::new());
            let mut model: BTreeMap<CartId, Place> = BTreeMap::new();
            let mut live = 0;
            for round in rounds {
                let place = |offset: Option<u64>| offset.map(|offset| Place::new(1, 8 * offset, 8));
                let updates: Vec<Update> =
                    round.iter().map(|(n, offset)| Update { cart: cart(*n), place: place(*offset) }).collect();
                live += updates.iter().filter(|update| update.place.is_some()).count();
                index.merge(&updates, |_| live -= 1);
                for Update { cart, place } in updates {
                    match place {
                        Some(place) => drop(model.insert(cart, place)),
                        None => drop(model.remove(&cart)),
                    }
                }
                prop_assert_eq!((index.len(), live), (model.len(), model.len()));
                for n in 0..600 {
                    prop_assert_eq!(index.place(cart(n)), model.get(&cart(n)).copied());
                }
                let from = cart(300);
                let expected: Vec<CartId> = model.range(from..).map(|(cart, _)| *cart).take(5).collect();
                prop_assert_eq!(index.carts_from(from, 5), expected);
            }
        }
    }

    #[test]
    fn of_many_updates_of_a_cart_the_last_counts() {
        let at = |offset| Some(Place::new(0, offset, 8));
        let update = |n, place| Update { cart: cart(n), place };
        let updates =
            vec![update(2, at(16)), update(1, at(24)), update(2, at(32)), update(3, at(40)), update(3, None)];
        let index = Index::of_shards(vec![updates]);
        assert_eq!([1, 2, 3].map(|n| index.place(cart(n))), [at(24), at(32), None]);
    }
}
