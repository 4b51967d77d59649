//! What a replay came to, as a table for people and as JSON for programs.
//!
//! Always holds: `passed` is true only when every planned cart was replayed and none differs, the totals agree to the
//! penny, orders, returns and stock are what the file says (where anything was to be sold), and every row of the file
//! is accounted for. Deliberately absent: how the figures came about.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use super::census::{Census, Odd};
use super::drive::{EndCheck, Outcome};
use super::known;
use super::meter::{Latency, Meters, Operation};
use super::pence::Pence;
use super::shop::Settled;

mod orders;
mod table;

pub(super) use orders::Orders;

/// How many differing carts, how many differences of each, and how many items that were not stored, a report names.
const CARTS_NAMED_MAX: usize = 10;
const DIFFERENCES_NAMED_MAX: usize = 5;
const CATALOGUE_FAILURES_NAMED_MAX: usize = 10;

/// The result of `evercart replay`.
#[derive(Debug, Serialize)]
pub struct ReplayReport {
    /// True when the replay is whole and nothing differs.
    pub passed: bool,
    /// Why the replay ended before its end, if it did.
    pub ended_early: Option<String>,
    pub(super) file: Census,
    /// How the counts differ from those that the data set is known to have.
    pub(super) file_differences: Vec<String>,
    pub(super) odd: Vec<OddRow>,
    pub(super) replay: Figures,
    pub(super) totals: Totals,
    /// Nothing with `--no-checkout`.
    pub(super) orders: Option<Orders>,
    pub(super) latency_ms: BTreeMap<&'static str, Latency>,
    pub(super) differing_carts: u64,
    /// The first differing carts, with their first differences.
    pub(super) differences: Vec<CartDifferences>,
    /// What the server did not store of the catalogue and of the stock, the first few.
    pub(super) catalogue_failures: Vec<String>,
}

/// One odd kind of the file.
#[derive(Debug, Serialize)]
pub(super) struct OddRow {
    pub(super) kind: Odd,
    pub(super) what: &'static str,
    pub(super) count: u64,
    pub(super) rule: &'static str,
}

/// How much was done, and how fast.
#[derive(Debug, Default, Serialize)]
pub(super) struct Figures {
    pub(super) concurrency: usize,
    pub(super) speed: Option<f64>,
    /// The seed of this run's keys, in hexadecimal digits.
    pub(super) seed: String,
    pub(super) catalogue_items: u64,
    pub(super) invoices: u64,
    pub(super) invoices_planned: u64,
    pub(super) carts: u64,
    pub(super) carts_planned: u64,
    pub(super) adds_planned: u64,
    /// Answered requests while invoices were shopped (the catalogue and the check at the end are apart).
    pub(super) operations: u64,
    pub(super) seconds: f64,
    pub(super) operations_per_second: f64,
    pub(super) retries: u64,
    /// Answers that said that the operation had been applied before.
    pub(super) replayed_answers: u64,
    /// The longest time that one operation waited for its answer, retries included.
    pub(super) longest_wait_ms: f64,
    /// Accounts that showed a claimed cart only when they were asked again.
    pub(super) late_claims: u64,
    /// Carts with items that had no title until they were read again.
    pub(super) late_items: u64,
    /// Read once more after the last invoice.
    pub(super) guest_carts_at_the_end: u64,
    pub(super) accounts_at_the_end: u64,
}

/// The money. Pence are integers; pounds are exact decimals, as text.
#[derive(Debug, Serialize)]
pub(super) struct Totals {
    /// Σ quantity × price of the file's added lines, exactly.
    pub(super) file_pounds: String,
    /// The same, rounded half-even to pence once, at the end.
    pub(super) file_pounds_rounded: String,
    /// What the whole data set must come to, if this is it (told by its number of rows).
    pub(super) known_pounds: Option<&'static str>,
    /// Σ over the file with each price rounded to pence first: what carts can hold.
    pub(super) file_pence_by_line: i128,
    /// The same over the carts that were replayed.
    pub(super) carts_pence_expected: i128,
    /// Σ of the subtotals that the server showed.
    pub(super) carts_pence_shown: i128,
}

/// A cart that is not what the file says.
#[derive(Debug, Serialize)]
pub(super) struct CartDifferences {
    pub(super) cart: String,
    pub(super) count: usize,
    pub(super) differences: Vec<String>,
}

impl Totals {
    pub(super) fn of(census: &Census, expected: i128, shown: i128) -> Self {
        let rounded = census.value.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
        Self {
            file_pounds: census.value.normalize().to_string(),
            file_pounds_rounded: format!("{rounded:.2}"),
            known_pounds: known::is_data_set(census).then_some(known::POUNDS),
            file_pence_by_line: census.value_rounded_pence,
            carts_pence_expected: expected,
            carts_pence_shown: shown,
        }
    }

    /// The file comes to what the data set is known to come to; true of files that are not the data set.
    pub(super) fn file_agrees(&self) -> bool {
        self.known_pounds.is_none_or(|known| known == self.file_pounds_rounded)
    }

    /// The server's carts come to what the file says, to the penny.
    pub(super) fn carts_agree(&self) -> bool {
        self.carts_pence_expected == self.carts_pence_shown
    }

    /// What rounding each price to pence does to the file's total, in pounds.
    pub(super) fn rounding_effect(&self) -> Option<Decimal> {
        let by_line = Decimal::try_from_i128_with_scale(self.file_pence_by_line, 2).ok()?;
        let exactly = Decimal::from_str_exact(&self.file_pounds).ok()?;
        Some(by_line - exactly)
    }
}

impl Figures {
    /// The shopping took so long, and so many answered requests.
    pub(super) fn timed(&mut self, seconds: f64, operations: u64) {
        self.seconds = seconds;
        self.operations = operations;
        self.operations_per_second = if seconds > 0.0 { operations as f64 / seconds } else { 0.0 };
    }
}

impl OddRow {
    /// Every odd kind of a file.
    pub(super) fn all(census: &Census) -> Vec<Self> {
        let row = |kind: Odd| {
            let count = census.odd.get(&kind).copied().unwrap_or_default();
            Self { kind, what: kind.what(), count, rule: kind.rule() }
        };
        Odd::ALL.into_iter().map(row).collect()
    }
}

impl ReplayReport {
    /// Puts everything together, and decides whether the replay passed.
    pub(super) fn of(
        census: &Census,
        figures: Figures,
        meters: &Meters,
        outcome: &Outcome,
        end: &EndCheck,
        mut orders: Option<Orders>,
        mut catalogue_failures: Vec<String>,
    ) -> Self {
        let sum = |pence: &dyn Fn(&Settled) -> i64| -> i128 {
            outcome.settled.iter().map(|settled| i128::from(pence(settled))).sum()
        };
        let expected = sum(&|settled| settled.expected.0);
        let shown = sum(&|settled| settled.shown.unwrap_or_default().0);
        let latency_ms: BTreeMap<_, _> = Operation::ALL
            .into_iter()
            .map(|operation| (operation.name(), meters.latency(operation)))
            .collect();
        catalogue_failures.truncate(CATALOGUE_FAILURES_NAMED_MAX);
        if let Some(orders) = &mut orders {
            orders.count(outcome, &figures);
        }
        let mut report = Self {
            passed: false,
            ended_early: outcome.ended_early.clone(),
            file: census.clone(),
            file_differences: known::differences(census),
            odd: OddRow::all(census),
            replay: Figures {
                invoices: outcome.visits,
                carts: outcome.settled.len() as u64,
                retries: latency_ms.values().map(|latency| latency.retries).sum(),
                replayed_answers: meters.replayed_answers(),
                longest_wait_ms: meters.longest_wait_ms(),
                late_claims: outcome.settled.iter().filter(|settled| settled.late_claim).count() as u64,
                late_items: outcome.settled.iter().filter(|settled| settled.late_items).count() as u64,
                guest_carts_at_the_end: end.guest_carts,
                accounts_at_the_end: end.accounts,
                ..figures
            },
            totals: Totals::of(census, expected, shown),
            orders,
            latency_ms,
            differing_carts: 0,
            differences: Vec::new(),
            catalogue_failures,
        };
        report.name_differences(
            outcome.settled.iter().map(|settled| (settled.name.as_str(), settled.differences.as_slice())),
        );
        let accounts: Vec<(String, &[String])> = end
            .not_empty
            .iter()
            .map(|(customer, left)| {
                (format!("of customer {customer}, which should be empty,"), left.as_slice())
            })
            .collect();
        report.name_differences(accounts.iter().map(|(name, left)| (name.as_str(), *left)));
        report.judge()
    }

    /// Decides from all the other members.
    fn judge(mut self) -> Self {
        let rows: u64 = self.file.fates.values().sum();
        let whole = self.replay.invoices == self.file.shopping_invoices;
        self.passed = self.ended_early.is_none()
            && self.differing_carts == 0
            && self.catalogue_failures.is_empty()
            && self.file_differences.is_empty()
            && self.replay.carts == self.replay.carts_planned
            && self.totals.file_agrees()
            && self.totals.carts_agree()
            && self.orders_agree()
            && (!whole || self.totals.carts_pence_expected == self.totals.file_pence_by_line)
            && rows == self.file.rows;
        self
    }

    /// Names the first differing carts.
    fn name_differences<'a>(&mut self, carts: impl Iterator<Item = (&'a str, &'a [String])>) {
        for (cart, differences) in carts.filter(|(_, differences)| !differences.is_empty()) {
            self.differing_carts += 1;
            if self.differences.len() < CARTS_NAMED_MAX {
                let named = differences.iter().take(DIFFERENCES_NAMED_MAX).cloned().collect();
                let cart = cart.to_owned();
                self.differences.push(CartDifferences { cart, count: differences.len(), differences: named });
            }
        }
    }
}

/// Pence as pounds, for people.
fn pounds(pence: i128) -> String {
    i64::try_from(pence).map_or_else(|_| format!("{pence} p"), |pence| Pence(pence).to_string())
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table::write(self, f)
    }
}
