//! Runs the shopping of all invoices, so many at once, and looks at what is left at the end.
//!
//! Always holds: whatever ends the replay early (an interrupt, a server that does not answer), what was settled until
//! then is returned. Deliberately absent: which visit is next (`schedule`), and what a visit is (`shop`).

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::plan::Visit;
use super::schedule::{Schedule, Turn};
use super::shop::{Account, Books, Settled, SettledReturn, Shop, Stopped, Visited};

/// How fast the replay goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Visits at once, at least one.
    pub(super) concurrency: usize,
    /// The file's own timing divided by this, or as fast as possible.
    pub(super) speed: Option<f64>,
}

/// What a replay came to.
#[derive(Default)]
pub(super) struct Outcome {
    /// Of every cart that was finished.
    pub(super) settled: Vec<Settled>,
    /// Of everything that was brought back.
    pub(super) returns: Vec<SettledReturn>,
    /// Every customer of whom a visit was finished.
    pub(super) customers: BTreeSet<Arc<str>>,
    /// Invoices that were shopped.
    pub(super) visits: u64,
    /// Why the replay ended early.
    pub(super) ended_early: Option<String>,
}

/// A visit that ended.
struct Finished {
    chain: usize,
    account: Account,
    customer: Option<Arc<str>>,
    shops: bool,
    visited: Result<Visited, Stopped>,
}

/// Shops all visits, until `interrupt` is ready; `progress` is told of each visit that ended.
pub(super) async fn shop_all(
    shop: &Arc<Shop>,
    visits: Vec<Visit>,
    pace: Pace,
    interrupt: impl Future<Output = ()>,
    progress: impl Fn(&Outcome),
) -> Outcome {
    let mut interrupt = pin!(interrupt);
    let mut outcome = Outcome::default();
    let clock = visits.first().map(|first| Clock { began: Instant::now(), first: first.at, pace });
    let mut schedule = Schedule::new(visits);
    // Dropped at the end, which aborts the visits that are still under way.
    let mut running: JoinSet<Finished> = JoinSet::new();
    loop {
        let room = running.len() < pace.concurrency;
        if running.is_empty() && schedule.next_at().is_none() {
            return outcome;
        }
        let due = clock.zip(schedule.next_at()).map(|(clock, at)| clock.due(at)).filter(|_| room);
        tokio::select! {
            biased;
            () = &mut interrupt => {
                outcome.ended_early = Some("interrupted".to_owned());
                return outcome;
            }
            Some(finished) = running.join_next() => {
                match outcome.take(finished) {
                    Some((chain, account)) => schedule.give_back(chain, account),
                    None => return outcome,
                }
                progress(&outcome);
            }
            () = wait_until(due), if due.is_some() => {
                if let Some(turn) = schedule.take() {
                    running.spawn(make(shop.clone(), turn));
                }
            }
        }
    }
}

/// Reads what must be left, until `interrupt` is ready: guests' carts that nobody claimed, full as before or bought,
/// accounts' carts, empty, and everybody's orders.
pub(super) async fn check_the_end(
    shop: &Shop,
    outcome: &mut Outcome,
    concurrency: usize,
    interrupt: impl Future<Output = ()>,
) -> EndCheck {
    let mut check = EndCheck::default();
    let ended = tokio::select! {
        () = interrupt => Some("interrupted during the check at the end".to_owned()),
        read = check.read(shop, outcome, concurrency) => read.err().map(|stopped| stopped.to_string()),
    };
    outcome.ended_early = ended;
    check
}

/// What was left at the end.
#[derive(Default)]
pub(super) struct EndCheck {
    pub(super) guest_carts: u64,
    pub(super) accounts: u64,
    /// Customers whose cart is not empty, with what is in it, in words.
    pub(super) not_empty: Vec<(Arc<str>, Vec<String>)>,
    /// The orders of this run.
    pub(super) books: Books,
}

impl EndCheck {
    async fn read(&mut self, shop: &Shop, outcome: &mut Outcome, concurrency: usize) -> Result<(), Stopped> {
        self.read_guests(shop, outcome, concurrency).await?;
        self.read_accounts(shop, outcome, concurrency).await?;
        for settled in &outcome.settled {
            if let Some(bought) = &settled.bought {
                self.books.check(&settled.name, &bought.order);
            }
        }
        Ok(())
    }

    async fn read_guests(
        &mut self,
        shop: &Shop,
        outcome: &mut Outcome,
        concurrency: usize,
    ) -> Result<(), Stopped> {
        let guests = outcome.settled.iter_mut().filter_map(|settled| Some((settled.stays.take()?, settled)));
        let mut carts = stream::iter(guests)
            .map(|(stays, settled)| async move { shop.check_again(&stays, settled).await })
            .buffer_unordered(concurrency);
        while let Some(checked) = carts.next().await {
            checked?.iter().for_each(|order| self.books.take(order));
            self.guest_carts += 1;
        }
        Ok(())
    }

    async fn read_accounts(
        &mut self,
        shop: &Shop,
        outcome: &Outcome,
        concurrency: usize,
    ) -> Result<(), Stopped> {
        let answered = outcome.orders_of_customers();
        let mut accounts = stream::iter(&outcome.customers)
            .map(|customer| {
                let answered = answered.get(customer).map_or(&[][..], Vec::as_slice);
                async move { (customer, shop.check_account(customer, answered).await) }
            })
            .buffer_unordered(concurrency);
        while let Some((customer, checked)) = accounts.next().await {
            let (differences, orders) = checked?;
            orders.iter().for_each(|order| self.books.take(order));
            self.accounts += 1;
            if !differences.is_empty() {
                self.not_empty.push((customer.clone(), differences));
            }
        }
        Ok(())
    }
}

impl Outcome {
    /// The orders that were answered to each customer.
    fn orders_of_customers(&self) -> BTreeMap<Arc<str>, Vec<&str>> {
        let mut orders: BTreeMap<Arc<str>, Vec<&str>> = BTreeMap::new();
        for settled in &self.settled {
            if let (Some(customer), Some(bought)) = (&settled.customer, &settled.bought) {
                orders.entry(customer.clone()).or_default().push(&bought.order);
            }
        }
        orders
    }

    /// Takes a finished visit in; returns its chain, or `None` when the replay must end.
    fn take(&mut self, finished: Result<Finished, JoinError>) -> Option<(usize, Account)> {
        let finished = match finished {
            Ok(finished) => finished,
            Err(error) => {
                self.ended_early = Some(format!("a visit failed: {error}"));
                return None;
            }
        };
        match finished.visited {
            Ok(visited) => {
                self.visits += u64::from(finished.shops);
                self.customers.extend(finished.customer);
                self.settled.extend(visited.carts);
                self.returns.extend(visited.returns);
                Some((finished.chain, finished.account))
            }
            Err(stopped) => {
                self.ended_early = Some(stopped.to_string());
                None
            }
        }
    }
}

async fn make(shop: Arc<Shop>, turn: Turn) -> Finished {
    let Turn { chain, visit, mut account } = turn;
    let (customer, shops) = (visit.customer.clone(), visit.shops());
    let visited = shop.visit(visit, &mut account).await;
    Finished { chain, account, customer, shops, visited }
}

/// Maps the file's time to the replay's.
#[derive(Clone, Copy)]
struct Clock {
    began: Instant,
    first: Timestamp,
    pace: Pace,
}

impl Clock {
    /// When a visit is due; at once without a speed, or when it is too far off to be told.
    fn due(&self, at: Timestamp) -> Instant {
        let Some(speed) = self.pace.speed else { return self.began };
        let in_file = Duration::try_from(at.duration_since(self.first)).unwrap_or_default();
        let wait = Duration::try_from_secs_f64(in_file.as_secs_f64() / speed).unwrap_or(Duration::MAX);
        self.began.checked_add(wait).unwrap_or_else(|| self.began + A_CENTURY)
    }
}

/// Longer than any replay.
const A_CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

async fn wait_until(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds after the start at which a visit an hour after the first one of the file is due.
    fn due_after_an_hour(speed: Option<f64>) -> u64 {
        let pace = Pace { concurrency: 1, speed };
        let clock = Clock { began: Instant::now(), first: Timestamp::UNIX_EPOCH, pace };
        (clock.due(Timestamp::from_second(3_600).unwrap()) - clock.began).as_secs()
    }

    #[test]
    fn the_file_s_time_is_divided_by_the_speed() {
        assert_eq!(due_after_an_hour(None), 0);
        assert_eq!(due_after_an_hour(Some(1.0)), 3_600);
        assert_eq!(due_after_an_hour(Some(60.0)), 60);
        assert_eq!(due_after_an_hour(Some(0.5)), 7_200);
        assert_eq!(due_after_an_hour(Some(f64::MIN_POSITIVE)), A_CENTURY.as_secs());
    }
}
