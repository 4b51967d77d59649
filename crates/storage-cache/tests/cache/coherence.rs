//! Two nodes of one deployment: what one writes, the other is told, or finds out by age.

use crate::ground::{self, POLICIES, Tiers, cart, engine, node, options, shown, until, write};
use engines::relay::Relay;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use storage::Stores;
use storage_cache::{CacheHandle, CacheOptions, Coherence, Policy, RedisUrl};

fn relay_to(url: &str) -> Relay {
    let address: SocketAddr = url.strip_prefix("redis://").unwrap().parse().unwrap();
    Relay::to(address).unwrap()
}

/// The same deployment, reached by another way.
fn through(relay: &Relay, options: &CacheOptions) -> CacheOptions {
    let mut options = options.clone();
    if let Some(redis) = &mut options.redis {
        redis.url = RedisUrl::parse(&format!("redis://{}", relay.address())).unwrap();
    }
    options
}

/// A message of a write before may drop the first fill.
async fn has_a_copy(stores: &Stores, handle: &CacheHandle) {
    until("it has a copy", async || shown(stores, cart(1)).await == 1 && handle.local_carts() == 1).await;
}

#[tokio::test]
async fn what_one_node_writes_leaves_the_other_nodes_process() {
    let Some(url) = ground::redis().await else { return };
    for policy in POLICIES {
        let (stores, watched) = engine();
        let options = options(policy, Tiers::Both, &url);
        let ((first, _a), (second, _b)) = (node(&stores, &options).await, node(&stores, &options).await);
        write(&first, cart(1), 0).await.unwrap();
        assert_eq!((shown(&second, cart(1)).await, shown(&second, cart(1)).await), (1, 1));
        let loads = watched.loads();
        write(&first, cart(1), 1).await.unwrap();
        until("the other node is told", async || shown(&second, cart(1)).await == 2).await;
        let expected = match policy {
            Policy::WriteThrough => 0, // Redis had taken the write in
            Policy::WriteAround => 1,
        };
        assert_eq!(watched.loads() - loads, expected, "{policy:?}");
    }
}

#[tokio::test]
async fn a_node_does_not_drop_what_it_wrote_itself() {
    let Some(url) = ground::redis().await else { return };
    let (stores, watched) = engine();
    let (stores, handle) = node(&stores, &options(Policy::WriteThrough, Tiers::Both, &url)).await;
    shown(&stores, cart(1)).await;
    let loads = watched.loads();
    for before in 0..50 {
        write(&stores, cart(1), before).await.unwrap();
        assert_eq!(shown(&stores, cart(1)).await, before + 1);
    }
    assert_eq!((watched.loads(), handle.local_carts()), (loads, 1), "every write was taken in");
}

#[tokio::test]
async fn a_node_that_cannot_hear_drops_its_copies_and_asks_the_engine_until_it_hears_again() {
    let Some(url) = ground::redis().await else { return };
    let (stores, watched) = engine();
    let options = options(Policy::WriteAround, Tiers::Both, &url);
    let relay = relay_to(&url);
    let (first, _a) = node(&stores, &options).await;
    let (second, handle) = node(&stores, &through(&relay, &options)).await;
    write(&first, cart(1), 0).await.unwrap();
    has_a_copy(&second, &handle).await;
    relay.refuse();
    relay.cut();
    until("the loss is noticed", async || handle.local_is_served() == Some(false)).await;
    assert_eq!(handle.local_carts(), 0);
    write(&first, cart(1), 1).await.unwrap();
    let loads = watched.loads();
    assert_eq!((shown(&second, cart(1)).await, shown(&second, cart(1)).await), (2, 2));
    assert_eq!(watched.loads(), loads + 2, "nothing is kept meanwhile");
    relay.heal();
    until("it hears again", async || handle.local_is_served() == Some(true)).await;
    assert_eq!(shown(&second, cart(1)).await, 2);
    write(&first, cart(1), 2).await.unwrap();
    until("it is told again", async || shown(&second, cart(1)).await == 3).await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_arrives_any_more_is_noticed_without_a_request() {
    let Some(url) = ground::redis().await else { return };
    let (stores, _) = engine();
    let relay = relay_to(&url);
    let (_stores, handle) =
        node(&stores, &through(&relay, &options(Policy::WriteAround, Tiers::Both, &url))).await;
    relay.delay(Duration::from_secs(600));
    let since = Instant::now();
    until("the silence is noticed", async || handle.local_is_served() == Some(false)).await;
    assert!(since.elapsed() < Duration::from_secs(5), "only after {:?}", since.elapsed());
}

#[tokio::test]
async fn a_node_that_may_go_on_unheard_keeps_its_copies_until_it_hears_again() {
    let Some(url) = ground::redis().await else { return };
    let (stores, _) = engine();
    let mut options = options(Policy::WriteAround, Tiers::Both, &url);
    options.coherence = Coherence::PublishedElseAged;
    let relay = relay_to(&url);
    let (first, _a) = node(&stores, &options).await;
    let (second, handle) = node(&stores, &through(&relay, &options)).await;
    write(&first, cart(1), 0).await.unwrap();
    has_a_copy(&second, &handle).await;
    relay.refuse();
    relay.cut();
    until("the loss is noticed", async || handle.redis_is_up() == Some(false)).await;
    write(&first, cart(1), 1).await.unwrap();
    assert_eq!(shown(&second, cart(1)).await, 1, "bounded by its age alone");
    relay.heal();
    until("what went unheard is dropped", async || shown(&second, cart(1)).await == 2).await;
}

#[tokio::test]
async fn without_messages_a_copy_is_stale_for_its_age_at_most() {
    let (stores, watched) = engine();
    let mut options = CacheOptions::local(Policy::WriteAround);
    options.local_max_age = Duration::from_millis(300);
    let ((first, _a), (second, _b)) = (node(&stores, &options).await, node(&stores, &options).await);
    write(&first, cart(1), 0).await.unwrap();
    let since = Instant::now();
    assert_eq!(shown(&second, cart(1)).await, 1);
    write(&first, cart(1), 1).await.unwrap();
    let loads = watched.loads();
    until("its age is over", async || shown(&second, cart(1)).await == 2).await;
    assert!(since.elapsed() >= options.local_max_age, "it was not kept at all");
    assert_eq!(watched.loads(), loads + 1);
}

#[tokio::test]
async fn rows_of_another_owner_are_shown_late_by_the_greatest_age_at_most() {
    let Some(url) = ground::redis().await else { return };
    for tiers in ground::TIERS {
        let (bare, _) = engine();
        let mut options = options(Policy::WriteThrough, tiers, &url);
        options.max_age = Duration::from_millis(400);
        let (stores, _handle) = node(&bare, &options).await;
        shown(&stores, cart(1)).await;
        // By replication, past this deployment.
        write(&bare, cart(1), 0).await.unwrap();
        until("the age is over", async || shown(&stores, cart(1)).await == 1).await;
    }
}

#[tokio::test]
async fn a_strong_load_goes_past_the_caches_and_refreshes_them() {
    let Some(url) = ground::redis().await else { return };
    for tiers in ground::TIERS {
        let (bare, watched) = engine();
        let (stores, _handle) = node(&bare, &options(Policy::WriteAround, tiers, &url)).await;
        assert_eq!((shown(&stores, cart(1)).await, shown(&stores, cart(1)).await), (0, 0));
        write(&bare, cart(1), 0).await.unwrap();
        assert_eq!(shown(&stores, cart(1)).await, 0, "{tiers:?}: nobody told it");
        let strong = stores.carts.load(cart(1), storage::Consistency::Strong).await.unwrap();
        assert_eq!(strong.snapshots.len(), 1);
        let loads = watched.loads();
        assert_eq!((shown(&stores, cart(1)).await, watched.loads()), (1, loads), "{tiers:?}");
    }
}
