//! Servers and networks that do not answer: every call ends, says whether its write may have been applied, and spoils
//! nothing for the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engines::Faults;
use engines::relay::{Relay, Way};
use storage::conformance::sample::{add, cart_id, delta_key, load, stored};
use storage::{StoreError, Stores};
use storage_postgres::{PostgresOptions, Timeouts};

use crate::setup::{blocking, eventually, open, options, own};

fn hasty(options: PostgresOptions) -> PostgresOptions {
    let timeouts = Timeouts {
        pool_wait: Duration::from_millis(300),
        connect: Duration::from_millis(500),
        statement: Duration::from_millis(300),
        ..Timeouts::default()
    };
    PostgresOptions { timeouts, ..options }
}

async fn append(stores: &Stores, seq: u32) -> Result<(), StoreError> {
    stores.carts.append(&delta_key(cart_id(1), 1, seq, 5), stored(&add(1, seq, "A"))).await
}

async fn shown(stores: &Stores) -> usize {
    load(&*stores.carts, cart_id(1)).await.unwrap().entries.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_gives_bounded_errors_and_is_used_again_when_it_goes_on() {
    let Some(server) = own().await else { return };
    let engine = open(&hasty(options(&[server.url()]))).await;
    let stores = engine.stores();
    append(&stores, 1).await.unwrap();
    let server = blocking(move || server.pause().map(|()| server).unwrap()).await;
    let tasks: Vec<_> = (0..12_u32)
        .map(|task| {
            let stores = stores.clone();
            tokio::spawn(async move {
                let mut longest = Duration::ZERO;
                for seq in 0..3 {
                    let started = Instant::now();
                    append(&stores, 100 + task * 3 + seq).await.unwrap_err();
                    longest = longest.max(started.elapsed());
                }
                longest
            })
        })
        .collect();
    for task in tasks {
        let longest = task.await.unwrap();
        // Waiting for a connection, making one, preparing, executing; and a busy machine.
        assert!(longest < Duration::from_millis(3_500), "{longest:?}");
    }
    let _server = blocking(move || server.resume().map(|()| server).unwrap()).await;
    eventually("writes go on", async || append(&stores, 2).await.is_ok()).await;
    assert!(shown(&stores).await >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_is_lost_is_indeterminate_and_may_be_there() {
    let Some((_server, relay, stores)) = behind_a_relay().await else { return };
    append(&stores, 1).await.unwrap();
    relay.cut_after(Way::ToClient, 0);
    let error = append(&stores, 2).await.unwrap_err();
    assert!(matches!(error, StoreError::Indeterminate(_)), "{error:?}");
    eventually("the write that was under way is there", async || shown(&stores).await == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_cut_in_two_is_indeterminate_and_is_not_there() {
    let Some((_server, relay, stores)) = behind_a_relay().await else { return };
    append(&stores, 1).await.unwrap();
    relay.cut_after(Way::ToServer, 40);
    let error = append(&stores, 2).await.unwrap_err();
    assert!(matches!(error, StoreError::Indeterminate(_)), "{error:?}");
    assert_eq!(shown(&stores).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_reached_is_unavailable_and_nothing_is_applied() {
    let Some((_server, relay, stores)) = behind_a_relay().await else { return };
    append(&stores, 1).await.unwrap();
    blocking({
        let relay = Arc::clone(&relay);
        move || {
            relay.refuse();
            relay.cut();
        }
    })
    .await;
    eventually("connections are found to be gone", async || {
        matches!(append(&stores, 2).await, Err(StoreError::Unavailable(_)))
    })
    .await;
    let error = append(&stores, 3).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    blocking({
        let relay = Arc::clone(&relay);
        move || relay.heal()
    })
    .await;
    eventually("the server is reached again", async || append(&stores, 4).await.is_ok()).await;
    let rows = stores.carts.load(cart_id(1), storage::Consistency::Strong).await.unwrap();
    assert!(rows.deltas.iter().all(|row| row.key.operation.seq != 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_spoils_nothing() {
    let Some((_server, relay, stores)) = behind_a_relay().await else { return };
    append(&stores, 1).await.unwrap();
    blocking({
        let relay = Arc::clone(&relay);
        move || relay.delay(Duration::from_millis(50))
    })
    .await;
    for seq in 2..20 {
        let gone = tokio::time::timeout(Duration::from_millis(20), append(&stores, seq)).await;
        assert!(gone.is_err(), "the relay holds answers back");
    }
    blocking({
        let relay = Arc::clone(&relay);
        move || relay.heal()
    })
    .await;
    for seq in 100..110 {
        append(&stores, seq).await.unwrap();
        let rows = stores.carts.load(cart_id(1), storage::Consistency::Strong).await.unwrap();
        assert!(rows.deltas.iter().any(|row| row.key.operation.seq == seq), "an answer of another question");
    }
}

/// A server, a relay in front of it, and stores that reach it through the relay.
async fn behind_a_relay() -> Option<(engines::postgres::Postgres, Arc<Relay>, Stores)> {
    let server = own().await?;
    let relay = Relay::to(server.address()).unwrap();
    let url = format!("postgres://{}@{}/postgres", engines::postgres::USER, relay.address());
    let engine = open(&hasty(options(&[url]))).await;
    Some((server, Arc::new(relay), engine.stores()))
}
