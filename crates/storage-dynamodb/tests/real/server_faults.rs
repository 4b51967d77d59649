//! The server killed under load, and stopped for longer than anybody waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engines::Faults;
use engines::dynamodb::{DynamoDb as Server, Options};
use storage::cart::{Cart, CartId, Dot, Join, WriterId};
use storage::conformance::sample::{add, cart_id, load, owner, stored};
use storage::{Bucket, Inserted, LinearTable, Replaced, RowKey, StoreError, Stores, Version};
use storage_dynamodb::{DynamoDb, DynamoDbOptions};

use crate::local::{self, blocking};

const WRITERS: u64 = 8;
const ROUNDS: usize = 3;
const ACKNOWLEDGED_BEFORE_KILL: usize = 150;

async fn server(options: Options) -> Option<Arc<Server>> {
    blocking(move || engines::or_skip(Server::start_with(options))).await.map(Arc::new)
}

fn hasty(url: &str) -> DynamoDbOptions {
    let mut options = local::options(url);
    options.connect_timeout = Duration::from_millis(500);
    options.attempt_timeout = Duration::from_millis(500);
    options.operation_timeout = Duration::from_millis(1_500);
    options
}

/// Waits until the store answers again.
async fn recovered(stores: &Stores) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while load(&*stores.carts, cart_id(0)).await.is_err() {
        assert!(Instant::now() < deadline, "the store does not answer again");
        tokio::task::yield_now().await;
    }
}

/// What was acknowledged: adds by cart, and records.
#[derive(Default)]
struct Acknowledged {
    adds: parking_lot::Mutex<BTreeMap<u64, Vec<u32>>>,
    count: AtomicUsize,
    stop: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_write_is_lost_by_kill_9_under_load() {
    let Some(server) = server(Options { on_disk: true }).await else { return };
    let options = hasty(&server.url());
    DynamoDb::init(options.clone()).await.unwrap();
    let stores = DynamoDb::open(options).await.unwrap().stores();
    let acknowledged = Arc::new(Acknowledged::default());
    for round in 0..ROUNDS {
        acknowledged.stop.store(false, Ordering::Relaxed);
        let start = acknowledged.count.load(Ordering::Relaxed);
        let writers: Vec<_> = (1..=WRITERS)
            .map(|writer| {
                tokio::spawn(write_until_stopped(stores.clone(), Arc::clone(&acknowledged), writer))
            })
            .collect();
        while acknowledged.count.load(Ordering::Relaxed) < start + ACKNOWLEDGED_BEFORE_KILL {
            tokio::task::yield_now().await;
        }
        let killed = Arc::clone(&server);
        blocking(move || killed.kill().unwrap()).await;
        acknowledged.stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        let restarted = Arc::clone(&server);
        blocking(move || restarted.restart().unwrap()).await;
        recovered(&stores).await;
        let lost = lost(&stores, &acknowledged).await;
        let count = acknowledged.count.load(Ordering::Relaxed);
        assert!(lost.is_empty(), "round {round}: {} of {count} lost: {lost:?}", lost.len());
    }
    assert!(acknowledged.count.load(Ordering::Relaxed) >= ROUNDS * ACKNOWLEDGED_BEFORE_KILL);
}

/// Adds to a cart of one's own, and a record for each, as the service does: load, join, put on condition.
async fn write_until_stopped(stores: Stores, acknowledged: Arc<Acknowledged>, writer: u64) {
    let key = RowKey { cart: cart_of(writer), owner: owner() };
    let first =
        acknowledged.adds.lock().get(&writer).and_then(|seqs| seqs.last().copied()).unwrap_or_default();
    // Attempts of earlier rounds whose outcome was unknown took at most as many numbers.
    for seq in first + 1_000.. {
        if acknowledged.stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(rows) = stores.carts.load(key.cart, storage::Consistency::Strong).await else { continue };
        let mut state = storage::conformance::sample::joined(&rows).unwrap();
        state.join(&add(writer, seq, "sku"));
        let expected = rows.snapshots.first().map(|row| row.version);
        let replaced = stores.carts.replace(&key, expected, Bucket(0), stored(&state)).await;
        if !matches!(replaced, Ok(Replaced::Applied(_))) {
            continue;
        }
        let record = record_key(writer, seq);
        let inserted =
            stores.linear.insert_if_absent(LinearTable::Order, &record, "order".into(), None).await;
        if matches!(inserted, Ok(Inserted::Inserted(_))) {
            acknowledged.adds.lock().entry(writer).or_default().push(seq);
            acknowledged.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn lost(stores: &Stores, acknowledged: &Acknowledged) -> Vec<(u64, u32)> {
    let adds = acknowledged.adds.lock().clone();
    let mut lost = Vec::new();
    for (writer, seqs) in adds {
        let state: Cart = load(&*stores.carts, cart_of(writer)).await.unwrap();
        for seq in seqs {
            let is_there = state.entries.contains_key(&Dot::new(WriterId(writer), seq));
            let record = stores.linear.read(LinearTable::Order, &record_key(writer, seq)).await.unwrap();
            if !is_there || record.is_none() {
                lost.push((writer, seq));
            }
        }
    }
    lost
}

fn cart_of(writer: u64) -> CartId {
    CartId(u128::from(writer).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

fn record_key(writer: u64, seq: u32) -> Vec<u8> {
    format!("{writer} {seq}").into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_is_waited_for_so_long_and_serves_again() {
    let Some(server) = server(Options::default()).await else { return };
    let options = hasty(&server.url());
    let most = options.operation_timeout + Duration::from_secs(1);
    DynamoDb::init(options.clone()).await.unwrap();
    let stores = DynamoDb::open(options).await.unwrap().stores();
    let key = RowKey { cart: cart_id(1), owner: owner() };
    let write = async || stores.carts.replace(&key, None, Bucket(0), stored(&add(1, 1, "A"))).await;

    let paused = Arc::clone(&server);
    blocking(move || paused.pause().unwrap()).await;
    let started = Instant::now();
    let (written, read) = tokio::join!(write(), load(&*stores.carts, cart_id(1)));
    let took = started.elapsed();
    assert!(took < most, "{took:?}");
    assert!(matches!(written, Err(StoreError::Indeterminate(_))), "{written:?}");
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");

    let resumed = Arc::clone(&server);
    blocking(move || resumed.resume().unwrap()).await;
    recovered(&stores).await;
    // The server may have taken in what it was sent while it stood still. Whichever way it went, the row is of this add.
    let settled = write().await.unwrap();
    let is_of_this_add = match settled {
        Replaced::Applied(version) => version == Version(1),
        Replaced::Conflict(row) => row.is_some_and(|row| row.bytes == stored(&add(1, 1, "A"))),
    };
    assert!(is_of_this_add);
    assert_eq!(load(&*stores.carts, cart_id(1)).await.unwrap(), add(1, 1, "A"));
}
