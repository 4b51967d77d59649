//! Adds whose callers do not want to see the cart: nobody looks at it, and nothing that holds of other adds is given up.

use crate::{
    claims::claim,
    journal::Journal,
    world::{Shopper, World, add, client, key, set, shown},
};
use service::{Changed, Conditions, Identity, Presented, ServiceError};
use storage::WritePath;

async fn world() -> World {
    World::new(WritePath::Append).await
}

#[tokio::test(start_paused = true)]
async fn it_is_shown_to_whoever_reads_next_and_covered_by_what_the_caller_was_told() {
    let world = world().await;
    let shopper = world.guest();
    assert!(shopper.add_unseen("A", 2).await, "an empty cart");
    assert!(shopper.add_unseen("A", 1).await, "one that nobody has looked at");
    assert_eq!(shopper.shows().await, "A 3");
    assert!(shopper.add_unseen("B", 1).await, "one that is known");
    let told = match shopper.change_unseen_as(&Identity::Unnamed, add("B", 1)).await.unwrap() {
        Changed::Unseen(acknowledged) => acknowledged.freshness,
        Changed::Seen(answer) => panic!("it was looked at: {}", shown(&answer)),
    };
    let answer = shopper.read().await;
    assert_eq!(shown(&answer), "A 3, B 2");
    assert!(told.is_covered_by(&answer.state, &[]), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_caller_was_told_before_is_not_forgotten() {
    let world = world().await;
    let shopper = world.guest();
    let before = shopper.add("A", 1).await.freshness;
    let presented = Presented { freshness: Some(before.clone()), receipt: None };
    let shopper = shopper.demanding(Conditions { if_match: None, presented });
    let Changed::Unseen(told) = shopper.change_unseen_as(&Identity::Unnamed, add("B", 1)).await.unwrap()
    else {
        panic!("it was looked at")
    };
    assert_eq!(told.freshness.rows, before.rows);
    assert!(before.dots.iter().all(|dot| told.freshness.dots.contains(dot)), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_rewrites_rows_is_always_asked_for_them() {
    let world = World::new(WritePath::Replace).await;
    let shopper = world.guest();
    assert!(!shopper.add_unseen("A", 2).await);
    assert_eq!(shopper.shows().await, "A 2");
}

#[tokio::test(start_paused = true)]
async fn what_needs_the_cart_looks_at_it() {
    let world = world().await;
    let shopper = world.guest();
    let is_seen = async |shopper: &Shopper, identity: &Identity, change| {
        matches!(shopper.change_unseen_as(identity, change).await, Ok(Changed::Seen(_)))
    };
    assert!(is_seen(&shopper, &key("k", "add A 1"), add("A", 1)).await, "a key");
    let again = shopper.change_unseen_as(&key("k", "add A 1"), add("A", 1)).await.unwrap();
    assert!(matches!(again, Changed::Seen(answer) if answer.replayed));
    assert!(is_seen(&shopper, &Identity::Unnamed, set("A", 5, None)).await, "another change than an add");
    let tag = service::answer::state_tag(&shopper.read().await.state);
    let matching = Conditions { if_match: Some(vec![tag]), ..Conditions::default() };
    assert!(is_seen(&shopper.demanding(matching), &Identity::Unnamed, add("A", 1)).await, "a condition");
    world.environment.pass_days(2);
    assert!(is_seen(&shopper, &Identity::Unnamed, add("A", 1)).await, "a token to be renewed");
    assert_eq!(shopper.shows().await, "A 7");
}

#[tokio::test(start_paused = true)]
async fn a_clients_number_is_executed_once() {
    let world = world().await;
    let shopper = world.guest();
    for _ in 0..3 {
        let changed = shopper.change_unseen_as(&client(5, 1), add("A", 1)).await.unwrap();
        assert!(matches!(changed, Changed::Unseen(_)));
    }
    assert_eq!(shopper.shows().await, "A 1");
    world.environment.pass_days(31);
    let account = world.account("ann");
    let late = account.change_unseen_as(&client(5, 2), add("A", 1)).await.unwrap_err();
    assert!(matches!(late, ServiceError::WriterTooOld), "{late}");
}

/// A shop that keeps nothing of carts in memory, and one that does.
async fn forgetful_and_not() -> [World; 2] {
    [World::with(WritePath::Append, |settings| settings.decoded_bytes_max = 0).await, world().await]
}

#[tokio::test(start_paused = true)]
async fn nothing_is_put_into_a_cart_that_was_taken_in() {
    for world in forgetful_and_not().await {
        let (guest, ann) = (world.guest(), world.account("ann"));
        assert!(guest.add_unseen("A", 1).await);
        claim(&ann, &guest).await.unwrap();
        let changed = guest.change_unseen_as(&Identity::Unnamed, add("B", 1)).await.unwrap();
        let Changed::Seen(answer) = changed else { panic!("it was not looked at") };
        assert_ne!(answer.cart, guest.token().cart);
        assert_eq!((shown(&answer).as_str(), ann.shows().await.as_str()), ("B 1", "A 1"));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_put_into_a_cart_that_was_erased() {
    for world in forgetful_and_not().await {
        let ann = world.account("ann");
        assert!(ann.add_unseen("A", 1).await);
        world.service.erase_subject("ann").await.unwrap();
        assert!(!ann.add_unseen("B", 1).await);
        assert_eq!(ann.shows().await, "B 1");
    }
}

#[tokio::test(start_paused = true)]
async fn limits_hold_with_adds_that_nobody_has_seen() {
    let world = World::with(WritePath::Append, |settings| settings.limits.dots_per_line_max = 100).await;
    let shopper = world.guest();
    let (mut unseen, mut run, mut longest) = (0, 0, 0);
    let refused = loop {
        match shopper.change_unseen_as(&Identity::Unnamed, add("A", 1)).await {
            Ok(Changed::Unseen(_)) => {
                unseen += 1;
                run += 1;
                longest = longest.max(run);
            }
            Ok(Changed::Seen(_)) => run = 0,
            Err(error) => break error,
        }
        assert!(unseen < 1_000, "no limit holds");
    };
    assert!(matches!(refused, ServiceError::Limit(_)), "{refused}");
    let entries = shopper.read().await.state.entries.len();
    assert_eq!(entries, 100, "{longest} adds in a row unseen");
    assert!(longest > 16, "{longest}");
}

#[tokio::test(start_paused = true)]
async fn a_full_cart_takes_more_of_what_is_in_it_and_no_further_line() {
    let world = World::with(WritePath::Append, |settings| settings.limits.lines_max = 2).await;
    let shopper = world.guest();
    shopper.add("A", 1).await;
    shopper.add("B", 1).await;
    assert!(shopper.add_unseen("A", 1).await);
    let refused = shopper.change_unseen_as(&Identity::Unnamed, add("C", 1)).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Limit(_)), "{refused}");
    assert_eq!(shopper.shows().await, "A 2, B 1");
}

#[tokio::test(start_paused = true)]
async fn many_are_on_their_way_at_once_and_whoever_needs_the_cart_waits_for_them() {
    let (world, journal) = Journal::world().await;
    let (guest, ann) = (world.guest(), world.account("ann"));
    let adding = |sku: &'static str| {
        let guest = guest.clone();
        tokio::spawn(async move { guest.add_unseen(sku, 1).await })
    };
    let adds = [adding("A"), adding("A"), adding("B")];
    assert_eq!(journal.queued().await, 3, "none waits for the one before");
    assert!(adds.iter().all(|add| !add.is_finished()), "none is acknowledged before it is durable");
    let claimed = tokio::spawn({
        let (guest, ann) = (guest.clone(), ann.clone());
        async move { claim(&ann, &guest).await }
    });
    assert_eq!(journal.queued().await, 3, "the guest's cart is not read yet");
    while !claimed.is_finished() {
        journal.queued().await;
        journal.sync().await;
    }
    claimed.await.unwrap().unwrap();
    for add in adds {
        assert!(add.await.unwrap());
    }
    assert_eq!(ann.shows().await, "A 2, B 1");
}

#[tokio::test(start_paused = true)]
async fn a_later_write_does_not_start_from_what_an_unseen_add_is_missing_in() {
    let (world, journal) = Journal::world().await;
    let ann = world.account("ann");
    let seen = tokio::spawn({
        let ann = ann.clone();
        async move { ann.change(add("A", 1)).await }
    });
    assert_eq!(journal.queued().await, 1);
    let unseen = tokio::spawn({
        let ann = ann.clone();
        async move { ann.add_unseen("A", 1).await }
    });
    assert_eq!(journal.queued().await, 2);
    let setting = tokio::spawn({
        let ann = ann.clone();
        async move { ann.change(set("A", 5, None)).await }
    });
    assert_eq!(journal.queued().await, 2, "it has to see both");
    journal.sync().await;
    journal.queued().await;
    journal.sync().await;
    seen.await.unwrap().unwrap();
    assert!(unseen.await.unwrap());
    assert_eq!(shown(&setting.await.unwrap().unwrap()), "A 5");
}
