//! Many keys at once: what the service leaves over of a batch is asked for again, with pauses, and not for ever.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, ReturnConsumedCapacity, WriteRequest};
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::{StreamExt, TryStreamExt, stream};
use storage::StoreError;
use storage::error::Result;

use crate::attempts::Attempts;
use crate::engine::Engine;
use crate::item::Item;
use crate::meter::Operation;
use crate::{DynamoDbError, outcome};

/// Keys that one read takes.
const KEYS_MAX: usize = 100;
/// Deletions that one write takes.
const WRITES_MAX: usize = 25;
/// Batches under way at once.
const BATCHES_MAX: usize = 4;

/// What a batch read looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read<'a> {
    pub(crate) operation: Operation,
    pub(crate) table: &'a str,
    pub(crate) strong: bool,
}

/// The items of these keys, in no order; keys that have none are left out. No key may come twice.
pub(crate) async fn get(engine: &Engine, read: Read<'_>, keys: Vec<Item>) -> Result<Vec<Item>> {
    let batches: Vec<Vec<Item>> = keys.chunks(KEYS_MAX).map(<[Item]>::to_vec).collect();
    let found = stream::iter(batches).map(|keys| get_batch(engine, read, keys)).buffer_unordered(BATCHES_MAX);
    Ok(found.try_collect::<Vec<_>>().await?.into_iter().flatten().collect())
}

async fn get_batch(engine: &Engine, read: Read<'_>, mut keys: Vec<Item>) -> Result<Vec<Item>> {
    let mut found = Vec::with_capacity(keys.len());
    let mut pauses = pauses();
    loop {
        let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(read.strong).build();
        let asked = asked.map_err(|error| StoreError::Unavailable(error.into()))?;
        let answer = engine
            .client
            .batch_get_item()
            .request_items(read.table, asked)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(outcome::read)?;
        engine.meter.count(read.operation, answer.consumed_capacity());
        found.extend(answer.responses.unwrap_or_default().into_values().flatten());
        let left = answer.unprocessed_keys.unwrap_or_default().into_values();
        keys = left.flat_map(|left| left.keys).collect();
        if keys.is_empty() {
            return Ok(found);
        }
        // What is left over was throttled.
        let Some(pause) = pauses.next() else { return Err(StoreError::Overloaded) };
        tokio::time::sleep(pause).await;
    }
}

/// Removes the items of these keys, without a condition.
pub(crate) async fn delete(engine: &Engine, operation: Operation, table: &str, keys: &[Item]) -> Result<()> {
    let batches: Vec<Vec<Item>> = keys.chunks(WRITES_MAX).map(<[Item]>::to_vec).collect();
    let done = stream::iter(batches).map(|keys| delete_batch(engine, operation, table, keys));
    done.buffer_unordered(BATCHES_MAX).try_collect().await
}

async fn delete_batch(engine: &Engine, operation: Operation, table: &str, keys: Vec<Item>) -> Result<()> {
    let deletion = |key| Ok(WriteRequest::builder().delete_request(one(key)?).build());
    let one_by_one: Result<Vec<WriteRequest>> = keys.into_iter().map(deletion).collect();
    let mut left = HashMap::from([(table.to_owned(), one_by_one?)]);
    let mut pauses = pauses();
    loop {
        let attempts = Attempts::default();
        let answer = engine
            .client
            .batch_write_item()
            .set_request_items(Some(left))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await
            .map_err(|error| outcome::write(error, &attempts))?;
        engine.meter.count(operation, answer.consumed_capacity());
        left = answer.unprocessed_items.unwrap_or_default();
        let count = left.values().map(Vec::len).sum();
        if count == 0 {
            return Ok(());
        }
        let Some(pause) = pauses.next() else {
            return Err(StoreError::Indeterminate(DynamoDbError::BatchCut { left: count }.into()));
        };
        tokio::time::sleep(pause).await;
    }
}

fn one(key: Item) -> Result<DeleteRequest> {
    let request = DeleteRequest::builder().set_key(Some(key)).build();
    request.map_err(|error| StoreError::Unavailable(error.into()))
}

/// About three seconds in all.
fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(25))
        .with_max_delay(Duration::from_millis(800))
        .with_max_times(7)
        .with_jitter()
        .build()
}
