//! Compares a cart as shown with what the file says.
//!
//! Always holds: every difference is told, in words; no difference means equal in currency, lines (SKU, options,
//! quantity, unit price, line total, title), saved list (empty) and subtotal, to the penny.
//! Deliberately absent: ids, times, tokens and notices, of which the file knows nothing.

use std::collections::BTreeMap;

use super::pence::Pence;
use super::plan::{ExpectedLine, PlannedCart};
use super::wire;

/// The differences between a planned cart and the cart shown; empty when they are equal.
pub(super) fn differences(expected: &PlannedCart, shown: &wire::Cart) -> Vec<String> {
    let mut differences = Vec::new();
    let expected_lines: Vec<_> =
        expected.lines.iter().map(|(key, line)| (&*key.sku, key.options(), line)).collect();
    if shown.currency != "GBP" {
        differences.push(format!("currency is {}, expected GBP", shown.currency));
    }
    let mut lines: BTreeMap<(&str, &BTreeMap<String, String>), &wire::Line> = BTreeMap::new();
    for line in &shown.lines {
        if lines.insert((&line.sku, &line.options), line).is_some() {
            differences.push(format!("line {} is shown twice", name(&line.sku, &line.options)));
        }
    }
    for (sku, options, line) in &expected_lines {
        let name = name(sku, options);
        match lines.remove(&(*sku, options)) {
            None => differences.push(format!("line {name} is missing, expected {} of it", line.quantity)),
            Some(shown) => compare_line(&name, line, shown, &mut differences),
        }
    }
    for line in lines.values() {
        let name = name(&line.sku, &line.options);
        differences.push(format!("line {name} is not in the file: {} of it", line.quantity));
    }
    if !shown.saved.is_empty() {
        differences.push(format!("{} lines are saved for later, expected none", shown.saved.len()));
    }
    compare_money("subtotal", expected.subtotal, Some(&shown.totals.subtotal), &mut differences);
    differences
}

/// The differences between a cart shown and an empty one.
pub(super) fn differences_from_empty(shown: &wire::Cart) -> Vec<String> {
    differences(&PlannedCart::default(), shown)
}

fn compare_line(name: &str, expected: &ExpectedLine, shown: &wire::Line, differences: &mut Vec<String>) {
    if shown.quantity != expected.quantity {
        differences
            .push(format!("line {name} has quantity {}, expected {}", shown.quantity, expected.quantity));
    }
    compare_money(
        &format!("unit price of line {name}"),
        expected.unit_price,
        shown.unit_price.as_ref(),
        differences,
    );
    match expected.unit_price.times(expected.quantity) {
        Some(total) => {
            compare_money(&format!("total of line {name}"), total, shown.total.as_ref(), differences);
        }
        None => differences.push(format!("total of line {name} is out of range")),
    }
    let title = shown.item.as_ref().and_then(|item| item.title.as_deref());
    if title != Some(&expected.title) {
        differences.push(format!(
            "title of line {name} is `{}`, expected `{}`",
            title.unwrap_or_default(),
            expected.title
        ));
    }
}

fn compare_money(what: &str, expected: Pence, shown: Option<&wire::Money>, differences: &mut Vec<String>) {
    match shown {
        None => differences.push(format!("{what} is missing, expected {expected}")),
        Some(money) if money.amount != expected.0 || money.currency != "GBP" => {
            differences.push(format!(
                "{what} is {} {}, expected {expected} GBP",
                Pence(money.amount),
                money.currency
            ));
        }
        Some(_) => {}
    }
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
                {"sku": "A", "options": {}, "quantity": 2, "item": {"title": "TIN DRUM"},
                 "unit_price": {"amount": 125, "currency": "GBP"}, "total": {"amount": 250, "currency": "GBP"}},
            ],
            "totals": {"subtotal": {"amount": 350, "currency": "GBP"}, "quantity": 3, "lines": 2},
        })
    }

    /// The differences after `change` was planted at `pointer` of the cart shown.
    fn after(pointer: &str, change: serde_json::Value) -> Vec<String> {
        let mut cart = shown();
        *cart.pointer_mut(pointer).unwrap() = change;
        differences(&expected(), &serde_json::from_value(cart).unwrap())
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
}
