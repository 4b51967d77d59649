//! What an edge made of a cart is given again, and never in the place of something else.

use crate::world::{Shopper, World, new_item, on_both_paths, remove, shown};
use cart::operation::Policy;
use service::{CartAnswer, Presented, known::made::Read};
use std::sync::Arc;
use storage::{Stores, WritePath, memory::MemoryCartStore};

/// All that an edge shows of an answer.
fn text(answer: &CartAnswer) -> String {
    format!("{} {:?} {:?} {:?}", answer.etag(), answer.kind, answer.expires_at, answer.view())
}

/// Reads as an edge does: gives what was made again, or makes it.
async fn read(shopper: &Shopper, presented: &Presented) -> Read<String> {
    let read =
        shopper.service.read_own_or_made::<String>(&shopper.address, presented, |_| true).await.unwrap();
    if let Read::Answer(answer) = &read {
        shopper.service.keep_made(answer, Arc::new(text(answer)), 100);
    }
    read
}

/// What is read, and whether it was made before.
async fn seen(shopper: &Shopper) -> (String, bool) {
    match read(shopper, &Presented::default()).await {
        Read::Made(text) => (String::clone(&text), true),
        Read::Answer(answer) => (text(&answer), false),
    }
}

/// Reads until it is made, which is at once or after one read.
async fn settle(shopper: &Shopper) -> String {
    let (first, _) = seen(shopper).await;
    assert_eq!(seen(shopper).await, (first.clone(), true));
    first
}

#[tokio::test(start_paused = true)]
async fn what_was_made_is_given_until_the_cart_has_changed() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.add("A", 1).await;
        let before = settle(&shopper).await;
        shopper.add("A", 1).await;
        let (after, made) = seen(&shopper).await;
        assert!(!made && after != before, "{after}");
        // Another node of the shop changes it.
        settle(&shopper).await;
        let elsewhere = shopper.at(&world.another_node());
        elsewhere.change(remove("A", None)).await.unwrap();
        assert_eq!(seen(&shopper).await, (text(&elsewhere.read().await), false));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_change_of_its_items_makes_it_anew_and_one_of_others_does_not() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.add("A", 1).await;
        let before = settle(&shopper).await;
        world.service.put_items(vec![new_item("B", 900)]).await.unwrap();
        assert_eq!(seen(&shopper).await, (before.clone(), true));
        world.service.put_items(vec![new_item("A", 900)]).await.unwrap();
        let (after, made) = seen(&shopper).await;
        assert!(!made && after.contains("900"), "{after}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_given_less_than_they_have_been_shown() {
    on_both_paths(async |world| {
        let shopper = world.account("ann");
        let cart = shopper.add("A", 1).await.cart;
        world.gate.freeze_replica(&*world.stores.carts, &[cart]).await;
        let freshness = shopper.add("A", 2).await.freshness;
        settle(&shopper).await;
        let presented = Presented { freshness: Some(freshness), receipt: None };
        let Read::Answer(answer) = read(&shopper, &presented).await else { panic!("made of stale rows") };
        assert_eq!(shown(&answer), "A 3");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_brings_back_what_was_shown_is_given_what_was_made() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.add("A", 1).await;
        let Read::Answer(answer) = read(&shopper, &Presented::default()).await else {
            panic!("made of nothing")
        };
        let presented = Presented { freshness: Some(answer.freshness.clone()), receipt: None };
        assert!(matches!(read(&shopper, &presented).await, Read::Made(_)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_says_something_once_is_not_kept() {
    on_both_paths(async |world| {
        let (guest, account) = (world.guest(), world.account("ann"));
        guest.add("A", 1).await;
        settle(&guest).await;
        // On the next day the guest is handed a new token, each time until it is used.
        world.environment.pass_days(2);
        for _ in 0..2 {
            assert!(!seen(&guest).await.1);
        }
        account.claim(&guest, Policy::Sum).await.unwrap();
        for _ in 0..2 {
            let Read::Answer(answer) = read(&guest, &Presented::default()).await else {
                panic!("an old cart")
            };
            assert_eq!((shown(&answer).as_str(), answer.session.is_some()), ("", true));
        }
    })
    .await;
}

/// Whatever happens, a node that keeps what it made shows what one shows that keeps nothing.
#[tokio::test(start_paused = true)]
async fn a_node_that_keeps_shows_what_one_shows_that_does_not() {
    on_both_paths(a_keeping_and_a_forgetful_node).await;
    a_keeping_and_a_forgetful_node(at_hand().await).await;
}

async fn a_keeping_and_a_forgetful_node(world: World) {
    let keeping = world.account("ann");
    let forgetful = world.another_node_with(|settings| settings.decoded_bytes_max = 0);
    let elsewhere = keeping.at(&forgetful);
    let (mut given, mut price) = (0, 300);
    for step in 0..200_u32 {
        let sku = ["A", "B", "C"][(step % 3) as usize];
        match step * 7 % 11 {
            0 => drop(keeping.add(sku, 1).await),
            1 => drop(elsewhere.add(sku, 1).await),
            2 => drop(elsewhere.change(remove(sku, None)).await),
            3 => {
                price += 1;
                let item = vec![new_item(["A", "H"][(step % 2) as usize], price)];
                world.service.put_items(item).await.unwrap();
            }
            4 if step % 5 == 0 => world.environment.pass_days(1),
            5 => drop(world.guest().add(sku, 1).await),
            _ => {}
        }
        let (text_kept, made) = seen(&keeping).await;
        given += u32::from(made);
        assert_eq!(text_kept, text(&elsewhere.read().await), "step {step}");
    }
    assert!(given > 60, "{given} of 200 were made before");
}

/// A shop whose store has rows at hand, and tells their editions.
async fn at_hand() -> World {
    World::over(WritePath::Append, |stores| Stores {
        carts: Arc::new(MemoryCartStore::at_hand(WritePath::Append)),
        ..stores
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_of_the_same_edition_are_not_looked_at_again() {
    let world = at_hand().await;
    let shopper = world.guest();
    shopper.add("A", 1).await;
    let before = settle(&shopper).await;
    let loads = world.gate.loads_at_hand();
    assert!(loads > 0);
    assert_eq!(seen(&shopper).await, (before, true));
    assert_eq!(world.gate.loads_at_hand(), loads);
}

#[tokio::test(start_paused = true)]
async fn a_cart_of_another_edition_is_made_anew() {
    let world = at_hand().await;
    let shopper = world.guest();
    shopper.add("A", 1).await;
    let before = settle(&shopper).await;
    assert_eq!(seen(&shopper).await, (before.clone(), true));
    let elsewhere = shopper.at(&world.another_node());
    elsewhere.add("B", 1).await;
    let (with_b, made) = seen(&shopper).await;
    assert!(!made && with_b != before, "{with_b}");
    settle(&shopper).await;
    elsewhere.change(remove("B", None)).await.unwrap();
    let (without, made) = seen(&shopper).await;
    assert!(!made && without != with_b, "{without}");
    // What else shows in it is looked at as before.
    settle(&shopper).await;
    world.service.put_items(vec![new_item("A", 900)]).await.unwrap();
    let (dearer, made) = seen(&shopper).await;
    assert!(!made && dearer.contains("900"), "{dearer}");
}
