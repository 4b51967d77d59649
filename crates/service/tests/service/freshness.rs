//! The freshness token: nobody reads less than they were shown, or is told so.

use crate::world::{Shopper, World, add, on_both_paths, shown};
use cart::token::{Freshness, RowSeen};
use service::{Conditions, Presented};
use storage::layer::fault::Fault;

fn having_seen(shopper: &Shopper, freshness: &Freshness) -> Shopper {
    shopper.demanding(Conditions {
        if_match: None,
        presented: Presented { freshness: Some(freshness.clone()), receipt: None },
    })
}

/// A shopper whose replica stopped before the last add, and what the shopper was shown with it.
async fn behind_a_replica(world: &World) -> (Shopper, Freshness) {
    let shopper = world.account("ann");
    let cart = shopper.add("A", 1).await.cart;
    world.gate.freeze_replica(&*world.stores.carts, &[cart]).await;
    let freshness = shopper.add("A", 2).await.freshness;
    (shopper, freshness)
}

#[tokio::test(start_paused = true)]
async fn a_read_behind_the_token_is_made_strong() {
    on_both_paths(async |world| {
        let (shopper, freshness) = behind_a_replica(&world).await;
        assert_eq!(shopper.shows().await, "A 1");
        let read = having_seen(&shopper, &freshness).read().await;
        assert_eq!((shown(&read).as_str(), read.lagging), ("A 3", false));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_covered_gives_what_there_is_and_says_that_it_lags() {
    on_both_paths(async |world| {
        let (shopper, freshness) = behind_a_replica(&world).await;
        let elsewhere = RowSeen { owner: "elsewhere.1".into(), version: 1 };
        let ahead = Freshness { rows: vec![elsewhere], ..freshness };
        let read = having_seen(&shopper, &ahead).read().await;
        assert_eq!((shown(&read).as_str(), read.lagging), ("A 3", true));
        let written = having_seen(&shopper, &ahead).add("A", 1).await;
        assert_eq!((shown(&written).as_str(), written.lagging), ("A 4", true));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_strong_read_that_fails_still_shows_the_cart_and_says_that_it_lags() {
    on_both_paths(async |world| {
        let (shopper, freshness) = behind_a_replica(&world).await;
        // The nearest replica answers by itself; what needs the others does not.
        let mut loads = 0;
        world.faults.set(move |name| {
            loads += u32::from(name == "load");
            if name == "load" && loads % 2 == 0 { Fault::Before } else { Fault::None }
        });
        let read = having_seen(&shopper, &freshness).read().await;
        assert_eq!((shown(&read).as_str(), read.lagging), ("A 1", true));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_cart_demands_nothing() {
    on_both_paths(async |world| {
        let (shopper, freshness) = behind_a_replica(&world).await;
        let other = world.guest();
        let answer = having_seen(&other, &freshness).add("B", 1).await;
        assert_eq!((shown(&answer).as_str(), answer.lagging), ("B 1", false));
        assert_eq!(shopper.shows().await, "A 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_write_behind_a_stale_replica_loses_nothing() {
    on_both_paths(async |world| {
        let (shopper, _) = behind_a_replica(&world).await;
        shopper.change(add("A", 4)).await.unwrap();
        let fresh = shopper.at(&world.another_node());
        world.gate.freeze_replica(&*world.stores.carts, &[]).await;
        assert_eq!(fresh.shows().await, "A 7");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_covers_its_own_token() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let answer = shopper.add("A", 1).await;
        let read = having_seen(&shopper, &answer.freshness).read().await;
        assert!(!read.lagging);
        assert!(answer.freshness.is_covered_by(&read.state, &read.freshness.rows));
    })
    .await;
}
