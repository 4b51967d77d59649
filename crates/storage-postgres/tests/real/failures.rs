//! What a server that answers may refuse, and what that means for the write.

use std::time::Duration;

use bytes::Bytes;
use engines::Faults;
use storage::cart::Timestamp;
use storage::{LinearTable, RecordReplaced, StoreError, Version};
use storage_postgres::{Postgres, Slot};
use tokio_postgres::NoTls;

use crate::setup::{blocking, fresh_name, open, options, own, shared, sql};

const TABLE: LinearTable = LinearTable::Stock;

async fn insert(engine: &Postgres, key: &str) -> Result<(), StoreError> {
    let bytes = Bytes::from_static(b"1");
    engine.stores().linear.insert_if_absent(TABLE, key.as_bytes(), bytes, None).await.map(|_| ())
}

/// The message and those of its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_is_rolled_back_and_said_to_be() {
    let Some(url) = shared().await else { return };
    let mut options = options(std::slice::from_ref(&url));
    options.timeouts.statement = Duration::from_millis(200);
    let engine = open(&options).await;
    insert(&engine, "k").await.unwrap();
    let (mut rival, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let transaction = rival.transaction().await.unwrap();
    let lock = format!("SELECT 1 FROM {}.records WHERE key = 'k' FOR UPDATE", options.schema);
    transaction.batch_execute(&lock).await.unwrap();
    let linear = engine.stores().linear;
    let refusal = linear.replace(TABLE, b"k", Version(1), Bytes::from_static(b"2"), None).await.unwrap_err();
    assert!(matches!(refusal, StoreError::Unavailable(_)), "{refusal:?}");
    assert!(told(&refusal).contains("57014"), "{}", told(&refusal));
    transaction.rollback().await.unwrap();
    let record = linear.read(TABLE, b"k").await.unwrap().unwrap();
    assert_eq!((record.version, &record.bytes[..]), (Version(1), &b"1"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_rival_is_shown_what_the_rival_wrote() {
    let Some(url) = shared().await else { return };
    let options = options(std::slice::from_ref(&url));
    let engine = open(&options).await;
    insert(&engine, "k").await.unwrap();
    let (mut rival, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let transaction = rival.transaction().await.unwrap();
    let write = format!("UPDATE {}.records SET version = 2, bytes = 'rival' WHERE key = 'k'", options.schema);
    transaction.batch_execute(&write).await.unwrap();
    let linear = engine.stores().linear;
    let waiting =
        tokio::spawn(
            async move { linear.replace(TABLE, b"k", Version(1), Bytes::from_static(b"2"), None).await },
        );
    // Its snapshot is older than the rival's commit, so what it sees first is the row as it was.
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE records%'";
    crate::setup::eventually("the write waits", async || sql(&url, waits).await != ["0"]).await;
    transaction.commit().await.unwrap();
    let RecordReplaced::Conflict(Some(record)) = waiting.await.unwrap().unwrap() else {
        panic!("no conflict")
    };
    assert_eq!((record.version, &record.bytes[..]), (Version(2), &b"rival"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_became_read_only_is_unavailable_until_it_takes_writes_again() {
    let Some(server) = own().await else { return };
    let url = server.url();
    let engine = open(&options(std::slice::from_ref(&url))).await;
    insert(&engine, "a").await.unwrap();
    let read_only = async |on: &str| {
        sql(&url, &format!("ALTER SYSTEM SET default_transaction_read_only = {on}")).await;
        sql(&url, "SELECT pg_reload_conf()").await;
    };
    read_only("on").await;
    let refused = async || matches!(insert(&engine, "b").await, Err(StoreError::Unavailable(_)));
    crate::setup::eventually("writes are refused", refused).await;
    sql(&url, "ALTER SYSTEM RESET default_transaction_read_only").await;
    sql(&url, "SELECT pg_reload_conf()").await;
    crate::setup::eventually("writes are taken again", async || insert(&engine, "c").await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_connections_are_unavailable() {
    let Some(url) = shared().await else { return };
    let options = options(std::slice::from_ref(&url));
    let engine = open(&options).await;
    drop(engine);
    let role = fresh_name("narrow");
    let schema = &options.schema;
    sql(
        &url,
        &format!(
            "CREATE ROLE {role} LOGIN CONNECTION LIMIT 1; GRANT USAGE ON SCHEMA {schema} TO {role}; \
             GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}"
        ),
    )
    .await;
    let narrow = url.replace("postgres://postgres@", &format!("postgres://{role}@"));
    let mut narrow_options = options.clone();
    narrow_options.shards[0].primary = narrow.parse().unwrap();
    let engine = Postgres::open(&narrow_options).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    match insert(&engine, &format!("{task}-{n}")).await {
                        Ok(()) => {}
                        Err(error @ StoreError::Unavailable(_)) => return Some(told(&error)),
                        Err(other) => panic!("{other:?}"),
                    }
                }
                None
            })
        })
        .collect();
    let mut refusals = Vec::new();
    for task in tasks {
        refusals.extend(task.await.unwrap());
    }
    assert!(refusals.iter().all(|refusal| refusal.contains("53300")), "{refusals:?}");
    assert!(!refusals.is_empty(), "the limit was not reached");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_gone_are_said_to_be_with_what_to_do() {
    let Some(url) = shared().await else { return };
    let options = options(std::slice::from_ref(&url));
    let engine = open(&options).await;
    sql(&url, &format!("DROP SCHEMA {} CASCADE", options.schema)).await;
    let refusal = insert(&engine, "k").await.unwrap_err();
    assert!(matches!(refusal, StoreError::Unavailable(_)), "{refusal:?}");
    assert!(told(&refusal).contains("evercart engine init"), "{}", told(&refusal));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_is_gone_takes_nothing_with_it_but_its_slots() {
    let (Some(near), Some(server)) = (shared().await, own().await) else { return };
    let engine = open(&options(&[near, server.url()])).await;
    let stores = engine.stores();
    let keys: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let lives = |key: &String| Slot::of_key(key.as_bytes()).number() < 512;
    for key in &keys {
        let (bytes, due) = (Bytes::from_static(b"1"), Some(Timestamp(1)));
        stores.linear.insert_if_absent(TABLE, key.as_bytes(), bytes, due).await.unwrap();
    }
    let owner = storage::Owner::new("eu", 1);
    stores.carts.register(&owner).await.unwrap();
    let _server = blocking(move || server.kill().map(|()| server).unwrap()).await;
    for key in &keys {
        let read = stores.linear.read(TABLE, key.as_bytes()).await;
        match lives(key) {
            true => assert!(matches!(read, Ok(Some(_))), "{key}: {read:?}"),
            false => assert!(matches!(read, Err(StoreError::Unavailable(_))), "{key}: {read:?}"),
        }
    }
    let due = stores.linear.due(TABLE, Timestamp(2), None, 100).await.unwrap();
    assert_eq!(due.len(), keys.iter().filter(|key| lives(key)).count(), "what is due elsewhere is driven");
    assert_eq!(stores.carts.owners().await.unwrap(), [owner]);
    let scan = stores.carts.scan(None, 10).await;
    assert!(matches!(scan, Err(StoreError::Unavailable(_))), "a page that leaves carts out: {scan:?}");
}
