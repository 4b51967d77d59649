//! Folding: reads get short, nothing gets lost, and what other regions may still need stays.

use crate::world::{Shopper, World, remove, seen, shown};
use cart::{CartId, planted};
use service::Service;
use std::time::Duration;
use storage::{CartRows, Consistency, Owner, RowKey, WritePath};

async fn rows(world: &World, cart: CartId) -> (usize, usize) {
    let CartRows { snapshots, deltas } = world.stores.carts.load(cart, Consistency::Strong).await.unwrap();
    (snapshots.len(), deltas.len())
}

async fn pass_minutes(minutes: u64) {
    tokio::time::advance(Duration::from_secs(60 * minutes)).await;
}

/// Folds on all paths that a cart of this shopper needs, and answers how many carts were folded.
async fn folded(service: &Service) -> usize {
    service.fold_all().await.unwrap()
}

async fn shop() -> World {
    World::with(WritePath::Append, |_| ()).await
}

/// A shopper with some changes.
async fn changed(world: &World, adds: u32) -> (Shopper, CartId) {
    let shopper = world.guest();
    for _ in 0..adds {
        shopper.add("A", 1).await;
    }
    let cart = shopper.cart().await;
    (shopper, cart)
}

#[tokio::test(start_paused = true)]
async fn changes_that_have_waited_become_one_row_that_shows_the_same() {
    let world = shop().await;
    let (shopper, cart) = changed(&world, 3).await;
    let removed = shopper.change(remove("A", seen(&shopper.read().await, "A"))).await.unwrap();
    shopper.add("B", 2).await;
    pass_minutes(11).await;
    assert_eq!(folded(&world.service).await, 1);
    assert_eq!(rows(&world, cart).await, (1, 0));
    assert_eq!(shopper.shows().await, "B 2", "{}", shown(&removed));
    shopper.add("A", 1).await;
    assert_eq!((shopper.shows().await.as_str(), rows(&world, cart).await), ("A 1, B 2", (1, 1)));
    assert_eq!(folded(&world.service).await, 0, "the new one has not waited");
}

#[tokio::test(start_paused = true)]
async fn what_an_insert_may_still_join_is_not_folded_and_many_wait_less() {
    let world = shop().await;
    let (_, few) = changed(&world, 3).await;
    let (_, many) = changed(&world, 50).await;
    pass_minutes(1).await;
    assert_eq!(folded(&world.service).await, 0);
    pass_minutes(3).await;
    assert_eq!(folded(&world.service).await, 1);
    assert_eq!((rows(&world, few).await, rows(&world, many).await), ((0, 3), (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn nodes_that_fold_and_write_at_once_lose_nothing() {
    let world = shop().await;
    let (shopper, cart) = changed(&world, 5).await;
    let there = shopper.at(&world.another_node());
    for round in 0..20 {
        pass_minutes(11).await;
        let folds = async { tokio::join!(folded(&world.service), folded(&there.service)) };
        tokio::join!(folds, shopper.add("A", 1), there.add("B", 1));
        assert_eq!(shopper.shows().await, format!("A {}, B {}", 6 + round, 1 + round));
    }
    assert_eq!(rows(&world, cart).await.0, 1);
}

/// What a replica shows that has the deltas and not yet the row.
async fn without_the_row(world: &World, cart: CartId) -> usize {
    let loaded = world.stores.carts.load(cart, Consistency::Strong).await.unwrap();
    let row = &loaded.snapshots[0];
    let key = RowKey { cart, owner: row.owner.clone() };
    world.stores.carts.remove(&key, row.version).await.unwrap();
    rows(world, cart).await.1
}

#[tokio::test(start_paused = true)]
async fn folded_deltas_stay_for_ten_days_and_as_long_as_another_region_may_need_them() {
    for has_another_region in [false, true] {
        let world = shop().await;
        if has_another_region {
            world.stores.carts.register(&Owner::new("elsewhere", 1)).await.unwrap();
        }
        let (shopper, cart) = changed(&world, 3).await;
        let later = if has_another_region { [5, 6] } else { [1, 1] };
        for (days, left) in [(1, 3), (1, 4), (11, later[0]), (1, later[1])] {
            world.environment.pass_days(days);
            assert_eq!(folded(&world.service).await, 1);
            let stored = world.stores.carts.load(cart, Consistency::Strong).await.unwrap();
            let (row, bytes) = (stored.snapshots[0].clone(), stored.snapshots[0].bytes.clone());
            assert_eq!(without_the_row(&world, cart).await, left, "after {days} more");
            let key = RowKey { cart, owner: row.owner.clone() };
            world.stores.carts.replace(&key, None, row.folded_through, bytes).await.unwrap();
            shopper.add("A", 1).await;
        }
        assert_eq!(shopper.shows().await, "A 7");
    }
}

#[tokio::test(start_paused = true)]
async fn deltas_that_are_deleted_with_the_fold_are_missed_by_a_region_without_it() {
    let world = shop().await;
    world.stores.carts.register(&Owner::new("elsewhere", 1)).await.unwrap();
    let (_, cart) = changed(&world, 3).await;
    pass_minutes(11).await;
    let bug = planted::plant(planted::Bug::P8DeltasDeletedEarly);
    assert_eq!(folded(&world.service).await, 1);
    drop(bug);
    assert_eq!(without_the_row(&world, cart).await, 0, "an acknowledged add is lost there");
}
