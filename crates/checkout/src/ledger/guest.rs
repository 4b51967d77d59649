//! What a ledger has to do with merges: a guest's goes on in the account's, and an undo takes dots back.
//!
//! Only guests are moved, only into accounts, and once: who moved a ledger first is who may sell its dots.

use super::{KnownKey, Ledger, Taker};
use crate::{
    id::{KeyHash, TxId},
    settings::Clock,
};
use cart::{CartId, Dot};
use std::collections::{BTreeMap, BTreeSet};

/// What the ledgers of guests bring into the account's claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Joined {
    /// Whose ledgers were moved here.
    pub absorbed: BTreeSet<CartId>,
    /// Their dots that were bought or returned.
    pub consumed: BTreeMap<Dot, Taker>,
    /// Their keys.
    pub keys: BTreeMap<KeyHash, KnownKey>,
}

/// What became of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moving {
    /// The ledger goes on in that account's now.
    Moved,
    /// It did already.
    Already,
    /// An attempt has it.
    Busy(TxId),
    /// An attempt has it and is past its deadline: to be aborted first.
    PastDeadline(TxId),
    /// It goes on in another account's.
    Elsewhere(CartId),
}

/// What became of the claim of an undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoClaimed {
    /// The dots are returned, and no order can have them.
    Claimed,
    /// They were before.
    Already,
    /// An order has some of them.
    Bought(TxId),
    /// Another undo returned some of them.
    Returned(CartId),
    /// An attempt has the cart.
    Busy(TxId),
    /// An attempt has the cart and is past its deadline: to be aborted first.
    PastDeadline(TxId),
}

impl Ledger {
    /// Moves a guest's ledger into an account's.
    pub fn move_to(&mut self, account: CartId, clock: Clock) -> Moving {
        match (self.moved_to, &self.pending) {
            (Some(to), _) if to == account => Moving::Already,
            (Some(to), _) => Moving::Elsewhere(to),
            (None, Some(pending)) if clock.is_past(pending.deadline) => Moving::PastDeadline(pending.tx),
            (None, Some(pending)) => Moving::Busy(pending.tx),
            (None, None) => {
                self.moved_to = Some(account);
                Moving::Moved
            }
        }
    }

    /// Takes in what guests' ledgers brought.
    pub(super) fn absorb(&mut self, joined: &Joined) {
        self.absorbed.extend(&joined.absorbed);
        for (dot, taker) in &joined.consumed {
            self.consumed.entry(*dot).or_insert(*taker);
        }
        for (key, known) in &joined.keys {
            self.keys.entry(*key).or_insert(*known);
        }
    }

    /// Takes the brought dots of a merge back into the cart `returned`, before that cart or the account's is touched.
    pub fn claim_undo(
        &mut self,
        dots: &BTreeSet<Dot>,
        returned: CartId,
        joined: &Joined,
        clock: Clock,
    ) -> UndoClaimed {
        let taker = |dot| self.consumed.get(dot).or_else(|| joined.consumed.get(dot)).copied();
        let takers: BTreeSet<Option<Taker>> = dots.iter().map(taker).collect();
        for taken in takers.iter().flatten() {
            match *taken {
                Taker::Order(tx) => return UndoClaimed::Bought(tx),
                Taker::Undo(cart) if cart != returned => return UndoClaimed::Returned(cart),
                Taker::Undo(_) => {}
            }
        }
        if !takers.is_empty() && !takers.contains(&None) {
            return UndoClaimed::Already;
        }
        if let Some(pending) = &self.pending {
            let is_past = clock.is_past(pending.deadline);
            return if is_past {
                UndoClaimed::PastDeadline(pending.tx)
            } else {
                UndoClaimed::Busy(pending.tx)
            };
        }
        self.absorb(joined);
        self.consumed.extend(dots.iter().map(|dot| (*dot, Taker::Undo(returned))));
        UndoClaimed::Claimed
    }
}

impl Joined {
    /// Takes in the ledger of a guest that was moved.
    pub fn add(&mut self, guest: CartId, ledger: &Ledger) {
        self.absorbed.insert(guest);
        self.consumed.extend(ledger.consumed.iter().map(|(dot, taker)| (*dot, *taker)));
        for (key, known) in &ledger.keys {
            self.keys.entry(*key).or_insert(*known);
        }
    }
}
