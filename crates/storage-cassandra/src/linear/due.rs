//! Which records are due, found without a secondary index.
//!
//! An entry (moment, key) stands in the partition of its minute, and a list names the minutes. Both are written before
//! the record, so a record that is due is never missed; an entry that says more than its record is looked at and passed
//! over. Entries are stamped with the version they announce: what is deleted for an older version never hides an entry
//! of a newer one, whoever's clock is wrong.

use super::{CassandraLinearStore, Place};
use crate::{
    OpenError,
    number::{counted, ordered},
    statement::{self, Preparing},
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use quick_cache::sync::Cache;
use scylla::statement::prepared::PreparedStatement;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use storage::{DueCursor, DueRecord, LinearStore, LinearTable, Version, cart::Timestamp, error::Result};

/// Stored for a record that is never due.
pub(super) const NOT_DUE: i64 = -1;
const MINUTE_MS: i64 = 60_000;
const MINUTE_US: i64 = 60_000_000;
/// Minutes after which an entry that its record does not bear out is taken for left over.
const LEFT_OVER: i64 = 10;
/// Minutes after which an empty minute leaves the list.
const EMPTY: i64 = 60;
/// A record that was written so long after its entry announces itself again.
const REPEAT_AFTER: Duration = Duration::from_secs(60);
/// Records that are looked at at once.
const LOOKS_AT_ONCE: usize = 16;
const PAGE_MAX: usize = 1_000;
const MINUTES_AT_ONCE: i32 = 1_000;

pub(super) struct DueIndex {
    insert: PreparedStatement,
    remove: PreparedStatement,
    entries: PreparedStatement,
    list: PreparedStatement,
    unlist: PreparedStatement,
    minutes: PreparedStatement,
    /// Minutes of the future that are known to be listed.
    listed: Cache<(LinearTable, i64), ()>,
}

impl DueIndex {
    pub(super) async fn prepare(
        preparing: &Preparing<'_>,
        remembered_max: usize,
    ) -> std::result::Result<Self, OpenError> {
        Ok(Self {
            insert: preparing
                .blind("INSERT INTO {ks}.due (kind, minute, due, key, stamp) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?")
                .await?,
            remove: preparing
                .blind("DELETE FROM {ks}.due USING TIMESTAMP ? WHERE kind = ? AND minute = ? AND due = ? AND key = ?")
                .await?,
            entries: preparing
                .read(
                    "SELECT due, key, stamp FROM {ks}.due WHERE kind = ? AND minute = ? \
                     AND (due, key) > (?, ?) AND (due) < (?) LIMIT ?",
                    None,
                )
                .await?,
            list: preparing
                .blind("INSERT INTO {ks}.due_minutes (kind, minute, stamp) VALUES (?, ?, ?) USING TIMESTAMP ?")
                .await?,
            unlist: preparing
                .blind("DELETE FROM {ks}.due_minutes USING TIMESTAMP ? WHERE kind = ? AND minute = ?")
                .await?,
            minutes: preparing
                .read(
                    "SELECT minute, stamp FROM {ks}.due_minutes WHERE kind = ? AND minute > ? AND minute <= ? LIMIT ?",
                    None,
                )
                .await?,
            listed: Cache::new(remembered_max.min(10_000)),
        })
    }

    /// Writes an entry, and then its minute: one that is past may have left the list while the entry was written.
    pub(super) async fn announce(
        &self,
        store: &CassandraLinearStore,
        at: &Place<'_>,
        due: Timestamp,
        version: Version,
    ) -> Result<()> {
        let (kind, due, stamp) = (at.table.as_str(), ordered(due.0), ordered(version.0));
        let minute = due / MINUTE_MS;
        let values = (kind, minute, due, at.key, stamp, stamp);
        statement::blind(&store.session, &self.insert, values).await?;
        let is_to_come = minute > minute_now();
        if is_to_come && self.listed.get(&(at.table, minute)).is_some() {
            return Ok(());
        }
        let now = now_us();
        statement::blind(&store.session, &self.list, (kind, minute, now, now)).await?;
        if is_to_come {
            self.listed.insert((at.table, minute), ());
        }
        Ok(())
    }

    /// Announces a record again that was written long after its entry, which may have been taken for left over.
    pub(super) async fn repeat_if_late(
        &self,
        store: &CassandraLinearStore,
        at: &Place<'_>,
        due: Timestamp,
        version: Version,
        began: SystemTime,
    ) {
        if began.elapsed().unwrap_or(REPEAT_AFTER) < REPEAT_AFTER {
            return;
        }
        if let Err(error) = self.announce(store, at, due, version).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a record that is due could not be announced again"
            );
        }
    }

    /// Takes away the entry of a version that is replaced, and none of a later one.
    pub(super) async fn forget(
        &self,
        store: &CassandraLinearStore,
        at: &Place<'_>,
        due: Timestamp,
        version: Version,
    ) {
        // Where this fails, the entry is found, passed over and taken away when it is due.
        let _ = self.remove_entry(store, at.table, (ordered(due.0), at.key), ordered(version.0)).await;
    }

    async fn remove_entry(
        &self,
        store: &CassandraLinearStore,
        table: LinearTable,
        (due, key): (i64, &[u8]),
        stamp: i64,
    ) -> Result<()> {
        let values = (stamp, table.as_str(), due / MINUTE_MS, due, key);
        statement::blind(&store.session, &self.remove, values).await
    }

    /// Records that are due within `(before, after)`, by moment and key.
    pub(super) async fn due(
        &self,
        store: &CassandraLinearStore,
        table: LinearTable,
        (before, after): (Timestamp, Option<DueCursor>),
        limit: usize,
    ) -> Result<Vec<DueRecord>> {
        let before = ordered(before.0);
        let mut after = after.map_or((NOT_DUE, Bytes::new()), |after| (ordered(after.due.0), after.key));
        let (mut found, mut past) = (Vec::new(), after.0 / MINUTE_MS - 1);
        while found.len() < limit {
            let values = (table.as_str(), past, before / MINUTE_MS, MINUTES_AT_ONCE);
            let minutes = statement::rows::<(i64, i64)>(&store.session, &self.minutes, values).await?;
            let Some((last, _)) = minutes.last() else { break };
            past = *last;
            for minute in minutes {
                let room = limit - found.len();
                found.extend(self.due_in(store, table, minute, (before, &mut after), room).await?);
                if found.len() == limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Goes on through one minute, and takes an old one that is empty off the list.
    async fn due_in(
        &self,
        store: &CassandraLinearStore,
        table: LinearTable,
        (minute, listed_at): (i64, i64),
        (before, after): (i64, &mut (i64, Bytes)),
        room: usize,
    ) -> Result<Vec<DueRecord>> {
        let (mut found, mut is_empty) = (Vec::new(), after.0 / MINUTE_MS < minute || after.0 == NOT_DUE);
        let page = room.clamp(LOOKS_AT_ONCE, PAGE_MAX);
        loop {
            let wanted = i32::try_from(page).unwrap_or(i32::MAX);
            let values = (table.as_str(), minute, after.0, after.1.clone(), before, wanted);
            let entries = statement::rows::<(i64, Bytes, i64)>(&store.session, &self.entries, values).await?;
            let is_last = entries.len() < page;
            is_empty &= entries.is_empty();
            let looks =
                entries.into_iter().map(|(due, key, stamp)| self.look(store, table, (due, key), stamp));
            let looked: Vec<((i64, Bytes), Option<DueRecord>)> =
                stream::iter(looks).buffered(LOOKS_AT_ONCE).try_collect().await?;
            for (at, record) in looked {
                *after = at;
                found.extend(record);
                if found.len() == room {
                    return Ok(found);
                }
            }
            if is_last {
                break;
            }
        }
        let long_ago = minute_now() - EMPTY;
        if is_empty && minute < long_ago && listed_at / MINUTE_US < long_ago && before / MINUTE_MS > minute {
            statement::blind(&store.session, &self.unlist, (listed_at, table.as_str(), minute)).await?;
        }
        Ok(found)
    }

    /// The record of an entry, if it bears the entry out.
    async fn look(
        &self,
        store: &CassandraLinearStore,
        table: LinearTable,
        (due, key): (i64, Bytes),
        stamp: i64,
    ) -> Result<((i64, Bytes), Option<DueRecord>)> {
        let record = store.read(table, &key).await?.filter(|record| stored(record.due) == due);
        if record.is_none() && stamp / MINUTE_US < minute_now() - LEFT_OVER {
            self.remove_entry(store, table, (due, &key), stamp).await?;
        }
        let found = record.map(|record| DueRecord { key: key.clone(), record });
        Ok(((due, key), found))
    }
}

/// A moment as it is stored beside its record: never null, so that a condition can show it.
pub(super) fn stored(due: Option<Timestamp>) -> i64 {
    due.map_or(NOT_DUE, |due| ordered(due.0))
}

/// What [`stored`] made of a moment.
pub(super) fn moment(stored: i64) -> Option<Timestamp> {
    (stored != NOT_DUE).then(|| Timestamp(counted(stored)))
}

fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

fn minute_now() -> i64 {
    now_us() / MINUTE_US
}
