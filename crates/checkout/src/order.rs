//! What is bought, as it was when the shopper said yes. Written once before the claim, and never changed.
//!
//! Whether it happened is not said here: the cart's ledger says so. An order that nobody committed is a draft that
//! nobody looks at.

use crate::id::TxId;
use cart::{
    CartId, Dot, Timestamp,
    item::Item,
    line::{Line, Sku, Texts},
    money::{Currency, Money},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// An immutable order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// The attempt, and the order's name.
    pub tx: TxId,
    /// Of which cart.
    pub cart: CartId,
    /// Of which customer, for limits and for listing; none of a guest.
    pub customer: Option<[u8; 16]>,
    /// What is bought.
    pub lines: Vec<OrderLine>,
    /// What of the cart that is, by dot.
    pub dots: BTreeSet<Dot>,
    /// What it costs.
    pub totals: Totals,
    /// The cart's fields: email, note, addresses.
    pub fields: Texts,
    /// When it was drafted.
    pub created_at: Timestamp,
}

/// A line as it is bought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderLine {
    /// What: SKU, options and seller.
    pub line: Arc<Line>,
    /// How many.
    pub quantity: u64,
    /// The price of one.
    pub unit_price: Money,
    /// The item as it was shown.
    pub item: Arc<Item>,
    /// The shopper's own notes on it.
    pub attributes: Texts,
}

/// What an order costs, in minor units of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Totals {
    /// Of everything here.
    pub currency: Currency,
    /// The lines.
    pub subtotal: i64,
    /// Tax, where the shop's rules name it.
    pub tax: i64,
    /// Shipping, where the shop's rules name it.
    pub shipping: i64,
    /// What is paid.
    pub total: i64,
}

/// Why lines make no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTotal {
    /// Prices of more than one currency.
    Currencies,
    /// A sum that cannot be written down.
    Overflow,
}

impl Order {
    /// What is bought of each SKU, in the order in which stock is held.
    pub fn demand(&self) -> BTreeMap<Sku, u64> {
        let mut demand = BTreeMap::new();
        for line in &self.lines {
            let units: &mut u64 = demand.entry(line.line.sku().clone()).or_default();
            *units = units.saturating_add(line.quantity);
        }
        demand
    }

    /// What is paid.
    pub fn total(&self) -> Money {
        Money { amount: self.totals.total, currency: self.totals.currency }
    }
}

impl Totals {
    /// The sum over lines, in the one currency that all must have, with tax and shipping on top.
    pub fn of(lines: &[OrderLine], currency: Currency, tax: i64, shipping: i64) -> Result<Self, NoTotal> {
        let subtotal = lines.iter().try_fold(0_i64, |sum, line| {
            if line.unit_price.currency != currency {
                return Err(NoTotal::Currencies);
            }
            let units = i64::try_from(line.quantity).map_err(|_| NoTotal::Overflow)?;
            let price = line.unit_price.amount.checked_mul(units).ok_or(NoTotal::Overflow)?;
            sum.checked_add(price).ok_or(NoTotal::Overflow)
        })?;
        let total = subtotal.checked_add(tax).and_then(|sum| sum.checked_add(shipping));
        Ok(Self { currency, subtotal, tax, shipping, total: total.ok_or(NoTotal::Overflow)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku: &str, quantity: u64, amount: i64, currency: &str) -> OrderLine {
        let sku = Sku::parse(sku).unwrap();
        OrderLine {
            line: Arc::new(Line::new(sku, Texts::new(), None).unwrap()),
            quantity,
            unit_price: Money { amount, currency: Currency::parse(currency).unwrap() },
            item: Arc::new(Item::unknown(Timestamp(0))),
            attributes: Texts::new(),
        }
    }

    #[test]
    fn totals_add_up_in_one_currency() {
        let gbp = Currency::parse("GBP").unwrap();
        let lines = [line("A", 2, 255, "GBP"), line("B", 1, 100, "GBP")];
        let totals = Totals::of(&lines, gbp, 20, 300).unwrap();
        assert_eq!((totals.subtotal, totals.total), (610, 930));
        assert_eq!(Totals::of(&[line("A", 1, 1, "EUR")], gbp, 0, 0), Err(NoTotal::Currencies));
        assert_eq!(Totals::of(&[line("A", 3, i64::MAX / 2, "GBP")], gbp, 0, 0), Err(NoTotal::Overflow));
    }
}
