//! A cart that has been changed for long reads like a new one, and whoever folds finds what waits.

use crate::node;
use bytes::Bytes;
use engines::{Faults, cassandra::Cassandra};
use futures::{StreamExt, TryStreamExt, stream};
use scylla::{client::session::Session, observability::tracing::TracingInfo, statement::Statement};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use storage::{
    Bucket, CartStore, Consistency, DeltaKey, Replaced, RowKey, Version,
    cart::{CartId, Dot, WriterId},
    conformance::sample::owner,
};

const CART: CartId = CartId([7; 16]);
/// How often one delta is sent at most.
const SENT_MAX: usize = 10;
const SELECT: &str = "SELECT bucket, writer, seq, value_hash, version, folded_through, bytes FROM deltas.carts \
                      WHERE cart = ? AND owner = ? AND bucket > ?";

fn key() -> RowKey {
    RowKey { cart: CART, owner: owner() }
}

async fn append(carts: &dyn CartStore, bucket: u64, seqs: std::ops::Range<u32>) {
    let appends = seqs.map(|seq| async move {
        let operation = Dot::new(WriterId(1), seq);
        let key = DeltaKey { cart: CART, owner: owner(), bucket: Bucket(bucket), operation, value_hash: 0 };
        insert(carts, &key).await
    });
    stream::iter(appends).buffer_unordered(32).try_collect::<()>().await.unwrap();
}

/// Inserts a delta, and again where nobody knows: a node on a busy disk answers late.
async fn insert(carts: &dyn CartStore, key: &DeltaKey) -> storage::error::Result<()> {
    let mut inserted = Ok(());
    for _ in 0..SENT_MAX {
        inserted = carts.append(key, Bytes::from(vec![7; 80])).await;
        if !matches!(&inserted, Err(error) if error.may_be_applied()) {
            break;
        }
    }
    inserted
}

async fn fold(carts: &dyn CartStore, expected: Option<Version>, through: u64) -> Version {
    let folded = carts.replace(&key(), expected, Bucket(through), Bytes::from(vec![7; 300])).await.unwrap();
    let Replaced::Applied(version) = folded else { panic!("nobody else folds: {folded:?}") };
    version
}

/// Starts the node again without warning: what was in memory comes out of its log and goes to a file.
async fn to_files(server: Arc<Cassandra>) -> Arc<Cassandra> {
    node::blocking(move || server.kill().and_then(|()| server.restart()).map(|()| server)).await.unwrap()
}

/// The middle and the slowest hundredth of 200 loads.
async fn load_times(carts: &dyn CartStore) -> (Duration, Duration) {
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        carts.load(CART, Consistency::Eventual).await.unwrap();
        times.push(began.elapsed());
    }
    times.sort();
    (times[100], times[197])
}

/// What the server says it read for the store's own statement from a bucket on: live rows and tombstones.
async fn read_by_server(session: &Session, from: i64) -> (u64, u64) {
    let mut select = Statement::new(SELECT);
    select.set_tracing(true);
    select.set_page_size(100);
    let values = (&CART.0[..], owner().as_str().to_owned(), from);
    let (answer, _) = session.query_single_page(select, values, Default::default()).await.unwrap();
    let id = answer.tracing_id().unwrap();
    // The server writes what it did event by event, while it answers.
    node::until("the trace says what was read", || async { told(&session.get_tracing_info(&id).await.ok()?) })
        .await
}

fn told(trace: &TracingInfo) -> Option<(u64, u64)> {
    let activities = trace.events.iter().filter_map(|event| event.activity.as_deref());
    activities.filter_map(|activity| activity.strip_prefix("Read ")).find_map(|counts| {
        let (live, rest) = counts.split_once(" live rows and ")?;
        Some((live.parse().ok()?, rest.split_once(' ')?.0.parse().ok()?))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cart_changed_ten_thousand_times_reads_what_is_not_folded_and_no_tombstone() {
    let Some(address) = node::shared().await else { return };
    let options = node::fresh(address, "deltas").await;
    let (session, stores) = (node::session(address).await, storage_cassandra::open(&options).await.unwrap());
    let carts = &*stores.carts;
    let (mut version, mut first) = (None, None);
    for round in 1..=20_u32 {
        let (bucket, seqs) = (u64::from(round) * 10, round * 500..(round + 1) * 500);
        append(carts, bucket, seqs).await;
        version = Some(fold(carts, version, bucket).await);
        if round > 2 {
            carts.remove_deltas(&key(), Bucket(bucket - 20)).await.unwrap();
        }
        append(carts, bucket + 1, 1..6).await;
        let rows = carts.load(CART, Consistency::Strong).await.unwrap();
        assert_eq!((rows.snapshots.len(), rows.deltas.len()), (1, 5), "round {round}");
        let (live, tombstones) = read_by_server(&session, i64::try_from(bucket).unwrap()).await;
        assert_eq!((live, tombstones), (6, 0), "round {round}");
        if round == 1 {
            first = Some(load_times(carts).await);
        }
    }
    let last = load_times(carts).await;
    let from_the_start = read_by_server(&session, -1).await;
    eprintln!(
        "p50, p99 of a load after 500 changes {first:?}, after 10,000 {last:?}; without a pointer, the first page \
               reads {from_the_start:?} live rows and tombstones"
    );
    // A process that knows nothing of the cart reads one page of what is folded and not deleted yet, and no more.
    let cold = storage_cassandra::open(&options).await.unwrap();
    let rows = cold.carts.load(CART, Consistency::Strong).await.unwrap();
    assert_eq!((rows.snapshots.len(), rows.deltas.len()), (1, 5));
    assert!(from_the_start.0 <= 101, "{from_the_start:?}");
    carts.remove_deltas(&key(), Bucket(200)).await.unwrap();
    let deleted = read_by_server(&session, -1).await;
    let cold = storage_cassandra::open(&options).await.unwrap();
    let began = Instant::now();
    cold.carts.load(CART, Consistency::Strong).await.unwrap();
    eprintln!(
        "with all of them deleted, without a pointer: {deleted:?}, first load in {:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_deltas_in_files_that_are_not_put_together_yet_lie_behind_the_pointer() {
    let started = node::blocking(|| engines::or_skip(Cassandra::start()).map(Arc::new));
    let Some(server) = started.await else { return };
    let address = server.address();
    let options = node::fresh(address, "deltas").await;
    {
        let stores = storage_cassandra::open(&options).await.unwrap();
        append(&*stores.carts, 10, 1..10_001).await;
        fold(&*stores.carts, None, 10).await;
    }
    let server = to_files(server).await;
    {
        let stores = storage_cassandra::open(&options).await.unwrap();
        stores.carts.remove_deltas(&key(), Bucket(10)).await.unwrap();
        append(&*stores.carts, 11, 1..6).await;
    }
    let _server = to_files(server).await;
    let (session, stores) = (node::session(address).await, storage_cassandra::open(&options).await.unwrap());
    let began = Instant::now();
    let rows = stores.carts.load(CART, Consistency::Strong).await.unwrap();
    let first = began.elapsed();
    assert_eq!((rows.snapshots.len(), rows.deltas.len()), (1, 5));
    assert_eq!(read_by_server(&session, 10).await, (6, 0));
    let without = read_by_server(&session, -1).await;
    assert!(without.0 == 6 && without.1 < 10, "{without:?}");
    eprintln!(
        "10,000 deleted in files: without a pointer {without:?} and {first:?} the first time, with it (6, 0) and \
               {:?}",
        load_times(&*stores.carts).await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_deltas_than_a_page_are_all_loaded_and_none_that_is_folded() {
    let Some(address) = node::shared().await else { return };
    let options = node::fresh(address, "pages").await;
    let stores = storage_cassandra::open(&options).await.unwrap();
    append(&*stores.carts, 10, 1..300).await;
    let version = fold(&*stores.carts, None, 10).await;
    append(&*stores.carts, 11, 300..551).await;
    let warm = stores.carts.load(CART, Consistency::Eventual).await.unwrap();
    let cold = storage_cassandra::open(&options).await.unwrap();
    let cold = cold.carts.load(CART, Consistency::Strong).await.unwrap();
    for rows in [warm, cold] {
        let mut seqs: Vec<u32> = rows.deltas.iter().map(|delta| delta.key.operation.seq).collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (300..551).collect::<Vec<_>>());
        assert_eq!(rows.snapshots[0].version, version);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cart_is_marked_again_after_a_fold_and_by_every_process_that_writes_it() {
    let Some(address) = node::shared().await else { return };
    let options = node::fresh(address, "marked").await;
    let a = storage_cassandra::open(&options).await.unwrap().carts;
    let b = storage_cassandra::open(&options).await.unwrap().carts;
    for carts in [&a, &b] {
        carts.register(&owner()).await.unwrap(); // as every process does at its start
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60;
    let mut version = None;
    for (round, carts) in [&a, &b, &a, &a, &b].into_iter().enumerate() {
        // Some within half an hour of each other, some not.
        let bucket = now + u64::try_from(round * round * 10).unwrap();
        append(&**carts, bucket, 1..4).await;
        assert_eq!(a.find_unfolded(&owner(), None, 10).await.unwrap(), [CART], "round {round}");
        version = Some(fold(&**carts, version, bucket).await);
        assert_eq!(b.find_unfolded(&owner(), None, 10).await.unwrap(), [], "round {round}");
        assert_eq!(b.scan(None, 10).await.unwrap(), [CART]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_may_be_as_long_as_the_caller_wants() {
    const CARTS: u16 = 2_500;
    let Some(address) = node::shared().await else { return };
    let options = node::fresh(address, "long_pages").await;
    let stores = storage_cassandra::open(&options).await.unwrap();
    let appends = (0..CARTS).map(|number| {
        let mut id = [0; 16];
        id[1..3].copy_from_slice(&number.to_be_bytes()); // all in one shard
        let operation = Dot::new(WriterId(1), 1);
        let key = DeltaKey { cart: CartId(id), owner: owner(), bucket: Bucket(10), operation, value_hash: 0 };
        let carts = stores.carts.clone();
        async move { carts.append(&key, Bytes::new()).await }
    });
    stream::iter(appends).buffer_unordered(32).try_collect::<()>().await.unwrap();
    for limit in [1, 999, 1_001, 2_400, 10_000] {
        let expected = limit.min(usize::from(CARTS));
        assert_eq!(stores.carts.scan(None, limit).await.unwrap().len(), expected, "{limit}");
        let unfolded = stores.carts.find_unfolded(&owner(), None, limit).await.unwrap();
        assert_eq!(unfolded.len(), expected, "{limit}");
    }
}
