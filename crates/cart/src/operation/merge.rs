//! Merge: a guest's cart into an account's, as the join it is. Merging twice changes nothing, and what was
//! removed after a merge stays removed.

use super::Stamp;
use crate::{
    dot::{Dot, WriterId},
    hash::Parts,
    id::CartId,
    lattice::{Join, Register},
    state::{Cart, Delta},
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

impl Seal {
    /// Points the guest at the account.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        delta.merged_into = Some(self.account);
        delta
    }
}
