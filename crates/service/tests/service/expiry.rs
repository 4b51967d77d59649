//! Expiry: what nobody can reach goes, what somebody can reach stays, however much time passes.

use crate::world::{Shopper, World, add, on_both_paths, remove, shown};
use cart::CartId;
use service::{CartNotice, Presented, ServiceError};
use std::{sync::Arc, time::Duration};
use storage::{CartRows, Consistency, WritePath};

async fn rows(world: &World, cart: CartId) -> usize {
    let CartRows { snapshots, deltas } = world.stores.carts.load(cart, Consistency::Strong).await.unwrap();
    snapshots.len() + deltas.len()
}

/// Looks at every cart once, as the worker does.
async fn walk(world: &World) {
    let mut after = None;
    while let Some(last) = world.service.expire_page(after).await.unwrap() {
        after = Some(last);
    }
}

/// Passes days one by one, each with a walk.
async fn live(world: &World, days: u64) {
    for _ in 0..days {
        world.environment.pass_days(1);
        walk(world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn users_items_do_not_get_the_guest_expiry() {
    on_both_paths(async |world| {
        let (guest, ann) = (world.guest(), world.account("ann"));
        guest.add("A", 1).await;
        ann.add("A", 1).await;
        live(&world, 400).await;
        assert_eq!(rows(&world, guest.token().cart).await, 0);
        assert_eq!(ann.shows().await, "A 1");
        assert_eq!(ann.read().await.expires_at, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_who_comes_by_every_day_loses_nothing_while_a_token_lasts() {
    on_both_paths(async |world| {
        let mut guest = world.guest();
        guest.add("A", 1).await;
        let mut last_day = 0;
        for day in 1..200 {
            live(&world, 1).await;
            let read = guest.read().await;
            if read.notices == [CartNotice::SessionExpired] {
                assert_eq!(last_day, 66 + 30 - 1, "reads renewed it until day 66");
                return;
            }
            assert_eq!(shown(&read), "A 1", "day {day}");
            if let Some(token) = read.session {
                guest = guest.holding(token);
            }
            last_day = day;
        }
        panic!("reads alone renew a token for ever");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_who_changes_the_cart_keeps_it() {
    on_both_paths(async |world| {
        let mut guest = world.guest();
        let follow = |guest: &Shopper, answer: &service::CartAnswer| {
            answer.session.map_or_else(|| guest.clone(), |token| guest.holding(token))
        };
        guest.add("A", 1).await;
        for _ in 0..20 {
            for _ in 0..2 {
                live(&world, 25).await;
                guest = follow(&guest, &guest.read().await);
            }
            guest = follow(&guest, &guest.add("A", 1).await);
        }
        assert_eq!(guest.shows().await, "A 21");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_guests_rows_go_the_day_after_its_last_token_could_end() {
    on_both_paths(async |world| {
        let guest = world.guest();
        guest.add("A", 1).await;
        live(&world, 97).await;
        assert_ne!(rows(&world, guest.token().cart).await, 0);
        live(&world, 1).await;
        assert_eq!(rows(&world, guest.token().cart).await, 0);
        assert_eq!(world.stores.carts.scan(None, 10).await.unwrap(), [], "no trace");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_cart_costs_no_row() {
    on_both_paths(async |world| {
        let (guest, ann) = (world.guest(), world.account("ann"));
        for shopper in [&guest, &ann] {
            shopper.add("A", 1).await;
            shopper.change(remove("A", None)).await.unwrap();
        }
        let ids = [guest.token().cart, ann.cart().await];
        live(&world, 67).await;
        for id in ids {
            assert_ne!(rows(&world, id).await, 0);
        }
        live(&world, 1).await;
        for id in ids {
            assert_eq!(rows(&world, id).await, 0);
        }
        ann.add("B", 1).await;
        assert_eq!(ann.shows().await, "B 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_accounts_cart_is_emptied_after_its_idle_time_and_only_then() {
    for path in crate::world::PATHS {
        let world = World::with(path, |settings| settings.account_idle_days = Some(90)).await;
        let ann = world.account("ann");
        ann.add("A", 1).await;
        live(&world, 91).await;
        let before = ann.read().await;
        assert_eq!(shown(&before), "A 1");
        live(&world, 1).await;
        assert_eq!(ann.shows().await, "");
        let added = ann.add("B", 1).await;
        assert_eq!(shown(&added), "B 1");
        live(&world, 91).await;
        assert_eq!(ann.shows().await, "B 1");
    }
}

#[tokio::test(start_paused = true)]
async fn an_erased_cart_is_never_forgotten() {
    on_both_paths(async |world| {
        let ann = world.account("ann");
        let cart = ann.add("A", 1).await.cart;
        world.service.erase_subject("ann").await.unwrap();
        ann.add("B", 1).await;
        live(&world, 200).await;
        assert_ne!(rows(&world, cart).await, 0);
        assert_eq!(ann.shows().await, "B 1", "the first generation is still erased");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_merged_long_ago_is_not_merged_again_once_rows_have_gone() {
    let world = World::with(WritePath::Replace, |settings| settings.guest_days = 300).await;
    let (guest, ann) = (world.guest(), world.account("ann"));
    guest.add("A", 1).await;
    crate::claims::claim(&ann, &guest).await.unwrap();
    ann.change(remove("A", None)).await.unwrap();
    live(&world, 250).await;
    let again = crate::claims::claim(&ann, &guest).await.unwrap();
    assert_eq!(shown(&again.answer), "", "what was removed after the merge stays removed");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_guest_time_holds_for_tokens_that_were_given_before() {
    let world = World::with(WritePath::Replace, |settings| settings.guest_days = 300).await;
    let guest = world.guest();
    guest.add("A", 1).await;
    world.environment.pass_days(40);
    let shorter = guest.at(&world.another_node_with(|settings| settings.guest_days = 30));
    assert_eq!(shorter.read().await.notices, [CartNotice::SessionExpired]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_comes_between_keeps_the_rows() {
    on_both_paths(async |world| {
        let guest = world.guest();
        guest.add("A", 1).await;
        let cart = guest.token().cart;
        world.environment.pass_days(98);
        // A service writes by the cart's id, through another node, between the worker's look and its removal.
        let service = world.another_node();
        let by_id = Shopper {
            service,
            address: service::CartAddress::Id(cart),
            conditions: service::Conditions::default(),
        };
        let walking = walk(&world);
        let writing = async { by_id.change(add("B", 1)).await };
        let ((), written) = tokio::join!(walking, writing);
        let shows = shown(&by_id.read().await);
        assert!(written.is_ok() && shows.contains("B 1"), "{shows}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_worker_walks_by_itself_at_its_pace_and_ends_with_the_service() {
    let world = World::with(WritePath::Replace, |settings| settings.expiry_per_second = 100).await;
    let mut carts = Vec::new();
    for _ in 0..250 {
        let guest = world.guest();
        guest.add("A", 1).await;
        carts.push(guest.token().cart);
    }
    world.environment.pass_days(98);
    let started = tokio::time::Instant::now();
    let worker = tokio::spawn(service::worker::expire::run(Arc::downgrade(&world.service)));
    let left = async || world.stores.carts.scan(None, 1_000).await.unwrap().len();
    while left().await == carts.len() {
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert!(left().await >= 150, "a page a second");
    while left().await > 0 {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert!(started.elapsed() >= Duration::from_secs(62), "{:?}", started.elapsed());
    drop(world);
    worker.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_cart_that_cannot_be_read_does_not_keep_the_others() {
    let world = World::new(WritePath::Replace).await;
    let guests = [world.guest(), world.guest()];
    for guest in &guests {
        guest.add("A", 1).await;
    }
    world.environment.pass_days(98);
    let key = storage::RowKey { cart: guests[0].token().cart, owner: storage::Owner::new("local", 1) };
    let version = world.stores.carts.load(key.cart, Consistency::Strong).await.unwrap().snapshots[0].version;
    let bytes = bytes::Bytes::from_static(b"nonsense");
    world.stores.carts.replace(&key, Some(version), storage::Bucket(0), bytes).await.unwrap();
    walk(&world).await;
    assert_eq!(world.stores.carts.scan(None, 10).await.unwrap(), [key.cart]);
    assert!(matches!(
        guests[0].service.read(key.cart, &Presented::default()).await,
        Err(ServiceError::Store(_))
    ));
}
