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

/// What an undo does. The guest's cart is written first: what it gets is computed from what is live in the
/// account's, so once the account's change is known nobody can compute it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The change of the account's cart.
    pub account: Delta,
    /// The guest's new cart.
    pub guest_id: CartId,
    /// What is in it.
    pub guest: Delta,
}

impl MergeRecord {
    /// The identity of the undo of this merge: in the account's context once it is undone.
    pub fn undo_dot(&self) -> Dot {
        Dot::new(writer_for("undo", self), 1)
    }

    /// The identity of what the undo of this merge puts into the guest's new cart.
    pub fn return_dot(&self) -> Dot {
        Dot::new(writer_for("undo, guest", self), 1)
    }
}

fn writer_for(domain: &str, record: &MergeRecord) -> WriterId {
    WriterId(Parts::new(domain).bytes(&record.account.0).bytes(&record.guest.0).u64())
}

impl Undo<'_> {
    /// Computes both changes. Write the guest's first: should the second write fail, nothing is lost, and doing
    /// both again is doing them once. Do neither once the account's context holds [`MergeRecord::undo_dot`].
    pub fn deltas(&self, at: Timestamp) -> Undone {
        let MergeRecord { account, guest, .. } = *self.record;
        let guest_id = CartId::of_undo(account, guest);
        let out = Stamp { dot: self.record.undo_dot(), origin: account, at };
        let back = Stamp { dot: self.record.return_dot(), origin: guest_id, at };
        Undone { account: self.account_delta(out), guest_id, guest: self.guest_delta(back, out.dot) }
    }

    fn account_delta(&self, stamp: Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        // What is put in again below is killed too: the policy that took it may never have been applied here.
        let gone = self.record.brought.keys().chain(self.record.taken.keys());
        gone.for_each(|dot| delta.kill(*dot, stamp.at.day()));
        for (seq, entry) in (1..).zip(self.record.taken.values()) {
            put_again(&mut delta, Dot::new(stamp.dot.further(), seq), entry, entry.n, stamp);
        }
        delta
    }

    fn guest_delta(&self, stamp: Stamp, undone: Dot) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        if self.account.context.contains(undone) {
            return delta; // what was live then is gone, and the first undo has returned it
        }
        for (seq, (dot, entry)) in (1..).zip(&self.record.brought) {
            let new = Dot::new(stamp.dot.further(), seq);
            match self.units_to_return(*dot, entry) {
                // Said, so that a region that has not heard of the removal does not return it either.
                0 => delta.kill(new, stamp.at.day()),
                units => put_again(&mut delta, new, entry, Some(units), stamp),
            }
        }
        delta
    }

    /// What is still live of a brought dot, and what the policy took of it. A dot that the account has not heard of
    /// yet (its row lags behind the record) is as live as the guest left it.
    fn units_to_return(&self, dot: Dot, brought: &Entry) -> u32 {
        let n = brought.n.unwrap_or(0);
        let live = match self.account.entries.get(&dot) {
            Some(entry) => entry.n.map_or(n, |now| now.min(n)),
            None if self.account.context.contains(dot) => 0,
            None => n,
        };
        let left_by_policy = match self.record.delta.entries.get(&dot) {
            Some(lowered) => lowered.n.map_or(n, |left| left.min(n)),
            None if self.record.delta.context.contains(dot) => 0,
            None => n,
        };
        live.min(left_by_policy) + (n - left_by_policy)
    }
}

/// The same line, list, notes and snapshots under a new dot.
fn put_again(delta: &mut Delta, dot: Dot, entry: &Entry, n: Option<u32>, stamp: Stamp) {
    let first = |list| Register { lamport: 0, writer: dot.writer, value: list };
    let place = entry.place.as_ref().map(|place| first(place.value));

    let entry = Entry { origin: Some(stamp.origin), n, place, ..entry.clone() };
    delta.put(dot, entry, stamp.at.day());
}
