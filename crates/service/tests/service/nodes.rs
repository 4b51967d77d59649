//! Two nodes over one store: they lose races against each other, and nothing else.

use crate::world::{PATHS, World, add, client, key, on_both_paths, remove, seen, shown};

#[tokio::test(start_paused = true)]
async fn three_hundred_and_twenty_adds_at_two_nodes_all_count() {
    for path in PATHS {
        let world = World::with(path, |settings| settings.write_attempts_max = 64).await;
        let here = world.account("ann");
        let there = here.at(&world.another_node());
        // Reads and writes of the two nodes alternate, so that they conflict.
        let adds = (0..320).map(|number| {
            let shopper = if number % 2 == 0 { here.clone() } else { there.clone() };
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                shopper.add("A", 1).await
            })
        });
        for add in adds.collect::<Vec<_>>() {
            add.await.unwrap();
        }
        assert_eq!(here.shows().await, "A 320", "{path:?}");
        assert_eq!(there.shows().await, "A 320", "{path:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_loses_the_race_joins_what_won_it() {
    on_both_paths(async |world| {
        let here = world.account("ann");
        let there = here.at(&world.another_node());
        let first = here.add("A", 3).await;
        let loaded = world.gate.hold_next("write");
        let slow = {
            let here = here.clone();
            tokio::spawn(async move { here.change(remove("A", seen(&first, "A"))).await })
        };
        loaded.arrived().await;
        there.add("A", 1).await;
        there.add("B", 1).await;
        loaded.open();
        slow.await.unwrap().unwrap();
        assert_eq!(here.shows().await, "A 1, B 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_at_another_node_while_the_first_attempt_is_under_way_counts_once() {
    for identity in [client(1, 1), key("k", "p")] {
        on_both_paths(async |world| {
            let here = world.account("ann");
            let there = here.at(&world.another_node());
            let loaded = world.gate.hold_next("write");
            let slow = {
                let (here, identity) = (here.clone(), identity.clone());
                tokio::spawn(async move { here.change_as(&identity, add("A", 2)).await })
            };
            loaded.arrived().await;
            there.change_as(&identity, add("A", 2)).await.unwrap();
            loaded.open();
            slow.await.unwrap().unwrap();
            assert_eq!(here.shows().await, "A 2");
            assert!(there.change_as(&identity, add("A", 2)).await.unwrap().replayed);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_starts_again_counts_under_another_writer() {
    on_both_paths(async |world| {
        let shopper = world.account("ann");
        shopper.add("A", 1).await;
        shopper.change(remove("A", None)).await.unwrap();
        let restarted = shopper.at(&world.another_node());
        let answer = restarted.add("A", 2).await;
        assert_eq!(shown(&answer), "A 2");
        assert_eq!(answer.state.context.writers().count(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn operations_on_one_cart_queue_and_those_on_others_do_not_wait() {
    on_both_paths(async |world: World| {
        let (one, other) = (world.guest(), world.guest());
        let held = world.gate.hold_next("write");
        let first = {
            let one = one.clone();
            tokio::spawn(async move { one.add("A", 1).await })
        };
        held.arrived().await;
        let second = {
            let one = one.clone();
            tokio::spawn(async move { one.add("A", 1).await })
        };
        assert_eq!(shown(&other.add("A", 1).await), "A 1");
        // Reads of the cart that is being written do not wait either.
        assert_eq!(one.shows().await, "");
        assert!(!second.is_finished());
        held.open();
        assert_eq!(shown(&first.await.unwrap()), "A 1");
        assert_eq!(shown(&second.await.unwrap()), "A 2");
    })
    .await;
}
