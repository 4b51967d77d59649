//! What a report says of orders, returns and stock.
//!
//! Always holds: sums that were not read back are no agreement: until the end `closed` is false, and nothing passes.
//! Deliberately absent: how the sums came about (`sales`, `shop::orders`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::{Figures, ReplayReport};
use crate::command::replay::client::CallError;
use crate::command::replay::drive::Outcome;
use crate::command::replay::returns::ReturnsCensus;
use crate::command::replay::sales::{Sales, Sold};
use crate::command::replay::shop::{Books, Bought, Shelves, stock_differences};

/// How many differences a report names, of one kind and in all.
const NAMED_OF_A_KIND_MAX: usize = 10;
const NAMED_MAX: usize = 40;

/// Orders, returns and stock.
#[derive(Debug, Default, Serialize)]
pub(in super::super) struct Orders {
    /// True once orders and stock were read back.
    pub(super) closed: bool,
    pub(super) planned: u64,
    /// Answered by checkouts.
    pub(super) placed: u64,
    /// Found at the end, in the lists of those who bought.
    pub(super) listed: u64,
    pub(super) per_second: f64,
    /// Checkouts that were begun anew under another key, after the server said that an attempt had not happened.
    pub(super) new_keys: u64,
    /// Checkouts of before a crash that were cancelled.
    pub(super) cancelled: u64,
    /// Carts that showed for a while what was bought.
    pub(super) late_carts: u64,
    pub(super) total: Pair,
    pub(super) by_country: BTreeMap<String, Pair>,
    pub(super) items: u64,
    /// Items and countries of which the orders come to something else than the file.
    pub(super) items_differing: u64,
    pub(super) countries_differing: u64,
    pub(super) returns: Returns,
    /// Items of which the stock at the end is what it must be.
    pub(super) stock_right: u64,
    pub(super) differences_count: u64,
    /// The first ones, in words.
    pub(super) differences: Vec<String>,
}

/// A sum of the file, and of the orders.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Pair {
    pub(super) file: Sold,
    pub(super) orders: Sold,
}

/// What came back.
#[derive(Debug, Default, Serialize)]
pub(super) struct Returns {
    /// What the file brings back, and what of it matches no order.
    pub(super) file: ReturnsCensus,
    pub(super) units_planned: i64,
    /// Requests that the server answered as expected, and the units in them.
    pub(super) taken_back: u64,
    pub(super) units_taken_back: i64,
}

impl Orders {
    /// What is planned.
    pub(in super::super) fn new(sales: &Sales, returns: &ReturnsCensus, planned: u64) -> Self {
        let units_planned = returns.by_item.values().sum();
        let returns = Returns { file: returns.clone(), units_planned, ..Returns::default() };
        let total = Pair { file: sales.total, orders: Sold::default() };
        Self { planned, items: sales.by_item.len() as u64, returns, total, ..Self::default() }
    }

    /// Compares what was read back with the file.
    pub(in super::super) fn close(
        &mut self,
        file: &Sales,
        returns: &ReturnsCensus,
        books: &Books,
        before: &Shelves,
        after: Result<Shelves, CallError>,
    ) {
        self.listed = books.listed;
        self.total = Pair { file: file.total, orders: books.sales.total };
        self.by_country = pairs(&file.by_country, &books.sales.by_country);
        let differs = |pair: &&Pair| pair.file != pair.orders;
        self.countries_differing = self.by_country.values().filter(differs).count() as u64;
        let by_item = pairs(&file.by_item, &books.sales.by_item);
        self.items_differing = by_item.values().filter(differs).count() as u64;
        self.note(file.differences(&books.sales));
        self.note(books.differences.iter().cloned());
        match after {
            Ok(after) => {
                let wrong = stock_differences(before, &after, file, &returns.by_item);
                let skus: BTreeSet<&str> = wrong.iter().filter_map(|told| told.split('`').nth(1)).collect();
                self.stock_right = self.items - (skus.len() as u64).min(self.items);
                self.note(wrong);
                self.closed = true;
            }
            Err(error) => self.note([format!("stock at the end: {error}")]),
        }
    }

    /// Takes in what carts and returns came to.
    pub(super) fn count(&mut self, outcome: &Outcome, figures: &Figures) {
        let bought = || outcome.settled.iter().filter_map(|settled| settled.bought.as_ref());
        let sum = |of: fn(&Bought) -> u64| bought().map(of).sum();
        self.placed = bought().count() as u64;
        self.per_second = if figures.seconds > 0.0 { self.placed as f64 / figures.seconds } else { 0.0 };
        self.new_keys = sum(|bought| bought.new_keys);
        self.cancelled = sum(|bought| bought.cancels);
        self.late_carts = sum(|bought| u64::from(bought.late_cart));
        for settled in &outcome.returns {
            if settled.differences.is_empty() {
                self.returns.taken_back += 1;
                self.returns.units_taken_back += settled.units;
            }
            let name = &settled.name;
            self.note(settled.differences.iter().map(|told| format!("return {name}: {told}")));
        }
    }

    /// True when orders, returns and stock are what the file says.
    pub(super) fn agree(&self) -> bool {
        self.closed
            && self.differences_count == 0
            && self.placed == self.planned
            && self.listed == self.planned
            && self.total.file == self.total.orders
            && self.returns.units_taken_back == self.returns.units_planned
            && self.stock_right == self.items
    }

    fn note(&mut self, differences: impl IntoIterator<Item = String>) {
        let mut named = 0;
        for difference in differences {
            self.differences_count += 1;
            if named < NAMED_OF_A_KIND_MAX && self.differences.len() < NAMED_MAX {
                self.differences.push(difference);
                named += 1;
            }
        }
    }
}

fn pairs(file: &BTreeMap<Arc<str>, Sold>, orders: &BTreeMap<Arc<str>, Sold>) -> BTreeMap<String, Pair> {
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    for (name, sold) in file {
        pairs.entry(name.to_string()).or_default().file = *sold;
    }
    for (name, sold) in orders {
        pairs.entry(name.to_string()).or_default().orders = *sold;
    }
    pairs
}

impl ReplayReport {
    /// True when nothing was to be sold, or all was sold as the file says.
    pub(super) fn orders_agree(&self) -> bool {
        self.orders.as_ref().is_none_or(Orders::agree)
    }
}
