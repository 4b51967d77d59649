//! Carts that were decoded lately: rows that are the same again are not decoded again, and of rows that have grown by a
//! few deltas only these are.
//!
//! What always holds: a cart is taken from here only for rows that were just loaded, each named by owner, version and
//! checksum, or by operation and checksum; so there is nothing to invalidate, whoever writes the store.

use crate::{CartAnswer, Service, catalog::Newest, load::OwnRow};
use cart::{Cart, CartId, Delta, Dot, format, token::RowSeen};
use parking_lot::Mutex;
use quick_cache::{Weighter, sync::Cache};
use std::{any::Any, fmt, sync::Arc};
use storage::CartRows;

/// Bytes of a decoded cart, roughly: of itself, and for each entry.
const CART_BYTES: u64 = 1_000;
const ENTRY_BYTES: u64 = 600;

/// Which rows a state was joined from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowsId {
    /// Each with the checksum of its bytes.
    snapshots: Vec<(RowSeen, u64)>,
    deltas: Vec<(Dot, u64)>,
}

/// A cart as it was decoded.
#[derive(Debug, Default)]
pub(crate) struct KnownCart {
    pub(crate) id: RowsId,
    pub(crate) state: Arc<Cart>,
    /// The rows one by one, where the engine has them rewritten.
    pub(crate) rows: Vec<Arc<Cart>>,
    pub(crate) own: Option<OwnRow>,
    pub(crate) memo: Arc<Memo>,
    pub(crate) newest: Mutex<Option<Arc<Newest>>>,
}

impl KnownCart {
    /// With a delta more, which was just written.
    pub(crate) fn grown(&self, delta: &Delta, state: Arc<Cart>, dot: Dot, value_hash: u64) -> Self {
        // The tag of an answer counts the items of the cart and no others, so none may have left.
        let only_grew = state.entries.len() == self.state.entries.len() + delta.entries.len();
        let is_known = |newest: &Arc<Newest>| {
            only_grew && delta.shown().all(|(_, shown)| newest.get(shown.line.sku()).is_some())
        };
        let newest = Mutex::new(self.newest().filter(is_known));
        Self { id: self.id.with_delta(dot, value_hash), state, newest, ..Self::default() }
    }

    /// The newest items of all its lines, as they were last looked up.
    pub(crate) fn newest(&self) -> Option<Arc<Newest>> {
        self.newest.lock().clone()
    }

    pub(crate) fn keep_newest(&self, newest: Arc<Newest>) {
        *self.newest.lock() = Some(newest);
    }
}

/// A place where the edge keeps what it made of a state. It goes with the state.
#[derive(Default)]
pub struct Memo(Mutex<Option<Made>>);

struct Made {
    what: Arc<dyn Any + Send + Sync>,
    bytes: u64,
}

impl Memo {
    /// What was kept, if it is of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.lock().as_ref()?.what.clone().downcast().ok()
    }

    fn keep(&self, what: Arc<dyn Any + Send + Sync>, bytes: u64) {
        *self.0.lock() = Some(Made { what, bytes });
    }

    fn bytes(&self) -> u64 {
        self.0.lock().as_ref().map_or(0, |made| made.bytes)
    }
}

impl Service {
    /// Keeps what the edge made of a cart's state, of about so many bytes, in place of what it had made before.
    pub fn keep_made(&self, answer: &CartAnswer, what: Arc<dyn Any + Send + Sync>, bytes: u64) {
        let Some(memo) = &answer.memo else { return };
        memo.keep(what, bytes);
        // It is weighed as it is put there.
        if let Some(known) = self.known.get(answer.cart) {
            self.known.keep(answer.cart, known);
        }
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").finish_non_exhaustive()
    }
}

impl RowsId {
    pub(crate) fn of(rows: &CartRows) -> Self {
        let checksums = rows.snapshots.iter().map(|row| format::checksum(&row.bytes));
        let delta = |row: &storage::DeltaRow| (row.key.operation, row.key.value_hash);
        Self {
            snapshots: rows.versions().into_iter().zip(checksums).collect(),
            deltas: rows.deltas.iter().map(delta).collect(),
        }
    }

    /// With one delta more.
    pub(crate) fn with_delta(&self, operation: Dot, value_hash: u64) -> Self {
        let mut longer = self.clone();
        longer.deltas.push((operation, value_hash));
        longer
    }

    /// How many deltas of `longer` are known here, where it is this one and further deltas.
    pub(crate) fn known_of(&self, longer: &Self) -> Option<usize> {
        let grew = self.snapshots == longer.snapshots && longer.deltas.starts_with(&self.deltas);
        grew.then_some(self.deltas.len())
    }

    /// The versions of its snapshots.
    pub(crate) fn versions(&self) -> Vec<RowSeen> {
        self.snapshots.iter().map(|(seen, _)| seen.clone()).collect()
    }

    /// The newest delta of each writer. A writer's deltas are written one after the other, so it stands for all of them.
    pub(crate) fn newest_operations(&self) -> Vec<Dot> {
        let mut newest: Vec<Dot> = Vec::new();
        for (dot, _) in &self.deltas {
            match newest.iter_mut().find(|other| other.writer == dot.writer) {
                Some(other) => other.seq = other.seq.max(dot.seq),
                None => newest.push(*dot),
            }
        }
        newest
    }

    /// How many deltas.
    pub(crate) fn deltas(&self) -> usize {
        self.deltas.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.snapshots.is_empty() && self.deltas.is_empty()
    }
}

/// Bounded in bytes, roughly.
pub(crate) struct KnownCarts(Cache<CartId, Weighed, Weight>);

/// A cart as it was weighed when it was put in: what the edge makes of it comes later, and the cache counts a weight out
/// as it counted it in.
#[derive(Clone)]
struct Weighed {
    known: Arc<KnownCart>,
    bytes: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<CartId, Weighed> for Weight {
    fn weight(&self, _: &CartId, weighed: &Weighed) -> u64 {
        weighed.bytes
    }
}

impl KnownCart {
    fn bytes(&self) -> u64 {
        let rows = self.rows.iter().map(|row| row.entries.len() as u64).sum::<u64>();
        CART_BYTES + ENTRY_BYTES * (self.state.entries.len() as u64 + rows) + self.memo.bytes()
    }
}

impl KnownCarts {
    /// Keeps about so many bytes; 0 keeps nothing.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let carts = usize::try_from(bytes_max / (CART_BYTES + 4 * ENTRY_BYTES)).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(carts, bytes_max, Weight))
    }

    pub(crate) fn get(&self, cart: CartId) -> Option<Arc<KnownCart>> {
        self.0.get(&cart).map(|weighed| weighed.known)
    }

    pub(crate) fn keep(&self, cart: CartId, known: Arc<KnownCart>) {
        let bytes = known.bytes();
        self.0.insert(cart, Weighed { known, bytes });
    }

    /// Keeps a cart that has grown, unless what is kept is of other rows: those are newer, or have grown further.
    pub(crate) fn keep_grown(&self, cart: CartId, grown: Arc<KnownCart>) {
        if self.get(cart).is_none_or(|kept| kept.id.known_of(&grown.id).is_some()) {
            self.keep(cart, grown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(version: u64, deltas: &[u32]) -> RowsId {
        let delta = |seq: &u32| (Dot::new(cart::WriterId(1), *seq), u64::from(*seq));
        let snapshots = vec![(RowSeen { owner: "local.1".into(), version }, 7)];
        RowsId { snapshots, deltas: deltas.iter().map(delta).collect() }
    }

    #[test]
    fn rows_that_grew_are_known_as_far_as_they_are_the_same() {
        assert_eq!(id(1, &[1]).known_of(&id(1, &[1, 2])), Some(1));
        assert_eq!(id(1, &[1]).known_of(&id(1, &[1])), Some(1));
        assert_eq!(id(1, &[1]).known_of(&id(2, &[1])), None, "another row");
        assert_eq!(id(1, &[1, 2]).known_of(&id(1, &[1])), None, "a delta fewer");
        assert_eq!(id(1, &[2]).known_of(&id(1, &[1, 2])), None, "another order");
        assert_eq!(id(1, &[1]).with_delta(Dot::new(cart::WriterId(1), 2), 2), id(1, &[1, 2]));
    }

    #[test]
    fn the_newest_of_each_writer_stands_for_its_earlier_ones() {
        let mut rows = id(1, &[1, 3, 2]);
        rows.deltas.push((Dot::new(cart::WriterId(2), 1), 0));
        let newest = [Dot::new(cart::WriterId(1), 3), Dot::new(cart::WriterId(2), 1)];
        assert_eq!(rows.newest_operations(), newest);
    }

    #[test]
    fn a_memo_is_of_one_type() {
        let memo = Memo::default();
        memo.keep(Arc::new(5_u32), 4);
        assert_eq!((memo.get::<u32>().as_deref(), memo.get::<u64>()), (Some(&5), None));
    }
}
