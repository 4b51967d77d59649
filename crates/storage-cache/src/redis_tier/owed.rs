//! Carts that were written while Redis did not answer: they must leave it before it is asked for them.
//!
//! Bounded: when too many are owed, everything is. A debt that grew while it was paid stays.

use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use storage::cart::CartId;

/// What is owed.
pub(super) struct Owed {
    debts: Mutex<Debts>,
    /// False only when nothing is owed: for reads that need not look.
    any: AtomicBool,
    carts_max: usize,
}

#[derive(Default)]
struct Debts {
    carts: HashMap<CartId, Debt>,
    everything: Option<Debt>,
    last: u64,
}

/// Of one cart, or of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Debt {
    serial: u64,
    blocked_until: Instant,
}

impl Debt {
    /// How much longer nothing may be filled in.
    pub(super) fn block(&self) -> Duration {
        self.blocked_until.saturating_duration_since(Instant::now())
    }
}

impl Owed {
    pub(super) fn new(carts_max: usize) -> Self {
        Self { debts: Mutex::default(), any: AtomicBool::new(false), carts_max }
    }

    /// This cart must leave, and not come back for as long as `block`.
    pub(super) fn add(&self, cart: CartId, block: Duration) {
        let mut debts = self.debts.lock();
        debts.last += 1;
        let until = Instant::now() + block;
        let before = debts.carts.get(&cart).map_or(until, |debt| debt.blocked_until);
        let debt = Debt { serial: debts.last, blocked_until: until.max(before) };
        debts.carts.insert(cart, debt);
        if debts.carts.len() > self.carts_max {
            let untils = debts.carts.values().chain(&debts.everything).map(|debt| debt.blocked_until);
            let blocked_until = untils.max().unwrap_or(debt.blocked_until);
            debts.everything = Some(Debt { blocked_until, ..debt });
            debts.carts.clear();
        }
        self.any.store(true, Ordering::SeqCst);
    }

    /// True while Redis must not be asked for this cart.
    pub(super) fn holds(&self, cart: CartId) -> bool {
        self.any.load(Ordering::SeqCst) && {
            let debts = self.debts.lock();
            debts.everything.is_some() || debts.carts.contains_key(&cart)
        }
    }

    /// Some of the carts.
    pub(super) fn some(&self, limit: usize) -> Vec<(CartId, Debt)> {
        self.debts.lock().carts.iter().take(limit).map(|(cart, debt)| (*cart, *debt)).collect()
    }

    /// The debt of everything.
    pub(super) fn everything(&self) -> Option<Debt> {
        self.debts.lock().everything
    }

    pub(super) fn paid(&self, cart: CartId, debt: Debt) {
        self.settle(|debts| {
            if debts.carts.get(&cart) == Some(&debt) {
                debts.carts.remove(&cart);
            }
        });
    }

    pub(super) fn paid_everything(&self, debt: Debt) {
        self.settle(|debts| debts.everything = debts.everything.filter(|newer| *newer != debt));
    }

    pub(super) fn len(&self) -> usize {
        let debts = self.debts.lock();
        debts.carts.len() + usize::from(debts.everything.is_some())
    }

    fn settle(&self, pay: impl FnOnce(&mut Debts)) {
        let mut debts = self.debts.lock();
        pay(&mut debts);
        let any = !debts.carts.is_empty() || debts.everything.is_some();
        self.any.store(any, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_BLOCK: Duration = Duration::ZERO;

    fn cart(number: u8) -> CartId {
        CartId([number; 16])
    }

    #[test]
    fn a_debt_that_grew_while_it_was_paid_stays() {
        let owed = Owed::new(10);
        owed.add(cart(1), NO_BLOCK);
        let first = owed.some(10);
        owed.add(cart(1), NO_BLOCK);
        owed.paid(first[0].0, first[0].1);
        assert!(owed.holds(cart(1)) && !owed.holds(cart(2)));
        let second = owed.some(10);
        owed.paid(second[0].0, second[0].1);
        assert!(!owed.holds(cart(1)) && owed.len() == 0);
    }

    #[test]
    fn when_too_many_are_owed_everything_is_and_later_ones_are_owed_on_top() {
        let owed = Owed::new(2);
        (1..=3).for_each(|number| owed.add(cart(number), NO_BLOCK));
        assert!(owed.holds(cart(200)) && owed.some(10).is_empty());
        let everything = owed.everything().unwrap();
        owed.add(cart(4), NO_BLOCK);
        owed.paid_everything(everything);
        assert!(owed.holds(cart(4)) && !owed.holds(cart(1)));
        assert_eq!(owed.len(), 1);
    }

    #[test]
    fn the_longest_block_counts() {
        let owed = Owed::new(1);
        owed.add(cart(1), Duration::from_secs(500));
        owed.add(cart(1), NO_BLOCK);
        assert!(owed.some(1)[0].1.block() > Duration::from_secs(400));
        owed.add(cart(2), NO_BLOCK);
        assert!(owed.everything().unwrap().block() > Duration::from_secs(400));
    }
}
