//! From an invoice to the carts that it must become: the adds to send, and the lines to find afterwards.
//!
//! Always holds: each added row of the file is one add; adds of one code at one price share a line. The first price of
//! a code in an invoice has no option, each further price is the option `price`, so another line. Lines are counted in
//! order of first appearance, and every `lines_max` of them are a cart; a line's adds are all in the cart of the line.
//! Deliberately absent: HTTP, and the seeds of keys.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::catalogue::Catalogue;
use super::invoice::Invoice;
use super::pence::Pence;
use super::returns::PlannedReturn;

/// The most lines of one cart.
pub(super) const CART_LINES_MAX: usize = 300;

/// The option that keeps a further price of one code apart.
pub(super) const PRICE_OPTION: &str = "price";

/// What makes a line of a cart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LineKey {
    pub(super) sku: Arc<str>,
    /// The option `price`, for every price of the code but the first of its invoice.
    pub(super) price_option: Option<Pence>,
}

impl LineKey {
    /// The options as a request sends them and an answer shows them.
    pub(super) fn options(&self) -> BTreeMap<String, String> {
        self.price_option.map(|price| (PRICE_OPTION.to_owned(), price.to_string())).into_iter().collect()
    }
}

/// One add to send: one row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Add {
    pub(super) row: u64,
    pub(super) key: LineKey,
    pub(super) quantity: i64,
    pub(super) price: Pence,
}

/// One line to find afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpectedLine {
    pub(super) quantity: i64,
    pub(super) unit_price: Pence,
    pub(super) title: Arc<str>,
}

/// One cart: an invoice, or a part of a long one.
#[derive(Debug, Default)]
pub(super) struct PlannedCart {
    /// The invoice number, with `/part` when there are several.
    pub(super) name: String,
    /// Where the goods go.
    pub(super) country: Arc<str>,
    pub(super) adds: Vec<Add>,
    pub(super) lines: BTreeMap<LineKey, ExpectedLine>,
    pub(super) subtotal: Pence,
}

/// What one invoice is to the shop: a shopping session, or goods that a customer brings back.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) customer: Option<Arc<str>>,
    pub(super) at: Timestamp,
    /// Empty where nothing is bought.
    pub(super) carts: Vec<PlannedCart>,
    /// Empty where something is bought.
    pub(super) returns: Vec<PlannedReturn>,
}

impl Visit {
    /// True when something is bought.
    pub(super) fn shops(&self) -> bool {
        !self.carts.is_empty()
    }
}

/// Why an invoice cannot be planned.
#[derive(Debug, thiserror::Error)]
#[error("row {row}: the amounts of invoice `{invoice}` are out of range")]
pub struct AmountError {
    /// The row at which a sum overflowed, from 1.
    pub row: u64,
    /// The invoice it belongs to.
    pub invoice: String,
}

/// The carts of one invoice, or `None` when nothing in it is added.
pub(super) fn of(
    invoice: &Invoice,
    catalogue: &Catalogue,
    lines_max: usize,
) -> Result<Option<Visit>, AmountError> {
    let mut first_prices: HashMap<&str, Pence> = HashMap::new();
    let mut places: HashMap<LineKey, usize> = HashMap::new();
    let mut carts: Vec<PlannedCart> = Vec::new();
    for line in invoice.added() {
        let first = *first_prices.entry(&line.code).or_insert(line.price_pence);
        let price_option = (line.price_pence != first).then_some(line.price_pence);
        let key = LineKey { sku: line.code.clone(), price_option };
        let next = places.len();
        let part = *places.entry(key.clone()).or_insert(next) / lines_max;
        if part == carts.len() {
            carts.push(PlannedCart::default());
        }
        let add = Add { row: line.row, key, quantity: line.quantity, price: line.price_pence };
        let title = catalogue.get(&line.code).map_or(&line.code, |item| &item.title);
        carts[part]
            .take(add, title)
            .ok_or_else(|| AmountError { row: line.row, invoice: invoice.number.to_string() })?;
    }
    let parts = carts.len();
    for (part, cart) in (1..).zip(&mut carts) {
        cart.country = invoice.country().clone();
        cart.name =
            if parts == 1 { invoice.number.to_string() } else { format!("{}/{part}", invoice.number) };
    }
    let visit = Visit { customer: invoice.customer.clone(), at: invoice.at(), carts, returns: Vec::new() };
    Ok((parts > 0).then_some(visit))
}

impl PlannedCart {
    /// Expects one more add; `None` when a sum overflows.
    fn take(&mut self, add: Add, title: &Arc<str>) -> Option<()> {
        self.subtotal = self.subtotal.plus(add.price.times(add.quantity)?)?;
        let line = self.lines.entry(add.key.clone()).or_insert_with(|| ExpectedLine {
            quantity: 0,
            unit_price: add.price,
            title: title.clone(),
        });
        line.quantity = line.quantity.checked_add(add.quantity)?;
        self.adds.push(add);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{catalogue, invoice};
    use super::*;

    fn planned(rows: &[&str], lines_max: usize) -> Option<Visit> {
        let mut text =
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n".to_owned();
        for row in rows {
            let [code, quantity, price] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
            text += &format!("700,{code},TITLE {code},{quantity},2010-12-01T08:00:00,{price},9,UK\n");
        }
        let invoices = invoice::parse(text.as_bytes()).unwrap();
        of(&invoices[0], &catalogue::of(&invoices), lines_max).unwrap()
    }

    /// The carts as text: `name: sku[@option] quantityxprice, … = subtotal`.
    fn told(visit: &Visit) -> Vec<String> {
        let tell_line = |(key, line): (&LineKey, &ExpectedLine)| {
            let option = key.price_option.map(|price| format!("@{price}")).unwrap_or_default();
            format!("{}{option} {}x{}", key.sku, line.quantity, line.unit_price)
        };
        let tell_cart = |cart: &PlannedCart| {
            let lines: Vec<_> = cart.lines.iter().map(tell_line).collect();
            format!("{}: {} = {}", cart.name, lines.join(", "), cart.subtotal)
        };
        visit.carts.iter().map(tell_cart).collect()
    }

    #[test]
    fn rows_of_one_code_and_price_add_up_in_one_line() {
        let visit = planned(&["A 2 1.25", "B 1 3.0", "A 4 1.25"], 300).unwrap();
        assert_eq!(told(&visit), ["700: A 6x1.25, B 1x3.00 = 10.50"]);
        assert_eq!(visit.carts[0].adds.len(), 3);
    }

    #[test]
    fn a_further_price_of_a_code_is_an_option_and_another_line() {
        let visit = planned(&["A 2 1.25", "A 1 1.1", "A 1 0.0", "A 3 1.10"], 300).unwrap();
        assert_eq!(told(&visit), ["700: A 2x1.25, A@0.00 1x0.00, A@1.10 4x1.10 = 6.90"]);
        let options: Vec<_> = visit.carts[0].adds.iter().map(|add| add.key.options()).collect();
        assert_eq!(options[0], BTreeMap::new());
        assert_eq!(options[1], BTreeMap::from([("price".to_owned(), "1.10".to_owned())]));
    }

    #[test]
    fn prices_that_round_to_the_same_pence_are_one_price() {
        assert_eq!(told(&planned(&["A 1 0.001", "A 1 0.0"], 300).unwrap()), ["700: A 2x0.00 = 0.00"]);
    }

    #[test]
    fn a_long_invoice_is_cut_and_late_adds_go_to_the_cart_of_their_line() {
        let visit = planned(&["A 1 1.0", "B 1 1.0", "C 1 1.0", "A 1 2.0", "E 1 1.0", "B 2 1.0"], 2).unwrap();
        assert_eq!(
            told(&visit),
            [
                "700/1: A 1x1.00, B 3x1.00 = 4.00",
                "700/2: A@2.00 1x2.00, C 1x1.00 = 3.00",
                "700/3: E 1x1.00 = 1.00"
            ]
        );
    }

    #[test]
    fn an_invoice_that_adds_nothing_is_no_visit() {
        assert!(planned(&["A -1 1.0", "B 0 1.0"], 300).is_none());
    }
}
