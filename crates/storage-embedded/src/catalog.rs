//! The shop's items: a record for each SKU, ordered by revision.

use async_trait::async_trait;
use storage::cart::line::Sku;
use storage::error::Result;
use storage::{CatalogRow, CatalogStore, PutOutcome, StoreError};

use crate::Embedded;
use crate::engine::{NewValue, Queued};
use crate::key::{self, Group, Key};
use crate::row::Row;

/// Items that share a synced write, few enough not to fill the journal's queue.
const AT_ONCE: usize = 500;

#[async_trait]
impl CatalogStore for Embedded {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        let mut outcomes = Vec::with_capacity(items.len());
        for some in items.chunks(AT_ONCE) {
            // Storing an item again changes nothing, so the caller sends all of them again.
            outcomes.extend(self.put_some(some).await.map_err(in_part)?);
        }
        Ok(outcomes)
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        let keys: Vec<Key> = skus.iter().map(key::item).collect();
        let rows = self.engine.load_all(&keys).await?;
        Ok(skus.iter().zip(rows).map(|(sku, row)| row.map(|row| item(sku.clone(), row))).collect())
    }

    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>> {
        let next = since.map_or(Some(0), |since| since.checked_add(1));
        let Some(next) = next else { return Ok(Vec::new()) };
        let first = key::order(Group::CATALOG, next, &[]);
        let from = match after {
            Some((revision, sku)) => {
                first.max(key::behind(&key::order(Group::CATALOG, revision, sku.as_bytes())))
            }
            None => first,
        };
        let found = self.engine.ordered(from, key::order_end(Group::CATALOG), limit).await?;
        let items = found.into_iter().filter_map(|(_, sku, row)| {
            let sku = Sku::parse(std::str::from_utf8(&sku).ok()?)?;
            Some(item(sku, row))
        });
        Ok(items.collect())
    }
}

impl Embedded {
    /// Items of a chunk that are not there in a newer revision; all durable when it returns. A SKU that comes twice
    /// is written twice, in order.
    async fn put_some(&self, items: &[CatalogRow]) -> Result<Vec<PutOutcome>> {
        let keys: Vec<Key> = items.iter().map(|item| key::item(&item.sku)).collect();
        let rows = self.engine.load_all(&keys).await?;
        let mut batches = Vec::with_capacity(items.len());
        for ((item, key), row) in items.iter().zip(&keys).zip(rows) {
            batches.push(self.queue(item, key, row).await?);
        }
        if let Some(last) = batches.iter().flatten().max() {
            self.engine.durable(*last).await?;
        }
        let outcome = |batch: Option<u64>| batch.map_or(PutOutcome::Older, |_| PutOutcome::Stored);
        Ok(batches.into_iter().map(outcome).collect())
    }

    /// Queues an item, given what was there a moment ago. Returns its batch; `None` where a newer revision is there.
    async fn queue(&self, item: &CatalogRow, key: &Key, mut current: Option<Row>) -> Result<Option<u64>> {
        loop {
            if current.as_ref().is_some_and(|row| row.value.order > Some(item.revision)) {
                return Ok(None);
            }
            let (order, bytes) = (Some(item.revision), item.bytes.clone());
            let value = NewValue { order, owner: Default::default(), bytes };
            let expected = current.map(|row| row.value.version);
            match self.engine.queue_if(key, expected, Some(value)).await? {
                Queued::Applied { batch, .. } => return Ok(Some(batch)),
                Queued::Conflict(now) => current = now,
            }
        }
    }
}

/// Some of the items are there, and it is not said which.
fn in_part(error: StoreError) -> StoreError {
    StoreError::Indeterminate(error.into())
}

fn item(sku: Sku, row: Row) -> CatalogRow {
    CatalogRow { sku, revision: row.value.order.unwrap_or_default(), bytes: row.value.bytes }
}
