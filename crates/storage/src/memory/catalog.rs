//! The shop's items in memory.

use crate::{CatalogRow, CatalogStore, PutOutcome, error::Result};
use async_trait::async_trait;
use cart::line::Sku;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Keeps items in memory.
#[derive(Debug, Default)]
pub struct MemoryCatalogStore {
    items: Mutex<BTreeMap<Sku, CatalogRow>>,
}

#[async_trait]
impl CatalogStore for MemoryCatalogStore {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        let mut stored = self.items.lock();
        let put = |item: CatalogRow| match stored.get(&item.sku) {
            Some(newer) if newer.revision > item.revision => PutOutcome::Older,
            _ => {
                stored.insert(item.sku.clone(), item);
                PutOutcome::Stored
            }
        };
        Ok(items.into_iter().map(put).collect())
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        let stored = self.items.lock();
        Ok(skus.iter().map(|sku| stored.get(sku).cloned()).collect())
    }

    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>> {
        let stored = self.items.lock();
        let mut changed: Vec<&CatalogRow> = stored
            .values()
            .filter(|row| since.is_none_or(|since| row.revision > since))
            .filter(|row| after.as_ref().is_none_or(|after| (row.revision, &row.sku) > (after.0, &after.1)))
            .collect();
        changed.sort_by(|a, b| (a.revision, &a.sku).cmp(&(b.revision, &b.sku)));
        Ok(changed.into_iter().take(limit).cloned().collect())
    }
}
