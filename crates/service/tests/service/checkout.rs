//! Checkout over real stores in memory: bought completely or not at all, once, from what there is.

use crate::world::{PRICE, Shopper, World, add, key, shown};
use cart::{Dot, format, line::Sku, money::Money, token::GuestToken};
use checkout::stock::Change;
use service::{
    CartAddress, Principal, Service,
    checkout::{CheckoutError, CheckoutRequest, Progress, Refusal, State},
    inventory::{Level, ShelfChange, StockChange},
};
use std::sync::Arc;
use storage::{WritePath, layer::fault::Fault};

fn sku(name: &str) -> Sku {
    Sku::parse(name).unwrap()
}

async fn restock(service: &Service, name: &str, quantity: u64, key: &str) {
    let change = StockChange {
        sku: sku(name),
        change: Change::Restock(quantity),
        reason: "delivery".into(),
        key: key.into(),
    };
    service.change_stock(&change).await.unwrap();
}

async fn level(service: &Service, name: &str) -> Level {
    service.stock_level(&sku(name)).await.unwrap().unwrap()
}

fn request(shopper: &Shopper, key: &str, total: i64) -> CheckoutRequest {
    let currency = cart::money::Currency::parse("GBP").unwrap();
    CheckoutRequest {
        address: shopper.address.clone(),
        key: Some((key.to_owned(), total.to_le_bytes().to_vec())),
        accept_total: Some(Money { amount: total, currency }),
        presented: service::Presented::default(),
    }
}

type Bought = Result<Progress, Refusal>;

async fn buy(service: &Arc<Service>, shopper: &Shopper, key: &str, total: i64) -> Bought {
    match service.check_out(&request(shopper, key, total)).await {
        Ok((progress, _)) => Ok(progress),
        Err(CheckoutError::Refused(refused)) => Err(refused.0),
        Err(CheckoutError::Service(error)) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_bought_leaves_the_cart_and_the_stock() {
    let world = World::new(WritePath::Append).await;
    restock(&world.service, "A", 5, "d1").await;
    let ann = world.account("ann");
    ann.add("A", 2).await;
    ann.add("B", 1).await;
    let bought = buy(&world.service, &ann, "k", 3 * PRICE).await.unwrap();
    assert_eq!(
        (bought.state, bought.is_replayed, bought.order.totals.total),
        (State::Committed, false, 3 * PRICE)
    );
    assert_eq!(shown(&ann.read().await), "");
    let Level { available, held, sold, restocked, .. } = level(&world.service, "A").await;
    assert_eq!((available, held, sold, restocked), (3, 0, 2, 5));
    assert_eq!(world.service.stock_level(&sku("B")).await.unwrap(), None, "what is not tracked sells freely");
    let again = buy(&world.service, &ann, "k", 3 * PRICE).await.unwrap();
    assert_eq!((again.order.tx, again.is_replayed), (bought.order.tx, true));
    let orders = world.service.orders(&ann.address, None, 10).await.unwrap().orders;
    assert_eq!(orders.iter().map(|order| order.tx).collect::<Vec<_>>(), [bought.order.tx]);
    assert_eq!(level(&world.service, "A").await.sold, 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sold_that_is_not_there_and_nothing_stays_held() {
    let world = World::new(WritePath::Append).await;
    restock(&world.service, "A", 2, "d1").await;
    let ann = world.account("ann");
    ann.add("A", 3).await;
    ann.add("B", 1).await;
    let Err(Refusal::OutOfStock(shortages)) = buy(&world.service, &ann, "k", 4 * PRICE).await else {
        panic!("sold more than there is")
    };
    assert_eq!(
        shortages.iter().map(|short| (&*short.sku, short.wanted, short.available)).collect::<Vec<_>>(),
        [("A", 3, 2)]
    );
    world.environment.settle().await;
    let Level { available, held, sold, .. } = level(&world.service, "A").await;
    assert_eq!((available, held, sold), (2, 0, 0));
    assert_eq!(shown(&ann.read().await), "A 3, B 1");
}

#[tokio::test(start_paused = true)]
async fn a_total_that_nobody_said_yes_to_is_not_charged() {
    let world = World::new(WritePath::Append).await;
    let ann = world.account("ann");
    ann.add("A", 1).await;
    let refused = buy(&world.service, &ann, "k", PRICE - 1).await.unwrap_err();
    assert!(matches!(refused, Refusal::PriceChanged { total, .. } if total.amount == PRICE), "{refused:?}");
    let without = CheckoutRequest { accept_total: None, key: None, ..request(&ann, "x", 0) };
    let Err(CheckoutError::Refused(refused)) = world.service.check_out(&without).await else { panic!() };
    assert_eq!(refused.0, Refusal::NoConsent);
    assert_eq!(buy(&world.service, &world.account("bob"), "k", 0).await.unwrap_err(), Refusal::Empty);
    assert_eq!(buy(&world.service, &ann, "k2", PRICE).await.unwrap().state, State::Committed);
    let reused = buy(&world.service, &ann, "k2", PRICE + 1).await.unwrap_err();
    assert_eq!(reused, Refusal::KeyReused);
}

#[tokio::test(start_paused = true)]
async fn the_last_units_are_sold_once_among_many_who_ask_at_once() {
    let world = World::new(WritePath::Append).await;
    restock(&world.service, "A", 7, "d1").await;
    world.service.change_shelf(&sku("A"), ShelfChange { buckets: Some(4), limit: None }).await.unwrap();
    assert_eq!(level(&world.service, "A").await.available, 7);
    let mut buyers = Vec::new();
    for number in 0..20 {
        let shopper = world.account(&format!("buyer {number}"));
        shopper.add("A", 1).await;
        let service = world.service.clone();
        buyers.push(tokio::spawn(async move { buy(&service, &shopper, "k", PRICE).await }));
    }
    let mut sold = 0;
    for buyer in buyers {
        match buyer.await.unwrap() {
            Ok(progress) => sold += u64::from(progress.state == State::Committed),
            Err(Refusal::OutOfStock(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    world.environment.settle().await;
    let Level { available, held, sold: booked, .. } = level(&world.service, "A").await;
    assert_eq!((sold, booked, held, available), (7, 7, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_customer_buys_at_most_what_the_shop_allows_in_all() {
    let world = World::new(WritePath::Append).await;
    restock(&world.service, "A", 10, "d1").await;
    world.service.change_shelf(&sku("A"), ShelfChange { buckets: None, limit: Some(Some(2)) }).await.unwrap();
    let ann = world.account("ann");
    ann.add("A", 2).await;
    buy(&world.service, &ann, "k1", 2 * PRICE).await.unwrap();
    ann.add("A", 1).await;
    let Err(Refusal::OutOfStock(shortages)) = buy(&world.service, &ann, "k2", PRICE).await else { panic!() };
    assert!(shortages[0].is_limit);
    let bob = world.account("bob");
    bob.add("A", 1).await;
    buy(&world.service, &bob, "k1", PRICE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_correction_takes_what_is_there_and_remembers_the_rest() {
    let world = World::new(WritePath::Append).await;
    let service = &world.service;
    restock(service, "A", 5, "d1").await;
    restock(service, "A", 5, "d1").await;
    service.change_shelf(&sku("A"), ShelfChange { buckets: Some(3), limit: None }).await.unwrap();
    let change =
        |change, key: &str| StockChange { sku: sku("A"), change, reason: "count".into(), key: key.into() };
    let taken = service.change_stock(&change(Change::Remove(7), "c1")).await.unwrap();
    assert_eq!((taken.taken, taken.short), (5, 2));
    assert_eq!((level(service, "A").await.available, level(service, "A").await.short), (0, 2));
    restock(service, "A", 3, "d2").await;
    assert_eq!((level(service, "A").await.available, level(service, "A").await.short), (1, 0));
    service.change_stock(&change(Change::Count(9), "c2")).await.unwrap();
    assert_eq!(level(service, "A").await.available, 9);
}

#[tokio::test(start_paused = true)]
async fn carts_say_what_is_scarce_and_what_is_sold_out() {
    let world = World::new(WritePath::Append).await;
    let codes = async |shopper: &Shopper| {
        let answer = shopper.read().await;
        let view = answer.view();
        let line = &view.lines[0];
        (line.notices.clone(), line.total.map(|total| total.amount))
    };
    let ann = world.account("ann");
    ann.add("A", 2).await;
    assert_eq!(codes(&ann).await, (vec![], Some(2 * PRICE)));
    let before = ann.read().await.etag();
    restock(&world.service, "A", 3, "d1").await;
    assert_eq!(codes(&ann).await, (vec![cart::view::Notice::LowStock { available: 3 }], Some(2 * PRICE)));
    assert_ne!(ann.read().await.etag(), before);
    let bob = world.account("bob");
    bob.add("A", 3).await;
    buy(&world.service, &bob, "k", 3 * PRICE).await.unwrap();
    assert_eq!(codes(&ann).await, (vec![cart::view::Notice::OutOfStock], None));
    let refused = buy(&world.service, &ann, "k", 0).await.unwrap_err();
    let Refusal::OutOfStock(short) = &refused else { panic!("it stays, and is not bought: {refused:?}") };
    assert_eq!((short[0].wanted, short[0].available), (2, 0));
    restock(&world.service, "A", 100, "d2").await;
    assert_eq!(codes(&ann).await, (vec![], Some(2 * PRICE)), "and comes back by itself");
}

#[tokio::test(start_paused = true)]
async fn a_guests_lines_are_bought_once_whichever_cart_shows_them() {
    let world = World::new(WritePath::Append).await;
    restock(&world.service, "A", 10, "d1").await;
    let guest = world.guest();
    guest.add("A", 2).await;
    let token: GuestToken = guest.token();
    let claim = service::claims::ClaimRequest {
        subject: "ann".into(),
        name: "active".into(),
        guest: token,
        policy: cart::operation::Policy::Sum,
    };
    world.service.claim(&claim).await.unwrap();
    let ann = world.account("ann");
    buy(&world.service, &ann, "k", 2 * PRICE).await.unwrap();
    let of_guest = CartAddress::Own { principal: Principal::Guest(token), name: "active".into() };
    let late = CheckoutRequest { address: of_guest, ..request(&guest, "k9", 2 * PRICE) };
    let Err(CheckoutError::Refused(refused)) = world.service.check_out(&late).await else {
        panic!("bought twice")
    };
    assert!(
        matches!(refused.0, Refusal::Empty | Refusal::LinesChanged | Refusal::CartMoved),
        "{:?}",
        refused.0
    );
    assert_eq!(level(&world.service, "A").await.sold, 2);
}

#[tokio::test(start_paused = true)]
async fn whatever_write_fails_nothing_is_half_done_after_the_sweep() {
    for fault in [Fault::Before, Fault::After] {
        for step in 0..12 {
            let world = World::new(WritePath::Append).await;
            restock(&world.service, "A", 5, "d1").await;
            let ann = world.account("ann");
            ann.add("A", 2).await;
            let mut seen = 0;
            world.faults.set(move |name| {
                let counts = matches!(name, "linear_replace" | "linear_insert" | "append");
                seen += usize::from(counts);
                if counts && seen == step + 1 { fault } else { Fault::None }
            });
            let bought = buy(&world.service, &ann, "k", 2 * PRICE).await;
            world.faults.heal();
            world.environment.settle().await;
            tokio::time::advance(std::time::Duration::from_secs(20 * 60)).await;
            world.service.sweep().await.unwrap();
            world.service.sweep().await.unwrap();
            let again = buy(&world.service, &ann, "k", 2 * PRICE).await;
            let Level { available, held, sold, .. } = level(&world.service, "A").await;
            assert_eq!(
                (held, available + sold),
                (0, 5),
                "{fault:?} at write {step}: {bought:?}, then {again:?}"
            );
            let is_bought = matches!(again, Ok(Progress { state: State::Committed, .. }));
            assert_eq!(
                sold,
                if is_bought { 2 } else { 0 },
                "{fault:?} at write {step}: {bought:?}, then {again:?}"
            );
            assert_eq!(shown(&ann.read().await), if is_bought { "" } else { "A 2" });
            if let Ok(first) = bought {
                assert_eq!(first.order.tx, again.unwrap().order.tx, "what was acknowledged stays");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_is_for_one_life_of_the_store_whatever_its_number() {
    let world = World::new(WritePath::Append).await;
    assert!(world.service.check_counted().await.unwrap(), "the first life counts from nothing");
    let life = |number| world.another_node_with(|settings| settings.checkout.incarnation = number);
    let restored = life(9);
    assert!(!restored.check_counted().await.unwrap());
    restored.counted().await.unwrap();
    assert!(restored.check_counted().await.unwrap());
    // A second restore, which drew a lower number.
    assert!(!life(5).check_counted().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_was_bought_is_not_bought_again_when_a_cart_that_forgot_it_is_shown_it_anew() {
    let world = World::new(WritePath::Replace).await;
    restock(&world.service, "A", 5, "d1").await;
    let ann = world.account("ann");
    // Under a key: the writers of lanes go on with what is added later.
    ann.change_as(&key("add", "A 2"), add("A", 2)).await.unwrap();
    let added = ann.read().await;
    let bought_dots: Vec<Dot> = added.state.entries.keys().copied().collect();
    let older = world.service.export(None, 1).await.unwrap().remove(0);
    let older = format::decode(&older.state.unwrap()).unwrap();
    let bought = buy(&world.service, &ann, "k1", 2 * PRICE).await.unwrap();
    world.environment.settle().await;
    // The first change drops writers that are old, the second shows it.
    for days in [70, 1] {
        world.environment.pass_days(days);
        ann.add("B", 1).await;
    }
    let forgotten = ann.read().await;
    assert!(bought_dots.iter().all(|dot| !forgotten.state.context.contains(*dot)), "no row knows them");
    world.service.import(forgotten.cart, older, 7).await.unwrap();
    assert_eq!(ann.shows().await, "A 2, B 2", "what was bought is back, with an old export");
    assert_eq!(buy(&world.service, &ann, "k2", 4 * PRICE).await.unwrap_err(), Refusal::LinesChanged);
    world.environment.settle().await;
    assert_eq!((ann.shows().await.as_str(), level(&world.service, "A").await.sold), ("B 2", 2));
    let second = buy(&world.service, &ann, "k3", 2 * PRICE).await.unwrap();
    assert!(second.order.dots.iter().all(|dot| !bought.order.dots.contains(dot)));
}
