//! Linearizable records in memory.

use crate::{
    DueCursor, DueRecord, Inserted, LinearStore, LinearTable, Record, RecordReplaced, Version, error::Result,
};
use async_trait::async_trait;
use bytes::Bytes;
use cart::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Keeps linearizable records in memory.
#[derive(Debug, Default)]
pub struct MemoryLinearStore {
    records: Mutex<BTreeMap<(LinearTable, Bytes), Record>>,
}

#[async_trait]
impl LinearStore for MemoryLinearStore {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        Ok(self.records.lock().get(&(table, Bytes::copy_from_slice(key))).cloned())
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        let mut records = self.records.lock();
        let key = (table, Bytes::copy_from_slice(key));
        if let Some(present) = records.get(&key) {
            return Ok(Inserted::Present(present.clone()));
        }
        records.insert(key, Record { version: Version(1), bytes, due });
        Ok(Inserted::Inserted(Version(1)))
    }

    async fn replace(
        &self,
        table: LinearTable,
        key: &[u8],
        expected: Version,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<RecordReplaced> {
        let mut records = self.records.lock();
        match records.get_mut(&(table, Bytes::copy_from_slice(key))) {
            Some(record) if record.version == expected => {
                *record = Record { version: expected.next(), bytes, due };
                Ok(RecordReplaced::Applied(record.version))
            }
            other => Ok(RecordReplaced::Conflict(other.cloned())),
        }
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        let mut records = self.records.lock();
        let key = (table, Bytes::copy_from_slice(key));
        match records.get(&key) {
            Some(record) if record.version == expected => {
                records.remove(&key);
                Ok(RecordReplaced::Applied(expected))
            }
            other => Ok(RecordReplaced::Conflict(other.cloned())),
        }
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        let records = self.records.lock();
        let mut due: Vec<(DueCursor, &Record)> = records
            .iter()
            .filter(|((of, _), _)| *of == table)
            .filter_map(|((_, key), record)| Some((DueCursor { due: record.due?, key: key.clone() }, record)))
            .filter(|(cursor, _)| cursor.due < before && after.as_ref().is_none_or(|after| cursor > after))
            .collect();
        due.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(due
            .into_iter()
            .take(limit)
            .map(|(cursor, record)| DueRecord { key: cursor.key, record: record.clone() })
            .collect())
    }
}
