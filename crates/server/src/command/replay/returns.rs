//! From a cancellation to the orders that its goods came from.
//!
//! Always holds: units come back to earlier orders of the same customer that hold the item and still have it out, the
//! latest order first; units that no such order has are counted by the reason, and named. The server takes units back,
//! not money: the price that a cancellation names is not compared with anything.
//! Deliberately absent: HTTP.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::invoice::{Invoice, InvoiceKind};
use super::plan::Visit;

/// How many lines that match no order a report names.
const NAMED_MAX: usize = 10;

/// Goods that come back to one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedReturn {
    /// The number of the cancellation.
    pub(super) name: String,
    /// The cart whose order they came from.
    pub(super) of: String,
    pub(super) units: BTreeMap<Arc<str>, i64>,
    /// What has come back of that order by then, these units included.
    pub(super) so_far: BTreeMap<Arc<str>, i64>,
}

/// Why units of a cancellation match no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unmatched {
    /// The cancellation names no customer.
    NoCustomer,
    /// The customer has no earlier order with the item: it was bought before the file begins, or is no article.
    NeverBought,
    /// The customer's earlier orders have fewer out.
    MoreThanBought,
    /// The line brings nothing back.
    NothingComesBack,
}

impl Unmatched {
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::NoCustomer => "without a customer number",
            Self::NeverBought => "of an item that no earlier order of the customer has",
            Self::MoreThanBought => "beyond what the customer's earlier orders have out",
            Self::NothingComesBack => "that bring nothing back",
        }
    }
}

/// Lines of the file, and units of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Count {
    /// A line that matches in part counts on both sides.
    pub(super) lines: u64,
    pub(super) units: i64,
}

impl Count {
    fn add(&mut self, units: i64) {
        self.lines += 1;
        self.units += units;
    }
}

/// What comes back, over all cancellations that are replayed.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct ReturnsCensus {
    pub(super) cancellations: u64,
    pub(super) matched: Count,
    pub(super) unmatched: BTreeMap<Unmatched, Count>,
    /// The first lines that match no order.
    pub(super) unmatched_named: Vec<String>,
    /// Units of each item that come back to stock.
    #[serde(skip)]
    pub(super) by_item: BTreeMap<Arc<str>, i64>,
}

/// What customers have bought and not brought back, in the order of the file.
#[derive(Default)]
pub(super) struct Purchases {
    out: HashMap<(Arc<str>, Arc<str>), Vec<Out>>,
    so_far: HashMap<String, BTreeMap<Arc<str>, i64>>,
    pub(super) census: ReturnsCensus,
}

/// Units of one item that one order has out.
struct Out {
    order: String,
    units: i64,
}

impl Purchases {
    /// Remembers what a customer buys.
    pub(super) fn buy(&mut self, visit: &Visit) {
        let Some(customer) = &visit.customer else { return };
        for cart in &visit.carts {
            for (key, line) in &cart.lines {
                let orders = self.out.entry((customer.clone(), key.sku.clone())).or_default();
                match orders.last_mut() {
                    Some(last) if last.order == cart.name => last.units += line.quantity,
                    _ => orders.push(Out { order: cart.name.clone(), units: line.quantity }),
                }
            }
        }
    }

    /// Plans what a cancellation brings back; `None` when that is nothing.
    pub(super) fn take_back(&mut self, invoice: &Invoice) -> Option<Visit> {
        if invoice.kind != InvoiceKind::Cancellation {
            return None;
        }
        self.census.cancellations += 1;
        let mut units: BTreeMap<String, BTreeMap<Arc<str>, i64>> = BTreeMap::new();
        for line in &invoice.lines {
            let wanted = line.quantity.checked_neg().unwrap_or_default().max(0);
            let taken = self.match_line(invoice, &line.code, wanted);
            let matched: i64 = taken.iter().map(|out| out.units).sum();
            for Out { order, units: some } in taken {
                *units.entry(order).or_default().entry(line.code.clone()).or_default() += some;
            }
            if matched > 0 {
                self.census.matched.add(matched);
                *self.census.by_item.entry(line.code.clone()).or_default() += matched;
            }
            if matched < wanted || wanted == 0 {
                self.note_unmatched(invoice, &line.code, wanted - matched, matched > 0);
            }
        }
        let returns: Vec<_> =
            units.into_iter().map(|(order, units)| self.plan(invoice, order, units)).collect();
        let visit =
            Visit { customer: invoice.customer.clone(), at: invoice.at(), carts: Vec::new(), returns };
        (!visit.returns.is_empty()).then_some(visit)
    }

    /// Takes units out of the customer's orders, the latest first.
    fn match_line(&mut self, invoice: &Invoice, code: &Arc<str>, wanted: i64) -> Vec<Out> {
        let Some(customer) = &invoice.customer else { return Vec::new() };
        let Some(orders) = self.out.get_mut(&(customer.clone(), code.clone())) else { return Vec::new() };
        let (mut left, mut taken) = (wanted, Vec::new());
        for out in orders.iter_mut().rev() {
            let units = left.min(out.units);
            if units > 0 {
                (left, out.units) = (left - units, out.units - units);
                taken.push(Out { order: out.order.clone(), units });
            }
        }
        taken
    }

    fn plan(&mut self, invoice: &Invoice, of: String, units: BTreeMap<Arc<str>, i64>) -> PlannedReturn {
        let so_far = self.so_far.entry(of.clone()).or_default();
        for (sku, some) in &units {
            *so_far.entry(sku.clone()).or_default() += some;
        }
        PlannedReturn { name: invoice.number.to_string(), of, units, so_far: so_far.clone() }
    }

    fn note_unmatched(&mut self, invoice: &Invoice, code: &Arc<str>, units: i64, in_part: bool) {
        let bought = |customer: &Arc<str>| self.out.contains_key(&(customer.clone(), code.clone()));
        let why = match &invoice.customer {
            _ if units == 0 => Unmatched::NothingComesBack,
            None => Unmatched::NoCustomer,
            Some(customer) if in_part || bought(customer) => Unmatched::MoreThanBought,
            Some(_) => Unmatched::NeverBought,
        };
        self.census.unmatched.entry(why).or_default().add(units);
        if self.census.unmatched_named.len() < NAMED_MAX {
            self.census.unmatched_named.push(format!("{} `{code}`: {units} {}", invoice.number, why.what()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{catalogue, invoice, plan};
    use super::*;

    /// Reads `number sku quantity customer` rows; tells what comes back, and counts it.
    fn planned(rows: &[&str]) -> (Vec<String>, ReturnsCensus) {
        let mut text =
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n".to_owned();
        for row in rows {
            let [number, code, quantity, customer] = row.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            let customer = customer.trim_matches('-');
            text += &format!("{number},{code},TITLE,{quantity},2010-12-01T08:00:00,1.0,{customer},UK\n");
        }
        let invoices = invoice::parse(text.as_bytes()).unwrap();
        let catalogue = catalogue::of(&invoices);
        let (mut purchases, mut told) = (Purchases::default(), Vec::new());
        for invoice in &invoices {
            if let Some(visit) = plan::of(invoice, &catalogue, 300).unwrap() {
                purchases.buy(&visit);
            }
            let returns = purchases.take_back(invoice).into_iter().flat_map(|visit| visit.returns);
            told.extend(returns.map(|planned| {
                let tell = |units: &BTreeMap<Arc<str>, i64>| {
                    units.iter().map(|(sku, units)| format!("{units} {sku}")).collect::<Vec<_>>().join(", ")
                };
                let (name, of) = (&planned.name, &planned.of);
                format!("{name} of {of}: {} (so far {})", tell(&planned.units), tell(&planned.so_far))
            }));
        }
        (told, purchases.census)
    }

    #[test]
    fn goods_come_back_to_the_latest_order_that_has_them_out() {
        let (returns, census) =
            planned(&["1 A 5 9", "2 A 2 9", "2 B 1 9", "C3 A -3 9", "C4 B -1 9", "C5 A -4 9"]);
        assert_eq!(
            returns,
            [
                "C3 of 1: 1 A (so far 1 A)",
                "C3 of 2: 2 A (so far 2 A)",
                "C4 of 2: 1 B (so far 2 A, 1 B)",
                "C5 of 1: 4 A (so far 5 A)",
            ]
        );
        assert_eq!((census.cancellations, census.matched), (3, Count { lines: 3, units: 8 }));
        assert!(census.unmatched.is_empty());
        assert_eq!(census.by_item["A"], 7);
    }

    #[test]
    fn what_matches_no_order_is_counted_by_its_reason_and_named() {
        let (returns, census) = planned(&[
            "C1 A -1 9",
            "2 A 2 9",
            "C3 A -5 9",
            "C4 A -1 8",
            "C5 A -1 -",
            "C6 A 0 9",
            "C7 A -1 9",
        ]);
        assert_eq!(returns, ["C3 of 2: 2 A (so far 2 A)"]);
        let unmatched: Vec<_> =
            census.unmatched.iter().map(|(why, count)| (*why, count.lines, count.units)).collect();
        assert_eq!(
            unmatched,
            [
                (Unmatched::NoCustomer, 1, 1),
                (Unmatched::NeverBought, 2, 2),
                (Unmatched::MoreThanBought, 2, 4),
                (Unmatched::NothingComesBack, 1, 0),
            ]
        );
        assert_eq!(
            census.unmatched_named[..2],
            [
                "C1 `A`: 1 of an item that no earlier order of the customer has",
                "C3 `A`: 3 beyond what the customer's earlier orders have out",
            ]
        );
    }
}
