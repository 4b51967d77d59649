//! Reads from replicas: stale where that is allowed, and the primary's where it is not or no replica is fit.

use std::time::Duration;

use engines::Faults;
use engines::postgres::{Postgres as Server, Replica};
use storage::conformance::sample::{add, cart_id, delta_key, joined, stored};
use storage::{Consistency, Stores};
use storage_postgres::PostgresOptions;
use tokio::sync::OnceCell;

use crate::setup::{blocking, eventually, open, options};

/// A primary and its replica, to which nothing bad is done; their addresses.
pub(crate) async fn shared_pair() -> Option<(String, String)> {
    static PAIR: OnceCell<Option<(Server, Replica)>> = OnceCell::const_new();
    let pair = PAIR.get_or_init(own_pair).await.as_ref()?;
    Some((pair.0.url(), pair.1.url()))
}

async fn own_pair() -> Option<(Server, Replica)> {
    blocking(|| {
        let primary = engines::or_skip(Server::start())?;
        let replica = primary.replica().unwrap();
        Some((primary, replica))
    })
    .await
}

fn replicated(primary: &Server, replicas: &[&Replica]) -> PostgresOptions {
    let mut options = options(&[primary.url()]);
    options.shards[0].replicas = replicas.iter().map(|replica| replica.url().parse().unwrap()).collect();
    options.replica_check_every = Duration::from_millis(100);
    options.replica_lag_max = Duration::from_secs(60);
    options
}

async fn append(stores: &Stores, seq: u32) {
    let key = delta_key(cart_id(1), 1, seq, 5);
    stores.carts.append(&key, stored(&add(1, seq, "A"))).await.unwrap();
}

/// How many adds a read shows.
async fn shown(stores: &Stores, consistency: Consistency) -> usize {
    joined(&stores.carts.load(cart_id(1), consistency).await.unwrap()).unwrap().entries.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_behind_makes_eventual_reads_stale_and_no_others() {
    let Some((primary, replica)) = own_pair().await else { return };
    let engine = open(&replicated(&primary, &[&replica])).await;
    let stores = engine.stores();
    append(&stores, 1).await;
    let pause = move || {
        replica.catch_up(&primary)?;
        replica.pause_replay().map(|()| (primary, replica))
    };
    let (_primary, replica) = blocking(move || pause().unwrap()).await;
    append(&stores, 2).await;
    assert_eq!(shown(&stores, Consistency::Strong).await, 2);
    let stale = async || shown(&stores, Consistency::Eventual).await == 1;
    eventually("an eventual read shows what the replica has", stale).await;
    assert_eq!(shown(&stores, Consistency::Strong).await, 2);
    let _replica = blocking(move || replica.resume_replay().map(|()| replica).unwrap()).await;
    eventually("the replica catches up", async || shown(&stores, Consistency::Eventual).await == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_too_far_behind_is_not_read_until_it_has_caught_up() {
    let Some((primary, replica)) = own_pair().await else { return };
    let mut options = replicated(&primary, &[&replica]);
    options.replica_lag_max = Duration::from_millis(500);
    let engine = open(&options).await;
    let stores = engine.stores();
    let replica = blocking(move || replica.pause_replay().map(|()| replica).unwrap()).await;
    append(&stores, 1).await;
    eventually("the primary is asked", async || shown(&stores, Consistency::Eventual).await == 1).await;
    blocking(move || replica.resume_replay().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eventual_reads_are_the_primarys_where_no_replica_answers() {
    let Some((primary, replica)) = own_pair().await else { return };
    let engine = open(&replicated(&primary, &[&replica])).await;
    let stores = engine.stores();
    append(&stores, 1).await;
    let replica = blocking(move || replica.kill().map(|()| replica).unwrap()).await;
    assert_eq!(shown(&stores, Consistency::Eventual).await, 1);
    let again = move || {
        replica.restart()?;
        replica.catch_up(&primary)?;
        replica.pause_replay().map(|()| (primary, replica))
    };
    let _pair = blocking(move || again().unwrap()).await;
    append(&stores, 2).await;
    eventually("the replica is read again", async || shown(&stores, Consistency::Eventual).await == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_stands_still_costs_one_read_its_limit_and_no_more() {
    let Some((primary, replica)) = own_pair().await else { return };
    let engine = open(&replicated(&primary, &[&replica])).await;
    let stores = engine.stores();
    append(&stores, 1).await;
    let replica = blocking(move || replica.pause().map(|()| replica).unwrap()).await;
    let started = std::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(shown(&stores, Consistency::Eventual).await, 1);
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    blocking(move || replica.resume().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_follows_nobody_is_not_read() {
    let Some(url) = crate::setup::shared().await else { return };
    let mut options = options(std::slice::from_ref(&url));
    options.shards[0].replicas =
        vec![url.parse().unwrap(), "postgres://postgres@127.0.0.1:1/postgres".parse().unwrap()];
    let engine = open(&options).await;
    append(&engine.stores(), 1).await;
    assert_eq!(shown(&engine.stores(), Consistency::Eventual).await, 1);
}
