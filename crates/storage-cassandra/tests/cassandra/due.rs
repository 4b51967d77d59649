//! What is due is found, whatever is left of writes that did not end.

use crate::node;
use bytes::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};
use storage::{Inserted, LinearTable, RecordReplaced, cart::Timestamp};
use storage_cassandra::{CassandraOptions, SerialLevel, schema};

const TABLE: LinearTable = LinearTable::Ledger;
/// 2020: a moment whose minute has been over for long.
const PAST: u64 = 1_577_836_800_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_of_writes_that_did_not_end_are_passed_over_and_taken_away_when_they_are_old() {
    let Some(address) = node::shared().await else { return };
    let options = node::fresh(address, "due_entries").await;
    let stores = storage_cassandra::open(&options).await.unwrap();
    let session = node::session(address).await;
    let linear = &stores.linear;
    linear.insert_if_absent(TABLE, b"due", Bytes::new(), Some(Timestamp(PAST + 2))).await.unwrap();
    // A writer that ended before its record, long ago and just now.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_micros()).unwrap();
    let minute = i64::try_from(PAST).unwrap() / 60_000;
    let insert = "INSERT INTO due_entries.due (kind, minute, due, key, stamp) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?";
    for (key, stamp) in [(&b"old"[..], 1_577_836_800_000_000_i64), (&b"new"[..], now)] {
        let values = ("ledger", minute, i64::try_from(PAST).unwrap(), key, stamp, stamp);
        session.query_unpaged(insert, values).await.unwrap();
    }
    for _ in 0..2 {
        let due = linear.due(TABLE, Timestamp(PAST + 60_000), None, 1).await.unwrap();
        assert_eq!(due.iter().map(|due| &due.key[..]).collect::<Vec<_>>(), [b"due"]);
    }
    let select = "SELECT key FROM due_entries.due WHERE kind = 'ledger' AND minute = ?";
    let rows = session.query_unpaged(select, (minute,)).await.unwrap().into_rows_result().unwrap();
    let left: Vec<Vec<u8>> = rows.rows::<(Vec<u8>,)>().unwrap().map(|row| row.unwrap().0).collect();
    assert_eq!(
        left,
        [b"new".to_vec(), b"due".to_vec()],
        "the old entry is taken away, the new one may yet be true"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_that_comes_back_is_not_taken_away_by_whoever_left_it() {
    let Some(address) = node::shared().await else { return };
    let options = node::fresh(address, "due_again").await;
    let a = storage_cassandra::open(&options).await.unwrap().linear;
    let b = storage_cassandra::open(&options).await.unwrap().linear;
    let (early, late) = (Some(Timestamp(PAST)), Some(Timestamp(PAST + 1)));
    a.insert_if_absent(TABLE, b"k", Bytes::new(), late).await.unwrap();
    for round in 0..20_u64 {
        // One process moves the moment away, the other moves it back.
        for (linear, due) in [(&a, early), (&b, late)] {
            let record = linear.read(TABLE, b"k").await.unwrap().unwrap();
            let replaced = linear.replace(TABLE, b"k", record.version, Bytes::new(), due).await.unwrap();
            assert!(matches!(replaced, RecordReplaced::Applied(_)), "round {round}");
        }
        let due = a.due(TABLE, Timestamp(PAST + 2), None, 10).await.unwrap();
        assert_eq!(due.len(), 1, "round {round}");
        assert_eq!(due[0].record.due, late);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_many_minutes_are_paged_through_once_each() {
    let Some(address) = node::shared().await else { return };
    let options = node::fresh(address, "due_pages").await;
    let linear = storage_cassandra::open(&options).await.unwrap().linear;
    let mut expected: Vec<(u64, Vec<u8>)> = Vec::new();
    for number in 0..60_u64 {
        let (due, key) = (PAST + number % 20 * 30_000, vec![u8::try_from(number).unwrap()]);
        linear.insert_if_absent(TABLE, &key, Bytes::new(), Some(Timestamp(due))).await.unwrap();
        expected.push((due, key));
    }
    expected.sort();
    for limit in [1, 7, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = linear.due(TABLE, Timestamp(u64::MAX), after, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.record.due.map(|due| storage::DueCursor { due, key: last.key.clone() });
            found.extend(page.into_iter().map(|due| (due.record.due.unwrap().0, due.key.to_vec())));
        }
        assert_eq!(found, expected, "{limit} at a time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_are_decided_everywhere_are_decided() {
    let Some(address) = node::shared().await else { return };
    let options =
        CassandraOptions { serial: SerialLevel::Everywhere, ..node::options(address, "everywhere") };
    let dropped = "DROP KEYSPACE IF EXISTS everywhere";
    node::session(address).await.query_unpaged(dropped, ()).await.unwrap();
    schema::init(&options).await.unwrap();
    let linear = storage_cassandra::open(&options).await.unwrap().linear;
    let tries = (0..8).map(|_| linear.insert_if_absent(TABLE, b"k", Bytes::new(), Some(Timestamp(PAST))));
    let inserted = futures::future::try_join_all(tries).await.unwrap();
    assert_eq!(inserted.iter().filter(|one| matches!(one, Inserted::Inserted(_))).count(), 1);
    assert_eq!(linear.due(TABLE, Timestamp(PAST + 1), None, 9).await.unwrap().len(), 1);
}
