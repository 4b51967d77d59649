//! The index of SKUs in memory, bounded: what finds no room is left out, and said to be.

use crate::{SkuIndex, error::Result};
use async_trait::async_trait;
use cart::{CartId, line::Sku};
use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap},
    ops::Bound,
};

/// Keeps at most so many pairs of a cart and a SKU.
#[derive(Debug)]
pub struct MemorySkuIndex {
    pairs_max: usize,
    pairs: Mutex<Pairs>,
}

#[derive(Debug, Default)]
struct Pairs {
    of_cart: HashMap<CartId, BTreeSet<Sku>>,
    of_sku: HashMap<Sku, BTreeSet<CartId>>,
    count: usize,
    left_out: bool,
}

impl MemorySkuIndex {
    /// An empty index with room for so many pairs.
    pub fn new(pairs_max: usize) -> Self {
        Self { pairs_max, pairs: Mutex::default() }
    }
}

impl Pairs {
    fn remove(&mut self, cart: CartId) {
        for sku in self.of_cart.remove(&cart).unwrap_or_default() {
            self.count -= 1;
            if let Some(carts) = self.of_sku.get_mut(&sku) {
                carts.remove(&cart);
                if carts.is_empty() {
                    self.of_sku.remove(&sku);
                }
            }
        }
    }

    fn insert(&mut self, cart: CartId, skus: BTreeSet<Sku>) {
        self.count += skus.len();
        for sku in &skus {
            self.of_sku.entry(sku.clone()).or_default().insert(cart);
        }
        self.of_cart.insert(cart, skus);
    }
}

#[async_trait]
impl SkuIndex for MemorySkuIndex {
    async fn put(&self, carts: Vec<(CartId, BTreeSet<Sku>)>) -> Result<()> {
        let mut pairs = self.pairs.lock();
        for (cart, skus) in carts {
            pairs.remove(cart);
            if pairs.count + skus.len() > self.pairs_max {
                pairs.left_out = true;
            } else if !skus.is_empty() {
                pairs.insert(cart, skus);
            }
        }
        Ok(())
    }

    async fn find(&self, sku: &Sku, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        let pairs = self.pairs.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let carts = pairs.of_sku.get(sku).into_iter().flat_map(|carts| carts.range((from, Bound::Unbounded)));
        Ok(carts.take(limit).copied().collect())
    }

    fn scan_begins(&self) {
        self.pairs.lock().left_out = false;
    }

    fn is_whole(&self) -> bool {
        !self.pairs.lock().left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skus(names: &[&str]) -> BTreeSet<Sku> {
        names.iter().map(|name| Sku::parse(name).unwrap()).collect()
    }

    #[tokio::test]
    async fn what_finds_no_room_is_left_out_and_said_to_be() {
        let index = MemorySkuIndex::new(3);
        let carts = |number: u8, names: &[&str]| vec![(CartId([number; 16]), skus(names))];
        index.put(carts(1, &["A", "B"])).await.unwrap();
        assert!(index.is_whole());
        index.put(carts(2, &["A", "B"])).await.unwrap();
        assert!(!index.is_whole());
        let a = Sku::parse("A").unwrap();
        assert_eq!(index.find(&a, None, 10).await.unwrap(), [CartId([1; 16])]);
        index.put(carts(1, &[])).await.unwrap();
        index.scan_begins();
        index.put(carts(2, &["A", "B"])).await.unwrap();
        assert!(index.is_whole());
        assert_eq!(index.find(&a, None, 10).await.unwrap(), [CartId([2; 16])]);
    }
}
