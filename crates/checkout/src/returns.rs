//! What came back of an order: never more than was sold, and each return once by its key.

use crate::{id::KeyHash, order::Order};
use cart::line::Sku;
use std::collections::BTreeMap;

/// Returns of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Returns {
    /// Units that came back in all.
    pub returned: BTreeMap<Sku, u64>,
    /// What each request brought back.
    pub keys: BTreeMap<KeyHash, BTreeMap<Sku, u64>>,
}

/// Why units cannot be returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// Of what.
    pub sku: Sku,
    /// How many can still come back.
    pub left: u64,
}

impl Returns {
    /// Takes units back, all or none. Asked again with the same key nothing changes; the answer says whether it did.
    pub fn take_back(
        &mut self,
        key: KeyHash,
        units: &BTreeMap<Sku, u64>,
        order: &Order,
    ) -> Result<bool, TooMany> {
        if self.keys.contains_key(&key) {
            return Ok(false);
        }
        let sold = order.demand();
        for (sku, quantity) in units {
            let left = sold.get(sku).copied().unwrap_or(0).saturating_sub(self.of(sku));
            if *quantity > left {
                return Err(TooMany { sku: sku.clone(), left });
            }
        }
        for (sku, quantity) in units {
            *self.returned.entry(sku.clone()).or_default() += quantity;
        }
        self.keys.insert(key, units.clone());
        Ok(true)
    }

    /// Units of a SKU that came back.
    pub fn of(&self, sku: &Sku) -> u64 {
        self.returned.get(sku).copied().unwrap_or(0)
    }
}
