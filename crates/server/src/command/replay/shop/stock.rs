//! Puts on the shelves what the file sells, and looks at the end what is left of it.
//!
//! Always holds: what was there before this run is told apart from what this run brought, so that a server may be
//! replayed to again; each line of a restock has a key of its own. Deliberately absent: how much is sold (`sales`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::sleep;

use super::Shop;
use crate::command::replay::client::CallError;
use crate::command::replay::sales::Sales;
use crate::command::replay::wire::selling::Stock;

/// SKUs of one restock: few enough for an answer well within the time of an attempt, on the slowest disk.
const LINES_MAX: usize = 100;

/// SKU → stock.
pub(in super::super) type Shelves = BTreeMap<Arc<str>, Stock>;

impl Shop {
    /// Restocks each item with exactly what is sold of it; returns what was there before, and in words what failed.
    pub(in super::super) async fn fill_shelves(
        &self,
        sales: &Sales,
        concurrency: usize,
    ) -> Result<(Shelves, Vec<String>), CallError> {
        let before = self.read_shelves(sales, concurrency).await?;
        let lines: Vec<(Arc<str>, i64)> = sales
            .by_item
            .iter()
            .map(|(sku, sold)| (sku.clone(), i64::try_from(sold.units).unwrap_or(i64::MAX)))
            .collect();
        let failures: Vec<Vec<String>> = stream::iter(lines.chunks(LINES_MAX))
            .map(|lines| async move {
                let key = |sku: &str| self.named_key("restock", sku);
                self.client.restock(&self.tokens.service, lines, key).await
            })
            .buffer_unordered(concurrency)
            .try_collect()
            .await?;
        Ok((before, failures.concat()))
    }

    /// Reads the stock at the end, again while it may still become what it must be: what a crash left half-way of a
    /// checkout is completed behind it.
    pub(in super::super) async fn count_shelves(
        &self,
        before: &Shelves,
        sales: &Sales,
        returned: &BTreeMap<Arc<str>, i64>,
        concurrency: usize,
    ) -> Result<Shelves, CallError> {
        let started = Instant::now();
        loop {
            let after = self.read_shelves(sales, concurrency).await?;
            let is_right = differences(before, &after, sales, returned).is_empty();
            if is_right || started.elapsed() > self.client.patience.sweep {
                return Ok(after);
            }
            sleep(self.client.patience.longest_pause).await;
        }
    }

    /// Reads the stock of everything that is sold.
    async fn read_shelves(&self, sales: &Sales, concurrency: usize) -> Result<Shelves, CallError> {
        stream::iter(sales.by_item.keys().cloned())
            .map(|sku| async move {
                let stock = self.client.stock_of(&self.tokens.service, &sku).await?;
                Ok((sku, stock))
            })
            .buffer_unordered(concurrency)
            .try_collect()
            .await
    }
}

/// How the shelves at the end differ from those before with `sales` and `returned` on top, in words.
pub(in super::super) fn differences(
    before: &Shelves,
    after: &Shelves,
    sales: &Sales,
    returned: &BTreeMap<Arc<str>, i64>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (sku, sold) in &sales.by_item {
        let stock = |shelves: &Shelves| shelves.get(sku).copied().unwrap_or_default();
        let (before, after) = (stock(before), stock(after));
        let returned = returned.get(sku).copied().unwrap_or_default();
        for (what, change, expected) in [
            ("sold", after.sold - before.sold, sold.units),
            ("available", after.available - before.available, i128::from(returned)),
            ("held", after.held - before.held, 0),
        ] {
            if i128::from(change) != expected {
                differences.push(format!("stock of `{sku}`: {what} {change:+}, expected {expected:+}"));
            }
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::replay::pence::Pence;

    fn shelves(available: i64, held: i64, sold: i64) -> Shelves {
        BTreeMap::from([("A".into(), Stock { available, held, sold })])
    }

    #[test]
    fn stock_at_the_end_is_what_was_there_with_what_came_back() {
        let mut sales = Sales::default();
        sales.add("A", "EIRE", 5, Pence(100));
        let returned = BTreeMap::from([("A".into(), 2)]);
        let check = |after| differences(&shelves(7, 1, 10), &after, &sales, &returned);
        assert_eq!(check(shelves(9, 1, 15)), Vec::<String>::new());
        assert_eq!(
            check(shelves(8, 2, 14)),
            [
                "stock of `A`: sold +4, expected +5",
                "stock of `A`: available +1, expected +2",
                "stock of `A`: held +1, expected +0",
            ]
        );
    }
}
