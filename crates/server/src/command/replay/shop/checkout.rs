//! Checks a cart out, and compares the order with the file.
//!
//! Always holds: the keys of a cart's checkouts are derived from its invoice. The same key is sent again while an
//! attempt may still become an order; a new one only after the server said that the attempt did not happen, so that
//! nothing is bought twice. Deliberately absent: orders as they are listed at the end (`orders`).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{READ_PAUSE, Settled, Shop};
use crate::command::replay::client::CallError;
use crate::command::replay::meter::Operation;
use crate::command::replay::plan::PlannedCart;
use crate::command::replay::verify;
use crate::command::replay::wire::{
    Cart,
    selling::{COUNTRY, INVOICE, Order, REPLAY},
};

/// Whose cart is bought.
#[derive(Clone, Copy)]
pub(super) struct Buyer<'a> {
    pub(super) token: &'a str,
    /// The freshness token of the last answer about the cart.
    pub(super) context: Option<&'a str>,
}

/// The order of one planned cart.
#[derive(Debug)]
pub(in super::super) struct Bought {
    /// The order's id.
    pub(in super::super) order: String,
    /// Checkouts that were begun anew, under a new key.
    pub(in super::super) new_keys: u64,
    /// Checkouts that were cancelled, because they stood in the way for long.
    pub(in super::super) cancels: u64,
    /// True when the cart showed what was bought for a while.
    pub(in super::super) late_cart: bool,
}

/// What a refusal of a checkout asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// A checkout is under way: this one, or another one of the cart.
    AskAgain,
    /// Nothing was bought. Units that an attempt before a crash put aside come back with that attempt's end.
    NewKey,
    Nothing,
}

fn then(error: &CallError) -> Then {
    let CallError::Refused { problem, .. } = error else { return Then::Nothing };
    match problem.code.as_deref() {
        Some("checkout_in_progress" | "busy") => Then::AskAgain,
        // Of a cart that was compared before, the total changes when a line is sold out.
        Some("checkout_aborted" | "out_of_stock" | "price_changed") => Then::NewKey,
        _ => Then::Nothing,
    }
}

/// The checkout that a refusal names.
fn named(error: CallError) -> Option<String> {
    let CallError::Refused { problem, .. } = error else { return None };
    problem.checkout
}

/// A checkout that holds up another, and since when.
#[derive(Default)]
struct InTheWay(Option<(String, Instant)>);

impl InTheWay {
    /// Takes note of what a refusal names; returns it once it has been in the way for longer than `lateness`.
    fn overdue(&mut self, named: Option<String>, lateness: Duration) -> Option<String> {
        self.0 = named.map(|checkout| match self.0.take() {
            Some((same, since)) if same == checkout => (same, since),
            _ => (checkout, Instant::now()),
        });
        self.0.take_if(|(_, since)| since.elapsed() > lateness).map(|(checkout, _)| checkout)
    }
}

impl Shop {
    /// Buys a cart that was compared before, and compares the order; returns the cart that is left.
    pub(super) async fn buy(
        &self,
        planned: &PlannedCart,
        buyer: Buyer<'_>,
        settled: &mut Settled,
    ) -> Result<Cart, CallError> {
        let run = self.run_name();
        let fields =
            BTreeMap::from([(COUNTRY, &*planned.country), (INVOICE, &*planned.name), (REPLAY, &*run)]);
        let key = self.named_key("fields", &planned.name);
        let context = self.client.set_fields(buyer.token, buyer.context, &fields, key).await?;
        let buyer = Buyer { context: context.as_deref().or(buyer.context), ..buyer };
        let (order, mut bought) = self.check_out(planned, buyer).await?;
        settled.tell("order", &verify::compare(planned, &order.as_cart()).differences);
        if order.state != "committed" {
            settled.tell("order", &[format!("state is {}, expected committed", order.state)]);
        }
        for (name, expected) in &fields {
            let shown = order.field(name);
            if shown != *expected {
                settled.tell("order", &[format!("field {name} is `{shown}`, expected `{expected}`")]);
            }
        }
        let cart = self.emptied(order.cart, buyer, &mut bought).await?;
        settled.bought = Some(bought);
        Ok(cart)
    }

    async fn check_out(&self, planned: &PlannedCart, buyer: Buyer<'_>) -> Result<(Order, Bought), CallError> {
        let patience = self.client.patience;
        let (started, mut pause) = (Instant::now(), patience.first_pause);
        let (mut new_keys, mut cancels) = (0, 0);
        let mut in_the_way = InTheWay::default();
        loop {
            let key = self.named_key(&format!("checkout-{new_keys}"), &planned.name);
            let error = match self.client.check_out(buyer.token, buyer.context, planned.subtotal, key).await {
                Ok(order) => {
                    let bought = Bought { order: order.id.clone(), new_keys, cancels, late_cart: false };
                    return Ok((order, bought));
                }
                Err(error) => error,
            };
            let then = then(&error);
            if then == Then::Nothing || started.elapsed() > patience.sweep {
                return Err(error);
            }
            new_keys += u64::from(then == Then::NewKey);
            let checkout = named(error).filter(|_| then == Then::AskAgain);
            if let Some(checkout) = in_the_way.overdue(checkout, patience.lateness) {
                cancels += u64::from(self.cancel(buyer, &checkout).await?);
            }
            self.client.meters.retried(Operation::Checkout);
            sleep(pause).await;
            pause = (pause * 2).min(patience.longest_pause);
        }
    }

    /// Cancels a checkout; false when the server will not, and asking again is all that is left.
    async fn cancel(&self, buyer: Buyer<'_>, checkout: &str) -> Result<bool, CallError> {
        match self.client.cancel_checkout(buyer.token, checkout).await {
            Ok(()) => Ok(true),
            Err(CallError::Refused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The cart behind its checkout, read again while it shows what was bought.
    async fn emptied(
        &self,
        left: Option<Cart>,
        buyer: Buyer<'_>,
        bought: &mut Bought,
    ) -> Result<Cart, CallError> {
        let started = Instant::now();
        let mut left = left;
        loop {
            let cart = match left.take() {
                Some(cart) => cart,
                None => self.client.read(buyer.token, buyer.context).await?,
            };
            if cart.lines.is_empty() || started.elapsed() > self.client.patience.sweep {
                return Ok(cart);
            }
            bought.late_cart = true;
            sleep(READ_PAUSE).await;
        }
    }
}
