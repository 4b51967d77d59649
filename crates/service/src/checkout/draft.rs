//! The draft of an order: what a cart shows as sellable, at the prices that it shows.
//!
//! A line that has left the subtotal (withdrawn, unpriced, in another currency, out of stock) is not bought and stays;
//! one whose quantity is out of bounds is a refusal, because the rest of the wish would be lost with it. Where nothing is
//! left to buy, what is sold out is named.

use super::{
    hooks::{PriceLine, PriceRequest},
    refusal::Refusal,
};
use crate::answer::CartAnswer;
use cart::{
    CartId, Dot,
    line::{LineId, List, Texts},
    money::{Currency, Money},
    view::{Notice, View, ViewLine},
};
use checkout::{answer::Shortage, order::OrderLine};
use std::collections::BTreeMap;

/// What would be bought.
pub(crate) struct Draft {
    pub(crate) cart: CartId,
    pub(crate) currency: Currency,
    pub(crate) lines: Vec<OrderLine>,
    /// Whose history each dot belongs to.
    pub(crate) dots: BTreeMap<Dot, CartId>,
    pub(crate) fields: Texts,
}

impl Draft {
    /// What of a cart can be bought.
    pub(crate) fn of(answer: &CartAnswer) -> Result<Self, Refusal> {
        let view = answer.view();
        let clamped: Vec<(LineId, u64)> = view.lines.iter().filter_map(clamped).collect();
        if !clamped.is_empty() {
            return Err(Refusal::QuantityClamped(clamped));
        }
        let mut draft = Self::empty(answer, &view);
        for line in view.lines.iter().filter(|line| line.total.is_some()) {
            let Some(price) = line.item.price else { continue };
            draft.lines.push(order_line(line, price));
            for seen in line.seen.dots_in(List::Cart) {
                let origin = answer.state.entries.get(&seen.dot).and_then(|entry| entry.origin);
                draft.dots.insert(seen.dot, origin.unwrap_or(answer.cart));
            }
        }
        let sold_out: Vec<Shortage> = view.lines.iter().filter_map(sold_out).collect();
        if draft.lines.is_empty() && !sold_out.is_empty() {
            return Err(Refusal::OutOfStock(sold_out));
        }
        Ok(draft)
    }

    /// Nothing, of a cart.
    pub(crate) fn empty(answer: &CartAnswer, view: &View) -> Self {
        let fields = answer.state.fields.iter();
        let fields = fields.filter_map(|(name, field)| Some((name.clone(), field.value.clone()?))).collect();
        Self { cart: answer.cart, currency: view.currency, lines: Vec::new(), dots: BTreeMap::new(), fields }
    }

    /// The question what it costs.
    pub(crate) fn question(&self) -> PriceRequest {
        let line = |line: &OrderLine| PriceLine {
            line: line.line.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
        };
        PriceRequest {
            cart: self.cart,
            currency: self.currency,
            lines: self.lines.iter().map(line).collect(),
            fields: self.fields.clone(),
        }
    }

    /// Takes over the prices that the shop's rules name.
    pub(crate) fn reprice(&mut self, unit_prices: &[Option<i64>]) {
        let priced = self.lines.iter_mut().zip(unit_prices);
        for (line, amount) in priced.filter_map(|(line, price)| Some((line, (*price)?))) {
            line.unit_price = Money { amount, currency: self.currency };
        }
    }
}

fn clamped(line: &ViewLine) -> Option<(LineId, u64)> {
    line.notices.iter().find_map(|notice| match notice {
        Notice::QuantityClamped { sellable } if line.total.is_some() => Some((line.id, *sellable)),
        _ => None,
    })
}

fn sold_out(line: &ViewLine) -> Option<Shortage> {
    let is_sold_out = line.notices.contains(&Notice::OutOfStock);
    is_sold_out.then(|| Shortage {
        sku: line.line.sku().clone(),
        wanted: line.quantity,
        available: 0,
        is_limit: false,
    })
}

fn order_line(line: &ViewLine, unit_price: Money) -> OrderLine {
    OrderLine {
        line: line.line.clone(),
        quantity: line.quantity,
        unit_price,
        item: line.item.clone(),
        attributes: (*line.attributes).clone(),
    }
}
