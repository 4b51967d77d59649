//! A row that cannot be read harms its own record only; a disk that fails ends writing and not reading.

use std::io;

use bytes::Bytes;
use storage::conformance::sample::{self, cart_id};
use storage::{CartStore, LinearStore, LinearTable, StoreError};

use super::faulty;
use super::sample::{add, fold, fold_fails, open, options, state};
use crate::Embedded;
use crate::key::{self, Key};

const GARBAGE: &[u8] = b"\x01not a row";

pub(super) fn damage(engine: &Embedded, key: &Key) {
    engine.engine.base.fold(&mut |put| put(key, Some(GARBAGE))).unwrap();
}

fn is_corrupt<T>(outcome: &Result<T, StoreError>, named: &str) -> bool {
    matches!(outcome, Err(StoreError::Corrupt { record, .. }) if record.contains(named))
}

#[tokio::test]
async fn a_damaged_row_is_an_error_of_its_cart_alone_and_is_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let (damaged, whole) = (key::cart(cart_id(1)), key::cart(cart_id(2)));
    damage(&engine, &damaged);
    // Blind: nobody has looked at the row yet.
    add(&engine, 1, 1, "A").await.unwrap();
    add(&engine, 2, 1, "A").await.unwrap();
    fold(&engine).await;
    let name = cart_id(1).to_string();
    assert!(is_corrupt(&state(&engine, 1).await, &name));
    assert!(is_corrupt(&add(&engine, 1, 2, "B").await, &name), "known to be damaged: refused");
    assert!(state(&engine, 2).await.unwrap().is_some());
    add(&engine, 2, 2, "B").await.unwrap();
    fold(&engine).await;
    assert!(engine.failure().is_none());
    assert_eq!(engine.engine.base.get(&damaged).unwrap().as_deref(), Some(GARBAGE));
    assert_ne!(engine.engine.base.get(&whole).unwrap().as_deref(), Some(GARBAGE));
    let kept = engine.engine.base.keys(b"q", b"r", 10).unwrap();
    assert_eq!(kept.len(), 1, "the acknowledged delta is kept for when the row is repaired");
    assert_eq!(engine.scan(None, 10).await.unwrap(), [cart_id(1), cart_id(2)]);
    drop(engine);
    assert!(is_corrupt(&state(&open(dir.path()), 1).await, &name), "also after a restart");
}

#[tokio::test]
async fn a_damaged_record_is_neither_read_nor_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    damage(&engine, &key::linear(LinearTable::Stock, b"sku"));
    let read = engine.read(LinearTable::Stock, b"sku").await;
    assert!(is_corrupt(&read, "stock sku"));
    let inserted = engine.insert_if_absent(LinearTable::Stock, b"sku", Bytes::new(), None).await;
    assert!(is_corrupt(&inserted, "stock sku"));
}

#[tokio::test]
async fn bytes_that_are_no_cart_are_refused_before_they_are_journalled() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let key = sample::delta_key(cart_id(1), 1, 1, 5);
    let refused = engine.append(&key, Bytes::from_static(b"no cart")).await;
    assert!(is_corrupt(&refused, "cart"));
    assert_eq!(state(&engine, 1).await.unwrap(), None);
    assert_eq!(engine.journal_bytes(), 0);
}

#[tokio::test]
async fn a_fold_that_fails_ends_writing_keeps_reading_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, faults) = faulty::open(dir.path());
    add(&engine, 1, 1, "A").await.unwrap();
    fold(&engine).await;
    add(&engine, 1, 2, "B").await.unwrap();
    *faults.folds.lock() = Some(io::ErrorKind::ReadOnlyFilesystem);
    fold_fails(&engine).await;
    assert!(engine.failure().is_some_and(|cause| cause.contains("read-only")));
    let refused = add(&engine, 1, 3, "C").await.unwrap_err();
    assert!(!refused.may_be_applied(), "{refused}");
    let before = state(&engine, 1).await.unwrap();
    assert!(before.is_some());
    drop(engine);
    assert_eq!(state(&open(dir.path()), 1).await.unwrap(), before);
}

#[tokio::test]
async fn a_part_that_is_missing_is_not_taken_for_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    add(&engine, 1, 1, "A").await.unwrap();
    fold(&engine).await;
    let before = state(&engine, 1).await.unwrap();
    drop(engine);
    for part in ["journal", "rows", "base"] {
        let (part, away) = (dir.path().join(part), dir.path().join("elsewhere"));
        std::fs::rename(&part, &away).unwrap();
        let refused = Embedded::open(dir.path(), options()).err().unwrap();
        let Some(cause) = std::error::Error::source(&refused) else { panic!("{refused}") };
        assert!(cause.to_string().contains(&format!("`{}` is missing", part.display())), "{cause}");
        std::fs::remove_dir_all(&part).unwrap();
        std::fs::rename(&away, &part).unwrap();
    }
    assert_eq!(state(&open(dir.path()), 1).await.unwrap(), before);
}

#[tokio::test]
async fn a_second_engine_on_a_directory_is_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path());
    let Err(StoreError::Unavailable(cause)) = Embedded::open(dir.path(), options()) else {
        panic!("the directory is in use");
    };
    assert!(cause.to_string().contains("stop the other process"), "{cause}");
}
