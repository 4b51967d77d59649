//! Linearizable records.

use crate::{DueCursor, Inserted, LinearTable, Record, RecordReplaced, Stores, Version, error::Result};
use bytes::Bytes;
use cart::Timestamp;

type Case = Result<()>;

const TABLE: LinearTable = LinearTable::Ledger;

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Absence is an answer.
pub async fn an_absent_record_reads_as_none(stores: &Stores) -> Case {
    assert_eq!(stores.linear.read(TABLE, b"k").await?, None);
    Ok(())
}

/// The second insert is shown the first.
pub async fn an_insert_happens_once(stores: &Stores) -> Case {
    let first = stores.linear.insert_if_absent(TABLE, b"k", bytes("1"), None).await?;
    let Inserted::Inserted(version) = first else { panic!("{first:?}") };
    let record = Record { version, bytes: bytes("1"), due: None };
    let second = stores.linear.insert_if_absent(TABLE, b"k", bytes("2"), None).await?;
    assert_eq!(second, Inserted::Present(record.clone()));
    assert_eq!(stores.linear.read(TABLE, b"k").await?, Some(record));
    Ok(())
}

/// The loser of a race is given what it lost to.
pub async fn a_stale_version_conflicts_and_shows_the_record(stores: &Stores) -> Case {
    stores.linear.insert_if_absent(TABLE, b"k", bytes("1"), None).await?;
    let v1 = version(stores, b"k").await?;
    let applied = stores.linear.replace(TABLE, b"k", v1, bytes("2"), None).await?;
    assert!(matches!(applied, RecordReplaced::Applied(v2) if v2 > v1), "{applied:?}");
    let conflict = stores.linear.replace(TABLE, b"k", v1, bytes("3"), None).await?;
    let RecordReplaced::Conflict(Some(current)) = conflict else { panic!("{conflict:?}") };
    assert_eq!(current.bytes, bytes("2"));
    let absent = stores.linear.replace(TABLE, b"other", v1, bytes("3"), None).await?;
    assert_eq!(absent, RecordReplaced::Conflict(None));
    Ok(())
}

/// No increment overwrites another.
pub async fn concurrent_increments_all_count(stores: &Stores) -> Case {
    const TASKS: u64 = 8;
    const EACH: u64 = 10;
    stores.linear.insert_if_absent(TABLE, b"k", bytes("0"), None).await?;
    let tasks = (0..TASKS).map(|_| {
        let linear = stores.linear.clone();
        tokio::spawn(async move {
            let mut done = 0;
            while done < EACH {
                let Some(record) = linear.read(TABLE, b"k").await? else { panic!("the record is gone") };
                let next = bytes(&(count(&record.bytes) + 1).to_string());
                let replaced = linear.replace(TABLE, b"k", record.version, next, None).await?;
                done += u64::from(matches!(replaced, RecordReplaced::Applied(_)));
            }
            Result::Ok(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a task does not panic")?; // the case fails with it
    }
    let record = stores.linear.read(TABLE, b"k").await?;
    assert_eq!(record.map(|record| count(&record.bytes)), Some(TASKS * EACH));
    Ok(())
}

/// First come, first served, and only one.
pub async fn of_concurrent_inserts_one_wins(stores: &Stores) -> Case {
    let tasks = (0..16).map(|writer: u32| {
        let linear = stores.linear.clone();
        tokio::spawn(
            async move { linear.insert_if_absent(TABLE, b"k", bytes(&writer.to_string()), None).await },
        )
    });
    let mut won = 0;
    for task in tasks.collect::<Vec<_>>() {
        let outcome = task.await.expect("a task does not panic")?; // the case fails with it
        won += u32::from(matches!(outcome, Inserted::Inserted(_)));
    }
    assert_eq!(won, 1);
    Ok(())
}

/// A removal needs the version; afterwards the key is free.
pub async fn a_removed_record_can_be_inserted_again(stores: &Stores) -> Case {
    stores.linear.insert_if_absent(TABLE, b"k", bytes("1"), Some(Timestamp(5))).await?;
    let version = version(stores, b"k").await?;
    let stale = stores.linear.remove(TABLE, b"k", version.next()).await?;
    assert!(matches!(stale, RecordReplaced::Conflict(Some(_))), "{stale:?}");
    assert_eq!(stores.linear.remove(TABLE, b"k", version).await?, RecordReplaced::Applied(version));
    assert_eq!(stores.linear.read(TABLE, b"k").await?, None);
    assert_eq!(stores.linear.due(TABLE, Timestamp(9), None, 10).await?, []);
    let again = stores.linear.insert_if_absent(TABLE, b"k", bytes("2"), None).await?;
    assert!(matches!(again, Inserted::Inserted(_)), "{again:?}");
    Ok(())
}

/// A key is bytes, and belongs to its table.
pub async fn tables_and_keys_are_apart(stores: &Stores) -> Case {
    let keys: [&[u8]; 5] = [b"", b"\0", b"\0\0", b"\xff\xfe", &[7; 200]];
    for (at, table) in LinearTable::ALL.into_iter().enumerate() {
        for key in keys {
            let value = bytes(&format!("{at} {}", key.len()));
            stores.linear.insert_if_absent(table, key, value, None).await?;
        }
    }
    for (at, table) in LinearTable::ALL.into_iter().enumerate() {
        for key in keys {
            let record = stores.linear.read(table, key).await?;
            let expected = bytes(&format!("{at} {}", key.len()));
            assert_eq!(record.map(|record| record.bytes), Some(expected), "{table:?} {key:?}");
        }
    }
    Ok(())
}

/// The sweeper sees the longest due first, and can go on where it stopped.
pub async fn due_records_come_in_order_and_pages(stores: &Stores) -> Case {
    let dues = [("a", Some(30)), ("b", Some(10)), ("c", None), ("d", Some(10)), ("e", Some(99))];
    for (key, due) in dues {
        stores.linear.insert_if_absent(TABLE, key.as_bytes(), bytes(key), due.map(Timestamp)).await?;
    }
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = stores.linear.due(TABLE, Timestamp(99), after, 2).await?;
        let Some(last) = page.last() else { break };
        after = last.record.due.map(|due| DueCursor { due, key: last.key.clone() });
        keys.extend(page.into_iter().map(|due| due.key));
    }
    assert_eq!(keys, ["b", "d", "a"].map(bytes));
    assert_eq!(stores.linear.due(LinearTable::Stock, Timestamp(99), None, 9).await?, []);
    Ok(())
}

/// A renewed deadline is the only one.
pub async fn a_changed_due_moment_moves_the_record(stores: &Stores) -> Case {
    stores.linear.insert_if_absent(TABLE, b"k", bytes("1"), Some(Timestamp(10))).await?;
    let v1 = version(stores, b"k").await?;
    stores.linear.replace(TABLE, b"k", v1, bytes("1"), Some(Timestamp(50))).await?;
    assert_eq!(stores.linear.due(TABLE, Timestamp(20), None, 9).await?, []);
    assert_eq!(stores.linear.due(TABLE, Timestamp(60), None, 9).await?.len(), 1);
    let v2 = version(stores, b"k").await?;
    stores.linear.replace(TABLE, b"k", v2, bytes("1"), None).await?;
    assert_eq!(stores.linear.due(TABLE, Timestamp(60), None, 9).await?, []);
    Ok(())
}

async fn version(stores: &Stores, key: &[u8]) -> Result<Version> {
    let record = stores.linear.read(TABLE, key).await?;
    Ok(record.expect("the record is there").version) // the case fails where it is not
}

fn count(bytes: &[u8]) -> u64 {
    std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}
