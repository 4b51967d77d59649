//! The orders of this run as the server lists them at the end.
//!
//! Always holds: orders are found by who bought and told by their fields, not by what the checkouts answered, so that an
//! order too many or too few shows. Deliberately absent: what they should come to (`sales`).

use std::collections::BTreeMap;
use std::time::Instant;

use tokio::time::sleep;

use super::Shop;
use crate::command::replay::client::CallError;
use crate::command::replay::pence::Pence;
use crate::command::replay::sales::Sales;
use crate::command::replay::wire::selling::{COUNTRY, INVOICE, Order, REPLAY};

/// All orders that were listed.
#[derive(Debug, Default)]
pub(in super::super) struct Books {
    /// Cart, as planned → id of its order.
    orders: BTreeMap<String, String>,
    pub(in super::super) listed: u64,
    pub(in super::super) sales: Sales,
    /// In words.
    pub(in super::super) differences: Vec<String>,
}

impl Shop {
    /// The caller's orders of this run, listed again while one of those that were answered is missing: what a crash left
    /// half-way of a checkout is completed behind it.
    pub(super) async fn all_orders(&self, token: &str, answered: &[&str]) -> Result<Vec<Order>, CallError> {
        let started = Instant::now();
        loop {
            let orders = self.list_orders(token).await?;
            let is_listed = |id: &&str| orders.iter().any(|order| order.id == **id);
            if answered.iter().all(is_listed) || started.elapsed() > self.client.patience.sweep {
                return Ok(orders);
            }
            sleep(self.client.patience.longest_pause).await;
        }
    }

    async fn list_orders(&self, token: &str) -> Result<Vec<Order>, CallError> {
        let (run, mut orders, mut after) = (self.run_name(), Vec::new(), None);
        loop {
            let page = self.client.orders(token, after.as_deref()).await?;
            orders.extend(page.orders.into_iter().filter(|order| order.field(REPLAY) == run));
            after = page.next;
            if after.is_none() {
                return Ok(orders);
            }
        }
    }
}

impl Books {
    /// Takes an order in.
    pub(in super::super) fn take(&mut self, order: &Order) {
        let (invoice, country) = (order.field(INVOICE).to_owned(), order.field(COUNTRY));
        let mut total: i128 = 0;
        for line in &order.lines {
            let price = line.unit_price.amount;
            self.sales.add(&line.sku, country, line.quantity, Pence(price));
            total += i128::from(line.quantity) * i128::from(price);
        }
        if total != i128::from(order.total.amount) {
            let shown = Pence(order.total.amount);
            self.differences.push(format!("order of {invoice}: total {shown}, its lines come to {total} p"));
        }
        self.listed += 1;
        if let Some(other) = self.orders.insert(invoice.clone(), order.id.clone()) {
            self.differences.push(format!("order of {invoice}: there are two, {other} and {}", order.id));
        }
    }

    /// Compares with what a checkout answered.
    pub(in super::super) fn check(&mut self, cart: &str, order: &str) {
        match self.orders.get(cart) {
            None => self.differences.push(format!("order of {cart}: {order} is not listed")),
            Some(listed) if listed != order => {
                self.differences.push(format!("order of {cart}: {listed} is listed, {order} was answered"));
            }
            Some(_) => {}
        }
    }
}
