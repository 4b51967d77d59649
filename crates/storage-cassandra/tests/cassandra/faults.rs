//! A node that is killed, that stops, and a connection that ends in the middle of a write.

use crate::node;
use bytes::Bytes;
use engines::{
    Faults,
    cassandra::Cassandra,
    relay::{Relay, Way},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use storage::{
    Bucket, Consistency, DeltaKey, Replaced, RowKey, StoreError, Stores, Version,
    cart::{CartId, Dot, WriterId},
    conformance::sample::owner,
};
use storage_cassandra::CassandraOptions;

fn cart(number: u64) -> CartId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    CartId(id)
}

fn delta(of: CartId, seq: u32) -> DeltaKey {
    let operation = Dot::new(WriterId(1), seq);
    DeltaKey { cart: of, owner: owner(), bucket: Bucket(29_000_000), operation, value_hash: 0 }
}

async fn started() -> Option<Arc<Cassandra>> {
    node::blocking(|| engines::or_skip(Cassandra::start()).map(Arc::new)).await
}

/// Waits until the store takes writes again.
async fn recovered(stores: &Stores) {
    node::until("the store takes writes again", || async {
        stores.carts.append(&delta(cart(u64::MAX), 1), Bytes::new()).await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_append_is_lost_when_the_node_is_killed_under_load() {
    const WRITERS: u64 = 32;
    let Some(server) = started().await else { return };
    let options = node::fresh(server.address(), "killed").await;
    let stores = storage_cassandra::open(&options).await.unwrap();
    let (ends, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers = (0..WRITERS).map(|writer| {
        let (stores, ends, acknowledged) = (stores.clone(), ends.clone(), acknowledged.clone());
        tokio::spawn(async move {
            let (mut kept, mut errors) = (Vec::new(), Vec::new());
            for seq in 1.. {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                match stores.carts.append(&delta(cart(writer), seq), Bytes::from(seq.to_string())).await {
                    Ok(()) => {
                        kept.push(seq);
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => errors.push(error),
                }
            }
            (writer, kept, errors)
        })
    });
    let writers: Vec<_> = writers.collect();
    let count = || acknowledged.load(Ordering::Relaxed);
    node::until("the node takes load", || async { (count() > 2_000).then_some(()) }).await;
    let killed = server.clone();
    node::blocking(move || killed.kill()).await.unwrap();
    ends.store(true, Ordering::Relaxed);
    let (mut expected, mut errors) = (BTreeMap::new(), Vec::new());
    for writer in writers {
        let (writer, kept, met) = writer.await.unwrap();
        expected.insert(writer, kept);
        errors.extend(met);
    }
    let is_bounded =
        |error: &StoreError| matches!(error, StoreError::Unavailable(_) | StoreError::Indeterminate(_));
    assert!(errors.iter().all(is_bounded), "{errors:?}");
    let _server = node::blocking(move || server.restart().map(|()| server)).await.unwrap();
    recovered(&stores).await;
    for (writer, kept) in expected {
        let rows = stores.carts.load(cart(writer), Consistency::Strong).await.unwrap();
        let there: Vec<u32> = rows.deltas.iter().map(|delta| delta.key.operation.seq).collect();
        assert!(
            kept.iter().all(|seq| there.contains(seq)),
            "writer {writer}: {kept:?} acknowledged, {there:?} kept"
        );
    }
    eprintln!("{} acknowledged before the kill, none lost, {} errors", count(), errors.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still_gives_errors_in_time_and_is_used_again_when_it_goes_on() {
    let Some(server) = started().await else { return };
    let options = CassandraOptions {
        request_timeout: Duration::from_millis(400),
        conditional_timeout: Duration::from_millis(600),
        ..node::fresh(server.address(), "paused").await
    };
    let stores = storage_cassandra::open(&options).await.unwrap();
    recovered(&stores).await;
    let paused = server.clone();
    node::blocking(move || paused.pause()).await.unwrap();
    let began = Instant::now();
    let (key, named) = (RowKey { cart: cart(1), owner: owner() }, delta(cart(1), 1));
    for _ in 0..3 {
        let (append, load, replace) = tokio::join!(
            stores.carts.append(&named, Bytes::new()),
            stores.carts.load(cart(1), Consistency::Eventual),
            stores.carts.replace(&key, None, Bucket(0), Bytes::new()),
        );
        assert!(append.unwrap_err().may_be_applied());
        assert!(replace.unwrap_err().may_be_applied());
        assert!(matches!(load.unwrap_err(), StoreError::Unavailable(_)));
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let _server = node::blocking(move || server.resume().map(|()| server)).await.unwrap();
    recovered(&stores).await;
    // The writes whose outcome nobody knew may still be decided, each between a look and a write: then the look was at
    // another version than there is. Once they are, a write is.
    let written = node::until("the own row can be written", || async {
        let rows = stores.carts.load(cart(1), Consistency::Strong).await.ok()?;
        let expected = rows.snapshots.first().map(|row| row.version);
        match stores.carts.replace(&key, expected, Bucket(0), Bytes::from_static(b"settled")).await.ok()? {
            Replaced::Applied(version) => Some((version, expected)),
            Replaced::Conflict(row) => {
                assert_ne!(row.map(|row| row.version), expected, "a conflict with what was expected");
                None
            }
        }
    });
    let (version, expected) = written.await;
    assert_eq!(version, expected.map_or(Version(1), |expected| Version(expected.0 + 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_is_lost_may_be_applied_and_is_there_when_it_is_looked_for() {
    let Some(address) = node::shared().await else { return };
    node::fresh(address, "cut").await;
    let relay = Relay::to(address).unwrap();
    let stores = storage_cassandra::open(&node::behind(&relay, address, "cut")).await.unwrap();
    recovered(&stores).await;
    let key = RowKey { cart: cart(1), owner: owner() };

    relay.cut_after(Way::ToClient, 0);
    let append = stores.carts.append(&delta(cart(1), 1), Bytes::from_static(b"delta")).await;
    assert!(append.unwrap_err().may_be_applied());
    recovered(&stores).await;
    relay.cut_after(Way::ToClient, 0);
    let replace = stores.carts.replace(&key, None, Bucket(0), Bytes::from_static(b"row")).await;
    assert!(replace.unwrap_err().may_be_applied());
    recovered(&stores).await;
    let rows = stores.carts.load(cart(1), Consistency::Strong).await.unwrap();
    assert_eq!((rows.snapshots[0].version, rows.deltas.len()), (Version(1), 1));

    relay.cut_after(Way::ToServer, 40);
    let torn = stores.carts.append(&delta(cart(2), 1), Bytes::from(vec![7; 10_000])).await;
    assert!(torn.unwrap_err().may_be_applied(), "nobody can know");
    recovered(&stores).await;
    let rows = stores.carts.load(cart(2), Consistency::Strong).await.unwrap();
    assert_eq!(rows.deltas.len(), 0, "half a request is none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_refused_before_it_is_sent_counts_as_applied() {
    let Some(address) = node::shared().await else { return };
    node::fresh(address, "refused").await;
    let relay = Relay::to(address).unwrap();
    let stores = storage_cassandra::open(&node::behind(&relay, address, "refused")).await.unwrap();
    recovered(&stores).await;
    relay.refuse();
    relay.cut();
    let refused = node::until("the store knows that nobody is there", || async {
        let append = stores.carts.append(&delta(cart(1), 1), Bytes::new()).await;
        append.err().filter(|error| !error.may_be_applied())
    });
    assert!(matches!(refused.await, StoreError::Unavailable(_)));
    relay.heal();
    recovered(&stores).await;
}
