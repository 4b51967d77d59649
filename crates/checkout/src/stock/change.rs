//! What the shop does to stock: restock, correct, count, freeze. Each once, by its key.
//!
//! The key is kept in the record that it changes: that is what makes a repeat harmless when the writer does not know
//! whether its write arrived. A hold is not among what can be changed: it ends by a decision of a ledger, which an
//! operator forces by cancelling the checkout (`cancel.rs`).

use super::Stock;
use crate::{
    id::KeyHash,
    settings::{CHANGE_MS, Clock},
};
use cart::Timestamp;
use smol_str::SmolStr;

/// A change by the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Units arrive: deliveries, and returns that can be sold again.
    Restock(u64),
    /// Units turn out not to be there: takes what is available, the rest is short.
    Remove(u64),
    /// So many are there, held ones among them. Ends what was short, and a freeze.
    Count(u64),
    /// Sells nothing until somebody has counted.
    Freeze,
}

/// What a change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Units that came in.
    pub added: u64,
    /// Units that were taken.
    pub taken: u64,
    /// Units that should have been taken and are held or sold.
    pub short: u64,
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Changed {
    /// When.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, as the shop said.
    pub reason: SmolStr,
}

impl Stock {
    /// Makes a change, or says what it came to when it was made.
    pub fn change(&mut self, key: KeyHash, change: Change, reason: &str, clock: Clock) -> Outcome {
        if let Some(made) = self.changes.get(&key) {
            return made.outcome;
        }
        let outcome = match change {
            Change::Restock(quantity) => self.restock(quantity),
            Change::Remove(quantity) => self.remove(quantity),
            Change::Count(quantity) => self.count(quantity),
            Change::Freeze => {
                self.is_frozen = true;
                Outcome { added: 0, taken: 0, short: 0 }
            }
        };
        let made = Changed { at: clock.now, outcome, reason: SmolStr::new(reason) };
        self.changes.insert(key, made);
        outcome
    }

    fn restock(&mut self, quantity: u64) -> Outcome {
        self.restocked += quantity;
        self.settle_short();
        Outcome { added: quantity, taken: 0, short: 0 }
    }

    fn remove(&mut self, quantity: u64) -> Outcome {
        // Like `settle_short`: rights that were granted here are taken where the shop put the units.
        let taken = quantity.min(self.unspent().saturating_sub(self.short)).min(self.restocked);
        self.restocked -= taken;
        self.short += quantity - taken;
        Outcome { added: 0, taken, short: quantity - taken }
    }

    fn count(&mut self, quantity: u64) -> Outcome {
        self.is_frozen = false;
        self.short = 0;
        let now = self.unspent() + self.held();
        if quantity >= now { self.restock(quantity - now) } else { self.remove(now - quantity) }
    }

    pub(super) fn forget_changes(&mut self, clock: Clock) {
        self.changes.retain(|_, made| !clock.is_surely_past(made.at, CHANGE_MS));
    }
}
