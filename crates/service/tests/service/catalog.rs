//! The catalogue beside the cart: it prices lines when it can, and never holds one up.

use crate::world::{PATHS, PRICE, World, add, line, new_item, on_both_paths, set, shown};
use cart::{money::Money, view::Notice};
use service::{AddRequest, CartAnswer, Quote, ServiceError, carts::Change, settings::UnknownSku};
use storage::layer::fault::Fault;

/// The total of the only line, with its notices.
fn only_line(answer: &CartAnswer) -> (Option<i64>, Vec<Notice>) {
    let view = answer.view();
    let [line] = view.lines.as_slice() else { panic!("{:?}", view.lines) };
    (line.total.map(|total| total.amount), line.notices.clone())
}

#[tokio::test(start_paused = true)]
async fn an_unknown_sku_is_refused_or_taken_without_a_price_as_the_shop_decided() {
    on_both_paths(async |world| {
        let refused = world.guest().change(add("Z", 1)).await.unwrap_err();
        assert!(matches!(&refused, ServiceError::UnknownSku(sku) if sku == "Z"), "{refused}");
    })
    .await;
    for path in PATHS {
        let world = World::with(path, |settings| settings.unknown_sku = UnknownSku::AcceptUnpriced).await;
        let answer = world.guest().add("Z", 1).await;
        assert_eq!(only_line(&answer), (None, vec![Notice::Unpriced]));
        assert_eq!(answer.view().subtotal.amount, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_catalogue_that_is_away_leaves_the_line_unpriced_until_it_is_back() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        world.faults.always(&["get_items"], Fault::Before);
        assert_eq!(only_line(&shopper.add("A", 2).await), (None, vec![Notice::Unpriced]));
        // While it is away even a SKU that it may not have is taken.
        shopper.add("Z", 1).await;
        world.faults.heal();
        shopper.change(crate::world::remove("Z", None)).await.unwrap();
        assert_eq!(only_line(&shopper.read().await).0, Some(2 * PRICE));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_catalogue_that_is_slow_holds_an_add_up_for_five_milliseconds() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let slow = world.gate.hold_next("get_items");
        let before = world.now_ms();
        let answer = shopper.add("A", 2).await;
        assert_eq!(world.now_ms() - before, 5);
        slow.open();
        // The answer's own look at the catalogue came through, so only the snapshot lacks its price.
        assert_eq!(only_line(&answer).0, Some(2 * PRICE));
        assert_eq!(answer.view().lines[0].price_then, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_look_that_came_too_late_for_who_asked_is_found_by_the_next() {
    for path in PATHS {
        let world = World::with(path, |settings| settings.catalog_cached_max = 100).await;
        let shopper = world.guest();
        // Every look takes longer than anybody waits, as those of a store that has just been started.
        let slow = world.gate.hold_next("get_items");
        let adding = {
            let shopper = shopper.clone();
            tokio::spawn(async move { shopper.add("A", 2).await })
        };
        slow.arrived().await;
        world.gate.answer_no("get_items");
        assert_eq!(only_line(&adding.await.unwrap()), (None, vec![Notice::Unpriced]));
        slow.open();
        world.environment.settle().await;
        assert_eq!(only_line(&shopper.read().await).0, Some(2 * PRICE));
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_price_is_shown_at_the_next_read() {
    for cached in [0, 100] {
        let world = World::with(PATHS[0], |settings| settings.catalog_cached_max = cached).await;
        let shopper = world.guest();
        shopper.add("A", 2).await;
        let tag = |answer: &CartAnswer| answer.etag();
        let before = tag(&shopper.read().await);
        world.service.put_items(vec![new_item("A", PRICE + 50)]).await.unwrap();
        let after = shopper.read().await;
        let price = |amount| Money { amount, ..after.view().subtotal };
        let notice = Notice::PriceChanged { was: price(PRICE), now: price(PRICE + 50) };
        assert_eq!(only_line(&after), (Some(2 * (PRICE + 50)), vec![notice]));
        assert_ne!(before, tag(&after));
        assert_eq!(before.split('.').next(), tag(&after).split('.').next());
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_overtaken_by_a_change_is_not_remembered() {
    let world = World::with(PATHS[0], |settings| {
        settings.catalog_cached_max = 100;
        settings.catalog_wait_ms = 60_000;
    })
    .await;
    let shopper = world.guest();
    let read_but_not_answered = world.gate.hold_next("get_items");
    let early = {
        let shopper = shopper.clone();
        tokio::spawn(async move { shopper.add("A", 1).await })
    };
    read_but_not_answered.arrived().await;
    world.service.put_items(vec![new_item("A", PRICE + 50)]).await.unwrap();
    read_but_not_answered.open();
    early.await.unwrap();
    assert_eq!(only_line(&shopper.read().await).0, Some(PRICE + 50));
}

#[tokio::test(start_paused = true)]
async fn a_quoted_price_stands_whatever_the_catalogue_says() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let price = Money { amount: 99, currency: cart::money::Currency::parse("GBP").unwrap() };
        let quote = |sku: &str| {
            let Change::Add(request) = add(sku, 2) else { unreachable!("an add") };
            Change::Add(AddRequest {
                quote: Some(Quote { price: Some(price), ..Quote::default() }),
                ..request
            })
        };
        assert_eq!(only_line(&shopper.change(quote("A")).await.unwrap()).0, Some(198));
        world.service.put_items(vec![new_item("A", PRICE + 50)]).await.unwrap();
        assert_eq!(only_line(&shopper.read().await).0, Some(198));
        // What the catalogue does not have can be quoted all the same.
        let unlisted = world.guest().change(quote("Z")).await.unwrap();
        assert_eq!(only_line(&unlisted).0, Some(198));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_sold_between_bounds_is_priced_within_them_and_kept_as_asked() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let mut item = new_item("A", PRICE);
        item.item.quantity_max = Some(3);
        world.service.put_items(vec![item]).await.unwrap();
        let answer = shopper.add("A", 5).await;
        assert_eq!(only_line(&answer), (Some(3 * PRICE), vec![Notice::QuantityClamped { sellable: 3 }]));
        assert_eq!(shown(&answer), "A 5");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_item_stays_in_the_cart_costs_nothing_and_comes_back_by_itself() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.add("A", 1).await;
        let mut item = new_item("A", PRICE);
        item.item.available = false;
        world.service.put_items(vec![item]).await.unwrap();
        assert_eq!(only_line(&shopper.read().await), (None, vec![Notice::Withdrawn]));
        world.service.put_items(vec![new_item("A", PRICE)]).await.unwrap();
        assert_eq!(only_line(&shopper.read().await), (Some(PRICE), vec![]));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_catalogue_holds_many_changes_up_once() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let before = world.now_ms();
        // Every look takes longer than it may.
        world.gate.answer_no("get_items");
        let changes = ["A", "B", "C"].map(|sku| Ok(add(sku, 1))).into();
        let identity = service::Identity::Unnamed;
        let request = service::carts::Request {
            address: &shopper.address,
            identity: &identity,
            conditions: &shopper.conditions,
        };
        shopper.service.change_all(&request, changes, false).await.unwrap();
        // Once for the changes, once for the answer.
        assert_eq!(world.now_ms() - before, 10);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_is_raised_without_asking_the_catalogue_for_what_the_cart_knows() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.add("A", 1).await;
        world.faults.always(&["get_items"], Fault::Before);
        let raised = shopper.change(set("A", 3, None)).await.unwrap();
        assert_eq!((shown(&raised).as_str(), only_line(&raised).0), ("A 3", Some(3 * PRICE)));
        assert_eq!(*raised.view().lines[0].line, line("A"));
    })
    .await;
}
