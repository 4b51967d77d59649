//! Records: conditional writes of one key, at the one serial level of the keyspace.
//!
//! A version is a stamp in microseconds that rises with each write, whatever the clocks say: the greater of now and the
//! one before plus one. So a version is not met again after a removal, and entries of the due index follow versions
//! where clocks would have to agree.

mod due;

use crate::{
    CassandraOptions, OpenError,
    conditional::{self, Current, Outcome},
    connect, error,
    number::{counted, ordered},
    options::SerialLevel,
    statement::{self, Preparing},
};
use async_trait::async_trait;
use bytes::Bytes;
use due::{DueIndex, NOT_DUE};
use quick_cache::sync::Cache;
use scylla::{
    client::session::Session,
    statement::{Consistency, prepared::PreparedStatement},
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use storage::{
    DueCursor, DueRecord, Inserted, LinearStore, LinearTable, Record, RecordReplaced, Version,
    cart::Timestamp, error::Result,
};

/// True of each record: only there so that a refusal shows these columns.
const SHOWN: &str = "bytes != null AND due != null";

/// Keeps linearizable records on Cassandra.
pub(crate) struct CassandraLinearStore {
    session: Arc<Session>,
    read: PreparedStatement,
    insert: PreparedStatement,
    replace: PreparedStatement,
    remove: PreparedStatement,
    index: DueIndex,
    /// When records that were seen lately were due: what the index need not be told again, or is to forget.
    seen: Cache<(LinearTable, Bytes), (Version, Option<Timestamp>)>,
}

impl CassandraLinearStore {
    pub(crate) async fn open(
        session: Arc<Session>,
        options: &CassandraOptions,
    ) -> std::result::Result<Self, OpenError> {
        let profile = Some(connect::of_records(options));
        let serial = match options.serial {
            SerialLevel::Everywhere => Consistency::Serial,
            SerialLevel::Home { .. } => Consistency::LocalSerial,
        };
        let preparing = Preparing { session: &session, keyspace: &options.keyspace, profile };
        let select = "SELECT version, bytes, due FROM {ks}.records WHERE kind = ? AND key = ?";
        let insert =
            "INSERT INTO {ks}.records (kind, key, version, bytes, due) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS";
        let replace = format!(
            "UPDATE {{ks}}.records SET version = ?, bytes = ?, due = ? WHERE kind = ? AND key = ? \
             IF version = ? AND {SHOWN}"
        );
        let remove =
            format!("DELETE FROM {{ks}}.records WHERE kind = ? AND key = ? IF version = ? AND {SHOWN}");
        Ok(Self {
            read: preparing.read(select, Some(serial)).await?,
            insert: preparing.conditional(insert).await?,
            replace: preparing.conditional(&replace).await?,
            remove: preparing.conditional(&remove).await?,
            index: DueIndex::prepare(&preparing, options.remembered_max).await?,
            seen: Cache::new(options.remembered_max),
            session,
        })
    }

    /// Writes an entry for the moment, unless the record that is replaced has the same.
    async fn announce(&self, at: &Place<'_>, due: Option<Timestamp>, version: Version) -> Result<()> {
        match due {
            Some(due) if at.known(self) != Some(Some(due)) => {
                self.index.announce(self, at, due, version).await.map_err(error::before_write)
            }
            _ => Ok(()),
        }
    }

    /// What is left to do for the index once a record has been replaced.
    async fn settle(&self, at: &Place<'_>, began: SystemTime, due: Option<Timestamp>, version: Version) {
        if let Some(due) = due {
            self.index.repeat_if_late(self, at, due, version, began).await;
        }
        let before = at.known(self).flatten().filter(|before| Some(*before) != due);
        if let (Some(before), Some(expected)) = (before, at.expected) {
            self.index.forget(self, at, before, expected).await;
        }
    }

    fn note(&self, at: &Place<'_>, record: Option<(Version, Option<Timestamp>)>) {
        let name = (at.table, Bytes::copy_from_slice(at.key));
        match record {
            Some(seen) => self.seen.insert(name, seen),
            None => drop(self.seen.remove(&name)),
        }
    }

    /// The record that stood in the way, where there was one.
    fn current(&self, at: &Place<'_>, current: &mut Current) -> Option<Record> {
        let number = |column| current.number(column);
        let (version, due) = (Version(counted(number("version")?)), due::moment(number("due")?));
        let record = Record { version, due, bytes: current.bytes("bytes")? };
        self.note(at, Some((version, due)));
        Some(record)
    }
}

/// A record that is written, and the version it is expected to have.
struct Place<'a> {
    table: LinearTable,
    key: &'a [u8],
    expected: Option<Version>,
}

impl Place<'_> {
    /// When the expected version is due, where that is known.
    #[expect(clippy::option_option, reason = "not known, not due, and due are three answers")]
    fn known(&self, store: &CassandraLinearStore) -> Option<Option<Timestamp>> {
        let (version, due) = store.seen.get(&(self.table, Bytes::copy_from_slice(self.key)))?;
        (Some(version) == self.expected).then_some(due)
    }

    fn next_version(&self) -> Version {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        Version(self.expected.map_or(now, |expected| now.max(expected.0 + 1)))
    }
}

#[async_trait]
impl LinearStore for CassandraLinearStore {
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>> {
        let values = (table.as_str(), key);
        let rows =
            statement::rows::<(Option<i64>, Option<Bytes>, Option<i64>)>(&self.session, &self.read, values);
        let row = rows.await?.pop();
        let record = row.and_then(|(version, bytes, due)| {
            let due = due::moment(due.unwrap_or(NOT_DUE));
            Some(Record { version: Version(counted(version?)), bytes: bytes.unwrap_or_default(), due })
        });
        let seen = record.as_ref().map(|record| (record.version, record.due));
        self.note(&Place { table, key, expected: None }, seen);
        Ok(record)
    }

    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted> {
        let at = Place { table, key, expected: None };
        let (version, began) = (at.next_version(), SystemTime::now());
        self.announce(&at, due, version).await?;
        let values = (table.as_str(), key, ordered(version.0), bytes, due::stored(due));
        match conditional::write(&self.session, &self.insert, values).await? {
            Outcome::Applied => {
                self.settle(&at, began, due, version).await;
                self.note(&at, Some((version, due)));
                Ok(Inserted::Inserted(version))
            }
            Outcome::Refused(mut current) => match self.current(&at, &mut current) {
                Some(record) => Ok(Inserted::Present(record)),
                None => {
                    Err(storage::StoreError::Unavailable("the record that is there was not shown".into()))
                }
            },
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
        let at = Place { table, key, expected: Some(expected) };
        let (version, began) = (at.next_version(), SystemTime::now());
        self.announce(&at, due, version).await?;
        let values = (ordered(version.0), bytes, due::stored(due), table.as_str(), key, ordered(expected.0));
        match conditional::write(&self.session, &self.replace, values).await? {
            Outcome::Applied => {
                self.settle(&at, began, due, version).await;
                self.note(&at, Some((version, due)));
                Ok(RecordReplaced::Applied(version))
            }
            Outcome::Refused(mut current) => Ok(RecordReplaced::Conflict(self.current(&at, &mut current))),
        }
    }

    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced> {
        let at = Place { table, key, expected: Some(expected) };
        let values = (table.as_str(), key, ordered(expected.0));
        match conditional::write(&self.session, &self.remove, values).await? {
            Outcome::Applied => {
                self.settle(&at, SystemTime::now(), None, expected).await;
                self.note(&at, None);
                Ok(RecordReplaced::Applied(expected))
            }
            Outcome::Refused(mut current) => Ok(RecordReplaced::Conflict(self.current(&at, &mut current))),
        }
    }

    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        self.index.due(self, table, (before, after), limit).await
    }
}
