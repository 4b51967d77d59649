//! The shop's items, on the first shard, always at its primary.
//!
//! Replicas are not asked: items are read into memory by the service and seldom from here, and an old price that is read
//! behind a put would be written into carts.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use storage::cart::line::Sku;
use storage::error::Result;
use storage::{CatalogRow, CatalogStore, PutOutcome, StoreError};
use tokio_postgres::Row;

use crate::Postgres;
use crate::carts::bytes;
use crate::failure::Failure;
use crate::node::Params;

/// Items of one statement.
const AT_ONCE: usize = 500;

const PUT: &str = "
    INSERT INTO items (sku, revision, bytes)
    SELECT * FROM unnest($1::text[], $2::int8[], $3::bytea[])
    ON CONFLICT (sku) DO UPDATE SET revision = excluded.revision, bytes = excluded.bytes
    WHERE items.revision <= excluded.revision
    RETURNING sku";
const GET: &str = "SELECT sku, revision, bytes FROM items WHERE sku = ANY ($1)";
const CHANGED: &str = "
    SELECT sku, revision, bytes FROM items WHERE (revision, sku) > ($1, $2) ORDER BY revision, sku LIMIT $3";

#[async_trait]
impl CatalogStore for Postgres {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        let mut outcomes = Vec::with_capacity(items.len());
        let mut rest = &items[..];
        while !rest.is_empty() {
            let (some, others) = rest.split_at(distinct(rest));
            let done = self.put_some(some).await.map_err(Failure::of_write);
            // Storing an item again changes nothing, so the caller sends all of them again.
            outcomes.extend(done.map_err(|error| in_part(error, !outcomes.is_empty()))?);
            rest = others;
        }
        Ok(outcomes)
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        let mut found = HashMap::new();
        for some in skus.chunks(AT_ONCE) {
            let names: Vec<&str> = some.iter().map(|sku| &**sku).collect();
            let rows = self.engine.shards[0].primary.query(GET, &[&names]).await.map_err(Failure::of_read)?;
            found.extend(rows.iter().filter_map(item).map(|item| (item.sku.clone(), item)));
        }
        Ok(skus.iter().map(|sku| found.get(sku).cloned()).collect())
    }

    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>> {
        let Some(first) = since.map_or(Some(0), |since| since.checked_add(1)) else { return Ok(Vec::new()) };
        // Every SKU is behind the empty text.
        let after = after.as_ref().map(|(revision, sku)| (*revision, &**sku));
        let (revision, sku) = after.map_or((first, ""), |after| after.max((first, "")));
        let count = i64::try_from(limit).unwrap_or(i64::MAX);
        let params: Params<'_> = &[&stored(revision), &sku, &count];
        let rows = self.engine.shards[0].primary.query(CHANGED, params).await.map_err(Failure::of_read)?;
        Ok(rows.iter().filter_map(item).collect())
    }
}

impl Postgres {
    /// Stores items of different SKUs, all or none. In order of SKU, so that two feeds do not wait for one another.
    async fn put_some(&self, items: &[CatalogRow]) -> std::result::Result<Vec<PutOutcome>, Failure> {
        let sorted: BTreeMap<&str, &CatalogRow> = items.iter().map(|item| (&*item.sku, item)).collect();
        let skus: Vec<&str> = sorted.keys().copied().collect();
        let revisions: Vec<i64> = sorted.values().map(|item| stored(item.revision)).collect();
        let bytes: Vec<&[u8]> = sorted.values().map(|item| &*item.bytes).collect();
        let rows = self.engine.shards[0].primary.query(PUT, &[&skus, &revisions, &bytes]).await?;
        let written: std::collections::HashSet<&str> = rows.iter().map(|row| row.get(0)).collect();
        let outcome = |item: &CatalogRow| match written.contains(&*item.sku) {
            true => PutOutcome::Stored,
            false => PutOutcome::Older,
        };
        Ok(items.iter().map(outcome).collect())
    }
}

/// How many items from the first on have different SKUs, and fit one statement.
fn distinct(items: &[CatalogRow]) -> usize {
    let mut seen = std::collections::HashSet::new();
    items.iter().take(AT_ONCE).take_while(|item| seen.insert(&item.sku)).count()
}

fn in_part(error: StoreError, some_are_there: bool) -> StoreError {
    if some_are_there { StoreError::Indeterminate(error.into()) } else { error }
}

/// A revision as a signed number of the same order.
fn stored(revision: u64) -> i64 {
    (revision ^ (1 << 63)).cast_signed()
}

/// A row whose SKU is one; nothing else can have been written.
fn item(row: &Row) -> Option<CatalogRow> {
    let revision: i64 = row.get(1);
    Some(CatalogRow {
        sku: Sku::parse(row.get(0))?,
        revision: revision.cast_unsigned() ^ (1 << 63),
        bytes: bytes(row, 2),
    })
}
