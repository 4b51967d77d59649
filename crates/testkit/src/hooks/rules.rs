//! What the shop of this server decides.

use super::question::PricedLine;
use serde_json::{Value, json};

/// Rules for money, tax and shipping, in minor units. By default everything is authorised and nothing costs extra.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// A total above it is declined.
    pub decline_above: Option<i64>,
    /// A total above it wants the shopper to do something first.
    pub action_above: Option<i64>,
    /// Tax on the lines, rounded down.
    pub tax_percent: i64,
    /// Whatever is bought.
    pub shipping: i64,
    /// Another price of one unit, for a SKU.
    pub reprices: Option<(&'static str, i64)>,
}

impl Rules {
    pub(super) fn price(&self, lines: &[PricedLine]) -> Value {
        let other = |line: &PricedLine| {
            self.reprices.filter(|(sku, _)| *sku == line.sku).map(|(_, unit_price)| unit_price)
        };
        let unit_prices: Vec<Option<i64>> = lines.iter().map(other).collect();
        let priced = lines.iter().zip(&unit_prices);
        let subtotal: i64 =
            priced.map(|(line, other)| line.quantity * other.unwrap_or(line.unit_price)).sum();
        json!({
            "tax": subtotal * self.tax_percent / 100,
            "shipping": self.shipping,
            "unit_prices": unit_prices,
        })
    }
}
