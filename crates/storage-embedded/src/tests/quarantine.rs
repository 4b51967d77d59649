//! Changes to a row that cannot be read: acknowledged, so kept, and joined once it can be read.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use storage::conformance::sample::{self, cart_id, joined};
use storage::{CartRows, CartStore, Consistency, LinearStore, LinearTable, RowKey, StoreError, Version};

use super::sample::{add, fold, fold_fails, open};
use super::{damage, faulty};
use crate::Embedded;
use crate::change::{self, Change};
use crate::key::{self, Key};

const NONE: [Key; 0] = [];

fn quarantined(engine: &Embedded) -> Vec<Key> {
    engine.engine.base.keys(b"q", b"r", 10).unwrap()
}

async fn rows(engine: &Embedded) -> CartRows {
    engine.load(cart_id(1), Consistency::Strong).await.unwrap()
}

async fn adds(engine: &Embedded) -> usize {
    joined(&rows(engine).await).unwrap().entries.len()
}

/// Opens what holds an add of cart 1, on a disk that does not give it, and folds another one.
async fn open_unreadable(dir: &Path) -> (Arc<Embedded>, Arc<faulty::Faults>) {
    let (engine, _) = faulty::open(dir);
    add(&engine, 1, 1, "A").await.unwrap();
    fold(&engine).await;
    drop(engine);
    let (engine, faults) = faulty::open(dir);
    *faults.reads_of.lock() = Some(key::cart(cart_id(1)));
    add(&engine, 1, 2, "B").await.unwrap();
    fold(&engine).await;
    (engine, faults)
}

async fn remove(engine: &Arc<Embedded>) {
    let row = rows(engine).await.snapshots.remove(0);
    let key = RowKey { cart: cart_id(1), owner: row.owner };
    CartStore::remove(&**engine, &key, row.version).await.unwrap();
}

#[tokio::test]
async fn they_join_the_row_once_it_is_repaired() {
    let dir = tempfile::tempdir().unwrap();
    let cart = key::cart(cart_id(1));
    let engine = open(dir.path());
    add(&engine, 1, 1, "A").await.unwrap();
    fold(&engine).await;
    let whole = engine.engine.base.get(&cart).unwrap().unwrap();
    damage::damage(&engine, &cart);
    drop(engine);

    let engine = open(dir.path());
    add(&engine, 1, 2, "B").await.unwrap();
    add(&engine, 1, 3, "C").await.unwrap();
    fold(&engine).await;
    assert_eq!((quarantined(&engine).len(), engine.journal_bytes()), (2, 0));
    fold(&engine).await;
    drop(engine);

    let engine = open(dir.path());
    assert!(engine.load(cart_id(1), Consistency::Strong).await.is_err());
    fold(&engine).await;
    assert_eq!(quarantined(&engine).len(), 2, "they wait from open to open");
    engine.engine.base.fold(&mut |put| put(&cart, Some(&whole))).unwrap();
    drop(engine);

    let engine = open(dir.path());
    assert_eq!(adds(&engine).await, 3);
    fold(&engine).await;
    assert_eq!(quarantined(&engine), NONE);
    let version = rows(&engine).await.snapshots[0].version;
    drop(engine);
    let again = rows(&open(dir.path())).await;
    assert_eq!((joined(&again).unwrap().entries.len(), again.snapshots[0].version), (3, version));
}

#[tokio::test]
async fn a_row_that_the_disk_does_not_give_ends_no_fold() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, faults) = open_unreadable(dir.path()).await;
    add(&engine, 2, 1, "A").await.unwrap();
    add(&engine, 1, 3, "C").await.unwrap();
    fold(&engine).await;
    assert_eq!((engine.failure(), engine.journal_bytes()), (None, 0));
    let unread = engine.load(cart_id(1), Consistency::Eventual).await;
    assert!(matches!(unread, Err(StoreError::Unavailable(_))), "{unread:?}");
    assert!(engine.engine.base.get(&key::cart(cart_id(2))).unwrap().is_some(), "others are folded");
    assert_eq!(quarantined(&engine).len(), 2);

    *faults.reads_of.lock() = None;
    fold(&engine).await;
    assert_eq!((quarantined(&engine), adds(&engine).await), (NONE.to_vec(), 3), "it is asked again");
}

#[tokio::test]
async fn a_record_that_is_put_waits_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let (table, name) = (LinearTable::Stock, b"sku");
    let engine = open(dir.path());
    engine.insert_if_absent(table, name, Bytes::from_static(b"1"), None).await.unwrap();
    fold(&engine).await;
    let second = Bytes::from_static(b"2");
    LinearStore::replace(&*engine, table, name, Version(1), second, None).await.unwrap();
    drop(engine);

    let (engine, faults) = faulty::open(dir.path());
    *faults.reads_of.lock() = Some(key::linear(table, name));
    fold(&engine).await;
    assert_eq!((engine.failure(), quarantined(&engine).len()), (None, 1));
    drop(engine);
    let engine = open(dir.path());
    let read = engine.read(table, name).await.unwrap().unwrap();
    assert_eq!((read.version, &*read.bytes), (Version(2), &b"2"[..]));
    fold(&engine).await;
    assert_eq!(quarantined(&engine), NONE);
}

#[tokio::test]
async fn they_leave_the_journal_only_once_they_are_durable() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, faults) = faulty::open(dir.path());
    damage::damage(&engine, &key::cart(cart_id(1)));
    add(&engine, 1, 1, "A").await.unwrap();
    *faults.writes_of.lock() = Some(b'q');
    fold_fails(&engine).await;
    assert!(engine.journal_bytes() > 0);
    drop(engine);
    let (engine, _) = faulty::open(dir.path());
    fold(&engine).await;
    assert_eq!((quarantined(&engine).len(), engine.journal_bytes()), (1, 0));
}

#[tokio::test]
async fn none_comes_back_after_a_removal() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, faults) = open_unreadable(dir.path()).await;
    *faults.reads_of.lock() = None;
    remove(&engine).await;
    fold(&engine).await;
    drop(engine);
    assert_eq!(rows(&faulty::open(dir.path()).0).await.snapshots, []);
}

#[tokio::test]
async fn none_comes_back_after_a_removal_whose_fold_is_cut_short() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, faults) = open_unreadable(dir.path()).await;
    *faults.reads_of.lock() = None;
    remove(&engine).await;
    *faults.writes_of.lock() = Some(b'q');
    fold_fails(&engine).await;
    assert_eq!(engine.engine.base.get(&key::cart(cart_id(1))).unwrap(), None, "the removal is durable");
    assert_eq!(quarantined(&engine).len(), 1);
    drop(engine);
    assert_eq!(rows(&faulty::open(dir.path()).0).await.snapshots, []);
}

#[tokio::test]
async fn what_a_crash_leaves_in_the_journal_as_well_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let cart = key::cart(cart_id(1));
    let engine = open(dir.path());
    add(&engine, 1, 1, "A").await.unwrap();
    let bytes = sample::stored(&sample::add(1, 1, "A"));
    let change = Change::Delta { owner: sample::owner().as_str().into(), bytes, name: None };
    let record = change::encode(&cart, &change);
    let place = key::quarantine(&cart, engine.engine.journal.durable_through(), 0);
    engine.engine.base.fold(&mut |put| put(&place, Some(&record))).unwrap();
    drop(engine);
    assert_eq!(rows(&open(dir.path())).await.snapshots[0].version, Version(1));
}
