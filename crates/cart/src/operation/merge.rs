//! Merge: a guest's cart into an account's, as the join it is. Merging twice changes nothing, and what was
//! removed after a merge stays removed.

use super::Stamp;
use crate::{
    dot::{Dot, WriterId},
    hash::Parts,
    id::CartId,
    lattice::{Join, Register},
    state::{CONTEXT_DAYS, Cart, Delta},
    time::Day,
};

/// Takes a guest's cart into the account's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Which guest cart.
    pub guest: CartId,
    /// All that is known of it.
    pub state: Cart,
}

/// Tells the guest's own cart where it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The account's cart.
    pub account: CartId,
}

impl Merge {
    /// The identity of the merge of a guest into an account: the same whoever merges, wherever and how often.
    pub fn dot(account: CartId, guest: CartId) -> Dot {
        Dot::new(WriterId(Parts::new("merge").bytes(&account.0).bytes(&guest.0).u64()), 1)
    }

    /// The guest's operations, done here. Its fields come with logical time 0, so the account's own win. An
    /// erased guest brings nothing.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        if !self.state.erased {
            delta.join(&self.brought(stamp.at.day()));
            delta.merged.insert(self.guest, stamp.at.day());
        }
        delta
    }

    /// What the guest's state brings into an account: entries, context and fields, learned today. Also how rows
    /// of a merged guest are read as rows of the account.
    pub fn brought(&self, today: Day) -> Delta {
        let guest = &self.state;
        if guest.erased {
            return Cart::default();
        }
        let mut delta = Cart {
            entries: guest.entries.clone(),
            context: guest.context.clone(),
            merged: guest.merged.clone(),
            ..Cart::default()
        };
        delta.context.learn_on(today, |_, _| true);
        for (name, register) in &guest.fields {
            delta.fields.insert(name.clone(), Register { lamport: 0, ..register.clone() });
        }
        delta
    }
}

/// For so many days after a merge the guest's rows may still be written unaware of it, and are read with the
/// account's. Then nobody writes them any more, and what they hold must have been taken into the account's own row.
pub const GUEST_DAYS: u32 = CONTEXT_DAYS;

impl Cart {
    /// True when the rows of `guest` belong to this account's cart: it was merged at most [`GUEST_DAYS`] ago.
    pub fn reads_guest(&self, guest: CartId, today: Day) -> bool {
        self.merged.get(&guest).is_some_and(|merged| today.since(*merged) <= GUEST_DAYS)
    }

    /// False when `guest` was merged longer ago than [`GUEST_DAYS`]: merging it once more is then no operation. All
    /// it held was taken in; what of that was removed since may be forgotten, and would come back.
    pub fn takes_guest(&self, guest: CartId, today: Day) -> bool {
        !self.merged.contains_key(&guest) || self.reads_guest(guest, today)
    }
}

impl Seal {
    /// Points the guest at the account.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        delta.merged_into = Some(self.account);
        delta
    }
}
