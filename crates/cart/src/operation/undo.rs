//! Undo of a merge: takes what the guest brought out of the account again, gives back what the policy took, and
//! puts the rest into a new guest cart.
//!
//! The id of that cart and all dots are derived from the merge record, so undoing twice, anywhere, is undoing
//! once. Whether a checkout has claimed a brought dot is asked of the ledger before, not here.

use super::{MergeRecord, Stamp};
use crate::{
    dot::{Dot, WriterId},
    entry::Entry,
    hash::Parts,
    id::CartId,
    lattice::Register,
    state::{Cart, Delta},
    time::Timestamp,
};

/// Undoes the merge of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo<'a> {
    /// What was decided.
    pub record: &'a MergeRecord,
    /// The account's cart as it is now.
    pub account: &'a Cart,
}

/// What an undo does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The change of the account's cart.
    pub account: Delta,
    /// The guest's new cart.
    pub guest_id: CartId,
    /// What is in it.
    pub guest: Delta,
}

impl Undo<'_> {
    /// Computes both changes.
    pub fn deltas(&self, at: Timestamp) -> Undone {
        let MergeRecord { account, guest, .. } = *self.record;
        let writer = |domain| WriterId(Parts::new(domain).bytes(&account.0).bytes(&guest.0).u64());
        let guest_id = CartId::of_undo(account, guest);
        let out = Stamp { dot: Dot::new(writer("undo"), 1), origin: account, at };
        let back = Stamp { dot: Dot::new(writer("undo, guest"), 1), origin: guest_id, at };
        Undone { account: self.account_delta(out), guest_id, guest: self.guest_delta(back) }
    }

    fn account_delta(&self, stamp: Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        self.record.brought.keys().for_each(|dot| delta.kill(*dot, stamp.at.day()));
        for (seq, entry) in (1..).zip(self.record.taken.values()) {
            put_again(&mut delta, Dot::new(stamp.dot.further(), seq), entry, entry.n, stamp);
        }
        delta
    }

    fn guest_delta(&self, stamp: Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        for (seq, (dot, entry)) in (1..).zip(&self.record.brought) {
            let units = self.units_to_return(*dot, entry);
            if units > 0 {
                put_again(&mut delta, Dot::new(stamp.dot.further(), seq), entry, Some(units), stamp);
            }
        }
        delta
    }

    /// What is still live of a brought dot, and what the policy took of it.
    fn units_to_return(&self, dot: Dot, brought: &Entry) -> u32 {
        let live = self.account.entries.get(&dot).and_then(|entry| entry.n).unwrap_or(0);
        let n = brought.n.unwrap_or(0);
        let taken = match self.record.delta.entries.get(&dot) {
            Some(lowered) => n.saturating_sub(lowered.n.unwrap_or(n)),
            None if self.record.delta.context.contains(dot) => n,
            None => 0,
        };
        live.saturating_add(taken).min(n)
    }
}

/// The same line, list, notes and snapshots under a new dot.
fn put_again(delta: &mut Delta, dot: Dot, entry: &Entry, n: Option<u32>, stamp: Stamp) {
    let first = |list| Register { lamport: 0, writer: dot.writer, value: list };
    let place = entry.place.as_ref().map(|place| first(place.value));

    let entry = Entry { origin: Some(stamp.origin), n, place, ..entry.clone() };
    delta.put(dot, entry, stamp.at.day());
}
