//! Writes whose outcome is unknown, or that were refused, at every attempt; and rows that cannot be read.

use crate::world::{Shopper, World, add, client, key, on_both_paths, remove, seen, set};
use cart::CartId;
use service::{Presented, ServiceError};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use storage::{
    Bucket, Consistency, DeltaKey, Owner, Replaced, RowKey, StoreError, WritePath, layer::fault::Fault,
};

const WRITES: &[&str] = &["replace", "append"];

/// From attempt `first` on, so many writes meet `fault`.
fn fail(world: &World, first: u32, count: u32, fault: Fault) {
    let mut attempt = 0;
    world.faults.set(move |name| {
        attempt += u32::from(WRITES.contains(&name));
        let meets = WRITES.contains(&name) && (first..first + count).contains(&attempt);
        if meets { fault } else { Fault::None }
    });
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_for_a_while_is_done_once() {
    for fault in [Fault::Before, Fault::After] {
        for failures in 1..=10 {
            on_both_paths(async |world| {
                let shopper = world.guest();
                shopper.add("A", 1).await;
                fail(&world, 1, failures, fault);
                shopper.add("A", 2).await;
                world.faults.heal();
                assert_eq!(shopper.shows().await, "A 3", "{fault:?} {failures} times");
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn none_of_many_adds_is_lost_or_doubled_wherever_an_answer_is_lost() {
    for every in 2..=5 {
        on_both_paths(async |world| {
            let shopper = world.guest();
            let mut writes = 0;
            world.faults.set(move |name| {
                writes += u32::from(WRITES.contains(&name));
                if WRITES.contains(&name) && writes % every == 0 { Fault::After } else { Fault::None }
            });
            let adds = (0..40).map(|_| shopper.add("A", 1));
            futures::future::join_all(adds).await;
            world.faults.heal();
            assert_eq!(shopper.shows().await, "A 40", "every {every}th");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_stays_unknown_is_said_to_be_unknown_and_a_repeat_settles_it() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        for (number, fault) in [(1, Fault::After), (2, Fault::Before)] {
            // All attempts fail; of those that were lost after they were applied the outcome is unknown, even when
            // the last ones were refused.
            let mut attempt = 0;
            world.faults.set(move |name| {
                attempt += u32::from(WRITES.contains(&name));
                match name {
                    "replace" | "append" if attempt == 1 => fault,
                    "replace" | "append" | "load" if attempt > 0 => Fault::Before,
                    _ => Fault::None,
                }
            });
            let identity = client(1, number);
            let error = shopper.change_as(&identity, add("A", 1)).await.unwrap_err();
            let ServiceError::Store(error) = error else { panic!("{error}") };
            assert_eq!(error.may_be_applied(), fault == Fault::After, "{error}");
            world.faults.heal();
            let repeat = shopper.change_as(&identity, add("A", 1)).await.unwrap();
            assert_eq!(repeat.replayed, fault == Fault::After);
        }
        assert_eq!(shopper.shows().await, "A 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_time_is_up_is_tried_no_more_and_a_repeat_settles_it() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        for (number, fault) in [(1, Fault::Before), (2, Fault::After)] {
            let attempts = Arc::new(AtomicU32::new(0));
            let (made, environment) = (attempts.clone(), world.environment.clone());
            world.faults.set(move |name| {
                if !WRITES.contains(&name) {
                    return Fault::None;
                }
                // Each takes far longer than a write may go on.
                environment.pass_days(1);
                made.fetch_add(1, Ordering::Relaxed);
                fault
            });
            let identity = client(1, number);
            let error = shopper.change_as(&identity, add("A", 1)).await.unwrap_err();
            let ServiceError::Store(error) = error else { panic!("{error}") };
            let attempts = attempts.load(Ordering::Relaxed);
            assert_eq!((attempts, error.may_be_applied()), (1, fault == Fault::After), "{error}");
            world.faults.heal();
            let repeat = shopper.change_as(&identity, add("A", 1)).await.unwrap();
            assert_eq!(repeat.replayed, fault == Fault::After);
        }
        assert_eq!(shopper.shows().await, "A 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_number_whose_outcome_is_unknown_is_not_used_again() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let mut attempt = 0;
        world.faults.set(move |name| {
            attempt += u32::from(WRITES.contains(&name));
            match name {
                "replace" | "append" => Fault::After,
                "load" if attempt > 0 => Fault::Before,
                _ => Fault::None,
            }
        });
        shopper.change(add("A", 1)).await.unwrap_err();
        world.faults.heal();
        shopper.add("A", 2).await;
        assert_eq!(shopper.shows().await, "A 3");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_number_that_may_be_stored_is_not_used_again_although_the_row_is_unreadable_now() {
    // The first attempt's outcome is unknown, and the next one meets a row that cannot be read.
    let world = World::new(WritePath::Replace).await;
    let shopper = world.guest();
    let cart = shopper.add("A", 1).await.cart;
    let good = world.stores.carts.load(cart, Consistency::Strong).await.unwrap().snapshots.remove(0);
    let stores = world.stores.clone();
    let mut attempt = 0;
    let (lost, corrupted) = (world.gate.hold_next("write"), world.gate.clone());
    world.faults.set(move |name| {
        attempt += u32::from(name == "replace");
        match (name, attempt) {
            ("replace", 1) => Fault::After,
            ("load", 1..) => Fault::Before,
            _ => Fault::None,
        }
    });
    let writing = {
        let shopper = shopper.clone();
        tokio::spawn(async move { shopper.change(add("A", 2)).await })
    };
    lost.arrived().await;
    let second = corrupted.hold_next("write");
    lost.open();
    second.arrived().await;
    let key = RowKey { cart, owner: Owner::new("local", 1) };
    let stored = stores.carts.load(cart, Consistency::Strong).await.unwrap().snapshots.remove(0);
    let bad = stores.carts.replace(&key, Some(stored.version), Bucket(0), vec![9; 40].into()).await.unwrap();
    let Replaced::Applied(bad) = bad else { panic!("{bad:?}") };
    second.open();
    let error = writing.await.unwrap().unwrap_err();
    assert!(matches!(&error, ServiceError::Store(error) if error.may_be_applied()), "{error}");
    // An operator puts the row back as the lost answer left it.
    world.faults.heal();
    assert_ne!(stored.bytes, good.bytes);
    stores.carts.replace(&key, Some(bad), Bucket(0), stored.bytes).await.unwrap();
    shopper.add("A", 4).await;
    assert_eq!(shopper.shows().await, "A 7");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_refuses_and_nothing_is_half_done() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let token = seen(&shopper.add("A", 3).await, "A");
        world.faults.always(&["load", "replace", "append"], Fault::Before);
        for change in [add("B", 1), set("A", 5, token.clone()), remove("A", token.clone())] {
            let error = shopper.change_as(&key("k", "p"), change).await.unwrap_err();
            assert!(matches!(&error, ServiceError::Store(StoreError::Unavailable(_))), "{error}");
        }
        world.faults.heal();
        assert_eq!(shopper.shows().await, "A 3");
    })
    .await;
}

/// Puts bytes that nobody can read where the cart's row, or a delta of it, is.
async fn corrupt(world: &World, cart: CartId) {
    let (carts, owner) = (&world.stores.carts, Owner::new("local", 1));
    let bytes = bytes::Bytes::from_static(b"not a cart");
    let rows = carts.load(cart, Consistency::Strong).await.unwrap();
    match world.path {
        WritePath::Replace => {
            let key = RowKey { cart, owner };
            let version = rows.snapshots.first().map(|row| row.version);
            carts.replace(&key, version, Bucket(0), bytes).await.unwrap();
        }
        WritePath::Append => {
            let (bucket, operation) = (Bucket(1), cart::Dot::new(cart::WriterId(1), 1));
            carts.append(&DeltaKey { cart, owner, bucket, operation, value_hash: 1 }, bytes).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_read_fails_its_own_cart_and_is_never_overwritten() {
    on_both_paths(async |world| {
        let (harmed, other) = (world.guest(), world.guest());
        let cart = harmed.add("A", 1).await.cart;
        other.add("A", 1).await;
        corrupt(&world, cart).await;
        let stored = world.stores.carts.load(cart, Consistency::Strong).await.unwrap();
        let is_corrupt =
            |error: &ServiceError| matches!(error, ServiceError::Store(StoreError::Corrupt { .. }));
        for change in [add("A", 1), remove("A", None)] {
            let error = harmed.change(change).await.unwrap_err();
            assert!(is_corrupt(&error), "{error}");
        }
        let error = harmed.service.read_own(&harmed.address, &Presented::default()).await.unwrap_err();
        assert!(is_corrupt(&error), "{error}");
        let account = world.account("ann");
        let error = crate::claims::claim(&account, &harmed).await.unwrap_err();
        assert!(is_corrupt(&error), "{error}");
        assert_eq!(world.stores.carts.load(cart, Consistency::Strong).await.unwrap(), stored);
        assert_eq!(other.shows().await, "A 1");
        other.add("A", 1).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_writes_are_lost_or_refused_is_done_once() {
    for fault in [Fault::Before, Fault::After] {
        for failing in 1..=4 {
            on_both_paths(async |world| {
                let (guest, account): (Shopper, Shopper) = crate::claims::two_sides(&world).await;
                fail(&world, failing, 1, fault);
                crate::claims::claim(&account, &guest).await.unwrap();
                world.faults.heal();
                world.environment.settle().await;
                assert_eq!(account.shows().await, "A 3, B 7, C 1", "{fault:?} at {failing}");
                assert_eq!(guest.shows().await, "");
            })
            .await;
        }
    }
}
