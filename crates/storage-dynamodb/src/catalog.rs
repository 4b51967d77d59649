//! The shop's items: one item each, the greater revision wins by a condition, and an index by revision.
//!
//! Reads are consistent: what is refreshed right after a change must not be refreshed to what was there before it. The
//! index holds the whole item and may lag.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use futures::{StreamExt, TryStreamExt, stream};
use storage::cart::line::Sku;
use storage::error::Result;
use storage::{CatalogRow, CatalogStore, PutOutcome};

use crate::attempts::Attempts;
use crate::batch::{self, Read};
use crate::engine::Engine;
use crate::index::{self, Index, Range};
use crate::item::{self, Item};
use crate::meter::Operation;
use crate::outcome;
use crate::schema::CHANGED_INDEX;

/// Partitions of the index.
const SHARDS: u64 = 8;
/// Puts under way at once.
const PUTS_MAX: usize = 32;

/// Keeps items in DynamoDB.
#[derive(Clone, Debug)]
pub(crate) struct DynamoDbCatalogStore {
    pub(crate) engine: Engine,
}

impl DynamoDbCatalogStore {
    /// A batch takes no conditions, so each item is a request. Repeating one is harmless: an equal revision is stored
    /// again.
    async fn put(&self, row: CatalogRow) -> Result<PutOutcome> {
        let order = order(row.revision, &row.sku);
        let mut item = key_of(&row.sku);
        item.extend(item::item([
            (item::SHARD, item::text(shard(index::spread(row.sku.as_bytes(), SHARDS)))),
            (item::ORDER, item::binary(order)),
            (item::REVISION, item::number(row.revision)),
            (item::BYTES, item::binary(row.bytes)),
        ]));
        let attempts = Attempts::default();
        let put = self.engine.client.put_item().table_name(&self.engine.tables.items).set_item(Some(item));
        let put = put
            .condition_expression("attribute_not_exists(k) or n <= :revision")
            .expression_attribute_values(":revision", item::number(row.revision))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match put.customize().interceptor(attempts.clone()).send().await {
            Ok(done) => {
                self.engine.meter.count(Operation::ItemPut, done.consumed_capacity());
                Ok(PutOutcome::Stored)
            }
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(PutOutcome::Older),
                _ => Err(outcome::write(error, &attempts)),
            },
        }
    }
}

#[async_trait]
impl CatalogStore for DynamoDbCatalogStore {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        // An item that comes twice is put twice, one after the other: the second decides where revisions are equal.
        let mut by_sku: HashMap<Sku, Vec<(usize, CatalogRow)>> = HashMap::new();
        let count = items.len();
        for (at, row) in items.into_iter().enumerate() {
            by_sku.entry(row.sku.clone()).or_default().push((at, row));
        }
        let puts = stream::iter(by_sku.into_values()).map(async |rows| {
            let mut done = Vec::with_capacity(rows.len());
            for (at, row) in rows {
                done.push((at, self.put(row).await?));
            }
            Result::Ok(done)
        });
        let done: Vec<Vec<(usize, PutOutcome)>> = puts.buffer_unordered(PUTS_MAX).try_collect().await?;
        let mut outcomes = vec![PutOutcome::Older; count];
        for (at, outcome) in done.into_iter().flatten() {
            if let Some(slot) = outcomes.get_mut(at) {
                *slot = outcome;
            }
        }
        Ok(outcomes)
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        let mut wanted: Vec<&Sku> = skus.iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let read = Read { operation: Operation::ItemGet, table: &self.engine.tables.items, strong: true };
        let keys = wanted.into_iter().map(key_of).collect();
        let mut found = HashMap::new();
        for item in batch::get(&self.engine, read, keys).await? {
            let row = row(item)?;
            found.insert(row.sku.clone(), row);
        }
        Ok(skus.iter().map(|sku| found.get(sku).cloned()).collect())
    }

    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>> {
        let index = Index {
            engine: &self.engine,
            operation: Operation::ItemList,
            table: &self.engine.tables.items,
            name: CHANGED_INDEX,
            order: item::ORDER,
        };
        // Behind every SKU of that revision: no text holds the byte 255.
        let since = since.map(|revision| [&revision.to_be_bytes()[..], &[u8::MAX]].concat());
        let after = after.map(|(revision, sku)| order(revision, &sku));
        let range = Range { above: since.max(after), below: None };
        let mut walk = index.walk((0..SHARDS).map(shard).collect(), range, limit);
        let mut rows = Vec::new();
        while rows.len() < limit {
            let Some(item) = walk.next().await? else { break };
            rows.push(row(item)?);
        }
        Ok(rows)
    }
}

fn key_of(sku: &Sku) -> Item {
    item::item([(item::KEY, item::text(&**sku))])
}

fn shard(number: u64) -> String {
    format!("{number:x}")
}

/// The revision and then the SKU, as bytes that sort like both.
fn order(revision: u64, sku: &Sku) -> Vec<u8> {
    [&revision.to_be_bytes()[..], sku.as_bytes()].concat()
}

fn row(mut item: Item) -> Result<CatalogRow> {
    let name = format!("item {}", item::text_of(&item, item::KEY).unwrap_or_default());
    let sku = item::text_of(&item, item::KEY).and_then(Sku::parse);
    let revision = item::number_of(&item, item::REVISION);
    Ok(CatalogRow {
        sku: sku.ok_or_else(|| item::malformed(&name, "attribute `k`"))?,
        revision: revision.ok_or_else(|| item::malformed(&name, "attribute `n`"))?,
        bytes: item::take_bytes(&mut item, &name)?,
    })
}
