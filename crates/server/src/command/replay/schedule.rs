//! Which invoice is shopped next.
//!
//! Always holds: one customer's visits are taken in file order and never two at once; of the visits that are free, the
//! first one of the file is taken. Deliberately absent: time, and anything that waits (`drive`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::plan::Visit;
use super::shop::Account;

/// All visits that are still to come.
pub(super) struct Schedule {
    chains: Vec<Chain>,
    /// The chains that nobody works at: (place of the next visit in the file, chain), least first.
    free: BinaryHeap<Reverse<(usize, usize)>>,
}

/// The visits of one customer, or one visit of a guest.
#[derive(Default)]
struct Chain {
    visits: VecDeque<(usize, Visit)>,
    account: Account,
}

/// A visit to make now. Its chain rests until it is given back.
pub(super) struct Turn {
    pub(super) chain: usize,
    pub(super) visit: Visit,
    pub(super) account: Account,
}

impl Schedule {
    /// A schedule of visits in file order.
    pub(super) fn new(visits: Vec<Visit>) -> Self {
        let mut chains: Vec<Chain> = Vec::new();
        let mut customers: HashMap<Arc<str>, usize> = HashMap::new();
        for (place, visit) in visits.into_iter().enumerate() {
            let new = chains.len();
            let chain = match &visit.customer {
                Some(customer) => *customers.entry(customer.clone()).or_insert(new),
                None => new,
            };
            if chain == new {
                chains.push(Chain::default());
            }
            chains[chain].visits.push_back((place, visit));
        }
        let mut schedule = Self { free: BinaryHeap::new(), chains };
        (0..schedule.chains.len()).for_each(|chain| schedule.offer(chain));
        schedule
    }

    /// When the next free visit happened in the file; `None` when none is free.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let Reverse((_, chain)) = self.free.peek()?;
        self.chains[*chain].visits.front().map(|(_, visit)| visit.at)
    }

    /// Takes the next free visit.
    pub(super) fn take(&mut self) -> Option<Turn> {
        let Reverse((_, index)) = self.free.pop()?;
        let chain = &mut self.chains[index];
        let (_, visit) = chain.visits.pop_front()?;
        Some(Turn { chain: index, visit, account: std::mem::take(&mut chain.account) })
    }

    /// A visit has ended: the next one of its chain is free.
    pub(super) fn give_back(&mut self, chain: usize, account: Account) {
        self.chains[chain].account = account;
        self.offer(chain);
    }

    fn offer(&mut self, chain: usize) {
        if let Some((place, _)) = self.chains[chain].visits.front() {
            self.free.push(Reverse((*place, chain)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A schedule of visits named by their customer (`-`: guest), each a minute after the one before.
    fn schedule(customers: &str) -> Schedule {
        let visit = |(minute, customer): (i64, &str)| Visit {
            customer: (customer != "-").then(|| Arc::from(customer)),
            at: Timestamp::from_second(minute * 60).unwrap(),
            carts: Vec::new(),
            returns: Vec::new(),
        };
        Schedule::new((0..).zip(customers.split(' ')).map(visit).collect())
    }

    fn taken(schedule: &mut Schedule) -> Option<(usize, i64)> {
        schedule.take().map(|turn| (turn.chain, turn.visit.at.as_second() / 60))
    }

    #[test]
    fn a_customer_is_never_in_two_visits_at_once() {
        let mut schedule = schedule("a a b a");
        assert_eq!(taken(&mut schedule), Some((0, 0)));
        assert_eq!(taken(&mut schedule), Some((1, 2)));
        assert_eq!(taken(&mut schedule), None);
        schedule.give_back(0, Account::default());
        assert_eq!(schedule.next_at(), Some(Timestamp::from_second(60).unwrap()));
        assert_eq!(taken(&mut schedule), Some((0, 1)));
        schedule.give_back(1, Account::default());
        assert_eq!(taken(&mut schedule), None);
        schedule.give_back(0, Account::default());
        assert_eq!(taken(&mut schedule), Some((0, 3)));
    }

    #[test]
    fn guests_never_wait_for_each_other_and_the_file_order_is_kept() {
        let mut schedule = schedule("- a - a -");
        let order: Vec<_> = std::iter::from_fn(|| taken(&mut schedule)).map(|(_, minute)| minute).collect();
        assert_eq!(order, [0, 1, 2, 4]);
    }
}
