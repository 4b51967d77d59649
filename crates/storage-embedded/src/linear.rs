//! Linearizable records: versions are compared under the shard's lock, with writes that are still on their way.
//!
//! A write is answered when it is durable, and a lost race when what it lost to is.

use async_trait::async_trait;
use bytes::Bytes;
use storage::cart::Timestamp;
use storage::error::Result;
use storage::{
    DueCursor, DueRecord, Inserted, LinearStore, LinearTable, Record, RecordReplaced, StoreError, Version,
};

use crate::Embedded;
use crate::engine::{NewValue, Outcome};
use crate::key::{self, Group};
use crate::row::Row;

#[async_trait]
impl LinearStore for Embedded {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        Ok(self.engine.load(&key::linear(table, key)).await?.map(record))
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        let key = key::linear(table, key);
        match self.engine.write_if(&key, None, Some(new_value(bytes, due))).await? {
            Outcome::Applied(version) => Ok(Inserted::Inserted(Version(version))),
            Outcome::Conflict(Some(row)) => Ok(Inserted::Present(record(row))),
            Outcome::Conflict(None) => {
                Err(StoreError::Unavailable("the record was removed while it was inserted".into()))
            }
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
        let key = key::linear(table, key);
        Ok(replaced(self.engine.write_if(&key, Some(expected.0), Some(new_value(bytes, due))).await?))
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        Ok(replaced(self.engine.write_if(&key::linear(table, key), Some(expected.0), None).await?))
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        let group = Group::of_table(table);
        let from = match after {
            Some(cursor) => key::behind(&key::order(group, cursor.due.0, &cursor.key)),
            None => key::order(group, 0, &[]),
        };
        let found = self.engine.ordered(from, key::order(group, before.0, &[]), limit).await?;
        Ok(found.into_iter().map(|(_, key, row)| DueRecord { key, record: record(row) }).collect())
    }
}

fn new_value(bytes: Bytes, due: Option<Timestamp>) -> NewValue {
    NewValue { order: due.map(|due| due.0), owner: Default::default(), bytes }
}

fn record(row: Row) -> Record {
    Record {
        version: Version(row.value.version),
        bytes: row.value.bytes,
        due: row.value.order.map(Timestamp),
    }
}

fn replaced(outcome: Outcome) -> RecordReplaced {
    match outcome {
        Outcome::Applied(version) => RecordReplaced::Applied(Version(version)),
        Outcome::Conflict(row) => RecordReplaced::Conflict(row.map(record)),
    }
}
