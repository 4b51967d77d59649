//! Compares a cart as shown with what the file says.
//!
//! Always holds: every difference is told, in words, and those that the server may still mend are told apart; no difference
//! means equal in currency, lines (SKU, options, quantity, unit price, line total, title), saved list (empty) and subtotal,
//! to the penny. Deliberately absent: ids, times and tokens, of which the file knows nothing.

use std::collections::BTreeMap;

use super::pence::Pence;
use super::plan::{ExpectedLine, PlannedCart};
use super::wire;

/// How a cart shown differs from what was planned.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// In words; empty when they are equal.
    pub(super) differences: Vec<String>,
    /// How many of the differences are an item without any title.
    untitled: usize,
    /// How many are a line that has left the subtotal, because there is not enough of it to sell, and that subtotal.
    sold_out: usize,
}

impl Comparison {
    /// True when nothing differs but items that are not filled in: a catalogue that was slow while a line was added
    /// or read never holds the cart up, and the API promises that what is missing comes when it answers again.
    pub(super) fn waits_for_items(&self) -> bool {
        self.untitled > 0 && self.untitled == self.differences.len()
    }

    /// True when nothing differs but lines that are sold out: the shelves have exactly what the file sells, so others hold
    /// units that they will not buy, and the server gives those back when it ends what a crash left half-way.
    pub(super) fn waits_for_stock(&self) -> bool {
        self.sold_out > 0 && self.sold_out == self.differences.len()
    }

    fn note(&mut self, difference: String) {
        self.differences.push(difference);
    }

    fn line(&mut self, name: &str, expected: &ExpectedLine, shown: &wire::Line) {
        if shown.quantity != expected.quantity {
            self.note(format!("line {name} has quantity {}, expected {}", shown.quantity, expected.quantity));
        }
        let unit_price = format!("unit price of line {name}");
        self.money(&unit_price, expected.unit_price, shown.unit_price.as_ref());
        match expected.unit_price.times(expected.quantity) {
            Some(total) => {
                self.sold_out += usize::from(shown.total.is_none() && shown.is_sold_out());
                self.money(&format!("total of line {name}"), total, shown.total.as_ref());
            }
            None => self.note(format!("total of line {name} is out of range")),
        }
        let title = shown.item.as_ref().and_then(|item| item.title.as_deref()).unwrap_or_default();
        if title != &*expected.title {
            self.untitled += usize::from(title.is_empty());
            self.note(format!("title of line {name} is `{title}`, expected `{}`", expected.title));
        }
    }

    fn money(&mut self, what: &str, expected: Pence, shown: Option<&wire::Money>) {
        match shown {
            None => self.note(format!("{what} is missing, expected {expected}")),
            Some(money) if money.amount != expected.0 || money.currency != "GBP" => {
                let (amount, currency) = (Pence(money.amount), &money.currency);
                self.note(format!("{what} is {amount} {currency}, expected {expected} GBP"));
            }
            Some(_) => {}
        }
    }
}

/// Compares a cart shown with what was planned.
pub(super) fn compare(expected: &PlannedCart, shown: &wire::Cart) -> Comparison {
    let mut comparison = Comparison::default();
    let expected_lines: Vec<_> =
        expected.lines.iter().map(|(key, line)| (&*key.sku, key.options(), line)).collect();
    if shown.currency != "GBP" {
        comparison.note(format!("currency is {}, expected GBP", shown.currency));
    }
    let mut lines: BTreeMap<(&str, &BTreeMap<String, String>), &wire::Line> = BTreeMap::new();
    for line in &shown.lines {
        if lines.insert((&line.sku, &line.options), line).is_some() {
            comparison.note(format!("line {} is shown twice", name(&line.sku, &line.options)));
        }
    }
    for (sku, options, line) in &expected_lines {
        let name = name(sku, options);
        match lines.remove(&(*sku, options)) {
            None => comparison.note(format!("line {name} is missing, expected {} of it", line.quantity)),
            Some(shown) => comparison.line(&name, line, shown),
        }
    }
    for line in lines.values() {
        let name = name(&line.sku, &line.options);
        comparison.note(format!("line {name} is not in the file: {} of it", line.quantity));
    }
    if !shown.saved.is_empty() {
        comparison.note(format!("{} lines are saved for later, expected none", shown.saved.len()));
    }
    let (sold_out, before) = (comparison.sold_out, comparison.differences.len());
    comparison.money("subtotal", expected.subtotal, Some(&shown.totals.subtotal));
    if sold_out > 0 {
        comparison.sold_out += comparison.differences.len() - before;
    }
    comparison
}

/// The differences between a cart shown and an empty one.
pub(super) fn differences_from_empty(shown: &wire::Cart) -> Vec<String> {
    compare(&PlannedCart::default(), shown).differences
}

fn name(sku: &str, options: &BTreeMap<String, String>) -> String {
    let options: String = options.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    format!("`{sku}{options}`")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::plan::LineKey;
    use super::*;

    fn expected() -> PlannedCart {
        let line = |quantity, price, title: &str| ExpectedLine {
            quantity,
            unit_price: Pence(price),
            title: Arc::from(title),
        };
        let key = |sku: &str, price_option| LineKey { sku: Arc::from(sku), price_option };
        PlannedCart {
            lines: BTreeMap::from([
                (key("A", None), line(2, 125, "TIN DRUM")),
                (key("A", Some(Pence(100))), line(1, 100, "TIN DRUM")),
            ]),
            subtotal: Pence(350),
            ..PlannedCart::default()
        }
    }

    fn shown() -> serde_json::Value {
        serde_json::json!({
            "id": "c_1", "currency": "GBP", "seen": "s", "saved": [],
            "lines": [
                {"sku": "A", "options": {"price": "1.00"}, "quantity": 1, "item": {"title": "TIN DRUM"},
                 "unit_price": {"amount": 100, "currency": "GBP"}, "total": {"amount": 100, "currency": "GBP"}},
                {"sku": "A", "options": {}, "quantity": 2, "item": {"title": "TIN DRUM"}, "notices": [],
                 "unit_price": {"amount": 125, "currency": "GBP"}, "total": {"amount": 250, "currency": "GBP"}},
            ],
            "totals": {"subtotal": {"amount": 350, "currency": "GBP"}, "quantity": 3, "lines": 2},
        })
    }

    /// The comparison after a change was planted at each pointer into the cart shown.
    fn compared(changes: &[(&str, serde_json::Value)]) -> Comparison {
        let mut cart = shown();
        for (pointer, change) in changes {
            *cart.pointer_mut(pointer).unwrap() = change.clone();
        }
        compare(&expected(), &serde_json::from_value(cart).unwrap())
    }

    /// The differences after `change` was planted at `pointer` into the cart shown.
    fn after(pointer: &str, change: serde_json::Value) -> Vec<String> {
        compared(&[(pointer, change)]).differences
    }

    #[test]
    fn equal_carts_have_no_difference_in_whatever_order_lines_come() {
        assert_eq!(after("/id", "c_2".into()), Vec::<String>::new());
    }

    #[test]
    fn each_planted_difference_is_told() {
        assert_eq!(after("/currency", "EUR".into()), ["currency is EUR, expected GBP"]);
        assert_eq!(after("/lines/1/quantity", 3.into()), ["line `A` has quantity 3, expected 2"]);
        assert_eq!(
            after("/lines/0/unit_price/amount", 99.into()),
            ["unit price of line `A price=1.00` is 0.99 GBP, expected 1.00 GBP"]
        );
        assert_eq!(
            after("/lines/1/total/currency", "EUR".into()),
            ["total of line `A` is 2.50 EUR, expected 2.50 GBP"]
        );
        assert_eq!(
            after("/lines/1/unit_price", serde_json::Value::Null),
            ["unit price of line `A` is missing, expected 1.25"]
        );
        assert_eq!(
            after("/lines/1/item/title", "DRUM".into()),
            ["title of line `A` is `DRUM`, expected `TIN DRUM`"]
        );
        assert_eq!(after("/totals/subtotal/amount", 349.into()), ["subtotal is 3.49 GBP, expected 3.50 GBP"]);
        assert_eq!(
            after("/lines/1/sku", "B".into()),
            ["line `A` is missing, expected 2 of it", "line `B` is not in the file: 2 of it"]
        );
        assert_eq!(
            after("/lines/0/options", serde_json::json!({})),
            ["line `A` is shown twice", "line `A price=1.00` is missing, expected 1 of it"]
        );
        assert_eq!(after("/saved", shown()["lines"].clone()), ["2 lines are saved for later, expected none"]);
    }

    #[test]
    fn only_missing_items_are_worth_waiting_for() {
        let untitled = ("/lines/0/item", serde_json::Value::Null);
        let other = ("/lines/1/quantity", serde_json::json!(3));
        let wrong = ("/lines/1/item/title", serde_json::json!("DRUM"));
        assert!(compared(std::slice::from_ref(&untitled)).waits_for_items());
        assert!(!compared(&[untitled.clone(), other]).waits_for_items());
        assert!(!compared(&[untitled, wrong.clone()]).waits_for_items());
        assert!(!compared(&[wrong]).waits_for_items());
        assert!(!compared(&[]).waits_for_items());
    }

    #[test]
    fn only_lines_that_are_sold_out_are_worth_waiting_for_longer() {
        let no_total = ("/lines/1/total", serde_json::Value::Null);
        let less = ("/totals/subtotal/amount", serde_json::json!(100));
        let told = ("/lines/1/notices", serde_json::json!([{"code": "out_of_stock"}]));
        let other = ("/lines/1/quantity", serde_json::json!(3));
        assert!(compared(&[no_total.clone(), less.clone(), told.clone()]).waits_for_stock());
        assert!(!compared(&[no_total.clone(), less.clone()]).waits_for_stock());
        assert!(!compared(&[no_total, less.clone(), told, other]).waits_for_stock());
        assert!(!compared(&[less]).waits_for_stock());
    }
}
