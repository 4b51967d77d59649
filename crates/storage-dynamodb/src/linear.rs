//! Linearizable records: read consistently, written on condition of their version.
//!
//! The index of due records follows by a moment, so what it says is read again, consistently, before it is given out: a
//! record that has moved or gone meanwhile is left out, and one that was written a moment ago may come with the next sweep.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use bytes::Bytes;
use storage::cart::Timestamp;
use storage::error::Result;
use storage::{
    DueCursor, DueRecord, Inserted, LinearStore, LinearTable, Record, RecordReplaced, StoreError, Version,
};

use crate::batch::{self, Read};
use crate::conditional::{self, Written};
use crate::engine::Engine;
use crate::index::{self, Index, Range};
use crate::item::{self, Item};
use crate::meter::Operation;
use crate::schema::DUE_INDEX;
use crate::{DynamoDbError, outcome};

/// Partitions of the index for each table: due moments rise, so each partition takes its thousand writes a second at
/// its end and cannot be split by the service.
const SHARDS: u64 = 16;
/// What the sort key of the index leaves for a key beside the moment and the service's bound of 1,024 bytes.
const KEY_BYTES_MAX: usize = 1_000;
/// Due records that are read again together.
const READ_MAX: usize = 100;

/// Keeps linearizable records in DynamoDB.
#[derive(Clone, Debug)]
pub(crate) struct DynamoDbLinearStore {
    pub(crate) engine: Engine,
}

impl DynamoDbLinearStore {
    async fn put(
        &self,
        (table, key): (LinearTable, &[u8]),
        expected: Option<Version>,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Written> {
        let version = expected.map_or(Version(1), Version::next);
        let mut item = key_of(table, key)?;
        item.extend(item::item([
            (item::VERSION, item::number(version.0)),
            (item::BYTES, item::binary(bytes)),
        ]));
        if let Some(due) = due {
            item.extend(item::item([
                (item::DUE, item::number(due.0)),
                (item::SHARD, item::text(shard(table, index::spread(key, SHARDS)))),
                (item::ORDER, item::binary(order(due, key))),
            ]));
        }
        let name = &self.engine.tables.records;
        conditional::put(&self.engine, Operation::RecordWrite, name, item, expected).await
    }

    /// These records as they are now, if they are still due when the index said.
    async fn confirmed(&self, table: LinearTable, hints: Vec<DueCursor>) -> Result<Vec<DueRecord>> {
        let read = Read { operation: Operation::RecordDue, table: &self.engine.tables.records, strong: true };
        let keys: Result<Vec<Item>> = hints.iter().map(|hint| key_of(table, &hint.key)).collect();
        let mut records = HashMap::new();
        for item in batch::get(&self.engine, read, keys?).await? {
            let key = key_in(table, &item)?;
            records.insert(key, record(table, item)?);
        }
        let confirmed = hints.into_iter().filter_map(|hint| {
            let record = records.remove(&hint.key)?;
            (record.due == Some(hint.due)).then_some(DueRecord { key: hint.key, record })
        });
        Ok(confirmed.collect())
    }
}

#[async_trait]
impl LinearStore for DynamoDbLinearStore {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        let get = self.engine.client.get_item().table_name(&self.engine.tables.records);
        let get = get.set_key(Some(key_of(table, key)?)).consistent_read(true);
        let get = get.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = get.send().await.map_err(outcome::read)?;
        self.engine.meter.count(Operation::RecordRead, answer.consumed_capacity());
        answer.item.map(|item| record(table, item)).transpose()
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        match self.put((table, key), None, bytes, due).await? {
            Written::Applied => Ok(Inserted::Inserted(Version(1))),
            Written::Refused(Some(current)) => Ok(Inserted::Present(record(table, current)?)),
            // A refusal because of a record comes with the record; an endpoint that leaves it out is not usable.
            Written::Refused(None) => Err(item::malformed(table.as_str(), "the record that is there")),
        }
    }

    async fn replace(
        &self,
        table: LinearTable,
        key: &[u8],
        expected: Version,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<RecordReplaced> {
        match self.put((table, key), Some(expected), bytes, due).await? {
            Written::Applied => Ok(RecordReplaced::Applied(expected.next())),
            Written::Refused(current) => lost(table, current),
        }
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        let name = &self.engine.tables.records;
        let key = key_of(table, key)?;
        match conditional::delete(&self.engine, Operation::RecordRemove, name, key, expected).await? {
            Written::Applied => Ok(RecordReplaced::Applied(expected)),
            Written::Refused(current) => lost(table, current),
        }
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        let index = Index {
            engine: &self.engine,
            operation: Operation::RecordDue,
            table: &self.engine.tables.records,
            name: DUE_INDEX,
            order: item::ORDER,
        };
        let range = Range {
            above: after.map(|after| order(after.due, &after.key)),
            below: Some(before.0.to_be_bytes().to_vec()),
        };
        if range.above.as_ref().is_some_and(|above| Some(above) >= range.below.as_ref()) {
            return Ok(Vec::new());
        }
        let partitions = (0..SHARDS).map(|number| shard(table, number)).collect();
        let mut walk = index.walk(partitions, range, limit);
        let mut found = Vec::new();
        while found.len() < limit {
            let mut hints = Vec::new();
            while hints.len() < (limit - found.len()).min(READ_MAX) {
                let Some(item) = walk.next().await? else { break };
                hints.extend(hint(&item));
            }
            if hints.is_empty() {
                break;
            }
            found.extend(self.confirmed(table, hints).await?);
        }
        Ok(found)
    }
}

fn lost(table: LinearTable, current: Option<Item>) -> Result<RecordReplaced> {
    Ok(RecordReplaced::Conflict(current.map(|item| record(table, item)).transpose()?))
}

fn record(table: LinearTable, mut item: Item) -> Result<Record> {
    let name = table.as_str();
    let due = item::number_of(&item, item::DUE).map(Timestamp);
    let version = item::version_of(&item, name)?;
    Ok(Record { version, bytes: item::take_bytes(&mut item, name)?, due })
}

/// `TABLE#KEY`: no table's name has a `#`.
fn key_of(table: LinearTable, key: &[u8]) -> Result<Item> {
    if key.len() > KEY_BYTES_MAX {
        let cause = DynamoDbError::Setting("a key of a record is longer than 1,000 bytes");
        return Err(StoreError::Unavailable(cause.into()));
    }
    let key = [table.as_str().as_bytes(), b"#", key].concat();
    Ok(item::item([(item::KEY, item::binary(key))]))
}

fn key_in(table: LinearTable, item: &Item) -> Result<Bytes> {
    let key = item::bytes_of(item, item::KEY).and_then(|key| key.get(table.as_str().len() + 1..));
    key.map(Bytes::copy_from_slice).ok_or_else(|| item::malformed(table.as_str(), "attribute `k`"))
}

fn shard(table: LinearTable, number: u64) -> String {
    format!("{}#{number:x}", table.as_str())
}

/// The moment and then the key, as bytes that sort like both.
fn order(due: Timestamp, key: &[u8]) -> Vec<u8> {
    [&due.0.to_be_bytes()[..], key].concat()
}

fn hint(item: &Item) -> Option<DueCursor> {
    let (due, key) = item::bytes_of(item, item::ORDER)?.split_first_chunk()?;
    Some(DueCursor { due: Timestamp(u64::from_be_bytes(*due)), key: Bytes::copy_from_slice(key) })
}
