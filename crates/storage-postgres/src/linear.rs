//! Records that need linearizability: one row each, at the primary alone.

use async_trait::async_trait;
use bytes::Bytes;
use storage::cart::Timestamp;
use storage::error::Result;
use storage::{DueCursor, DueRecord, Inserted, LinearStore, LinearTable, Record, RecordReplaced, Version};
use tokio_postgres::Row;

use crate::Postgres;
use crate::carts::{bytes, small};
use crate::conditional::{Conditional, Written, version};
use crate::failure::Failure;
use crate::node::Params;
use crate::slot::Slot;

mod sql;

#[async_trait]
impl LinearStore for Postgres {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        let slot = Slot::of_key(key);
        let params: Params<'_> = &[&slot.stored(), &table.as_str(), &key];
        let rows = self.engine.at(slot, sql::READ, params).await.map_err(Failure::of_read)?;
        Ok(rows.first().map(record))
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        let slot = Slot::of_key(key);
        let (number, kind, bytes, due) =
            (slot.stored(), table.as_str(), &*bytes, due.map(|due| small(due.0)));
        let look: Params<'_> = &[&number, &kind, &key];
        let values: Params<'_> = &[&number, &kind, &key, &due, &bytes];
        let write =
            Conditional { slot, write: sql::INSERT, values, look: sql::READ, key: look, expected: None };
        // A conflict without a row does not leave `run`: it asks again.
        Ok(match write.run(&self.engine).await? {
            Written::Applied(version) => Inserted::Inserted(version),
            Written::Conflict(Some(row)) => Inserted::Present(record(&row)),
            Written::Conflict(None) => {
                return Err(storage::StoreError::Unavailable("the record came and went".into()));
            }
        })
    }

    async fn replace(
        &self,
        table: LinearTable,
        key: &[u8],
        expected: Version,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<RecordReplaced> {
        let slot = Slot::of_key(key);
        let (number, kind, bytes, due) =
            (slot.stored(), table.as_str(), &*bytes, due.map(|due| small(due.0)));
        let was = small(expected.0);
        let look: Params<'_> = &[&number, &kind, &key];
        let values: Params<'_> = &[&number, &kind, &key, &due, &bytes, &was];
        let expected = Some(expected);
        let write = Conditional { slot, write: sql::UPDATE, values, look: sql::READ, key: look, expected };
        write.run(&self.engine).await.map(replaced)
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        let slot = Slot::of_key(key);
        let (number, kind, was) = (slot.stored(), table.as_str(), small(expected.0));
        let look: Params<'_> = &[&number, &kind, &key];
        let values: Params<'_> = &[&number, &kind, &key, &was];
        let expected = Some(expected);
        let write = Conditional { slot, write: sql::DELETE, values, look: sql::READ, key: look, expected };
        write.run(&self.engine).await.map(replaced)
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        let (kind, before) = (table.as_str(), small(before.0));
        let (due, key) = after.map_or((i64::MIN, Bytes::new()), |after| (small(after.due.0), after.key));
        let (key, count) = (&*key, i64::try_from(limit).unwrap_or(i64::MAX));
        let params: Params<'_> = &[&kind, &before, &due, &key, &count];
        let rows = self.engine.rows_of_any(sql::DUE, params).await?;
        let mut records: Vec<DueRecord> =
            rows.iter().map(|row| DueRecord { key: bytes(row, 4), record: record(row) }).collect();
        records.sort_by(|a, b| (a.record.due, &a.key).cmp(&(b.record.due, &b.key)));
        records.truncate(limit);
        Ok(records)
    }
}

fn replaced(written: Written) -> RecordReplaced {
    match written {
        Written::Applied(version) => RecordReplaced::Applied(version),
        Written::Conflict(row) => RecordReplaced::Conflict(row.map(|row| record(&row))),
    }
}

fn record(row: &Row) -> Record {
    let due: Option<i64> = row.get(2);
    Record { version: version(row), bytes: bytes(row, 3), due: due.map(|due| Timestamp(due.cast_unsigned())) }
}
