//! Writes of one cart over a store that takes deltas in before they are durable: they go there one behind the other,
//! and nobody is told of anything that the disk may still lose.

use crate::{
    claims::claim,
    journal::Journal,
    world::{Answered, Shopper, add, remove, shown},
};
use cart::{Dot, WriterId};
use service::Identity;
use tokio::task::JoinHandle;

/// An add that goes on beside the test.
fn adding(shopper: &Shopper, sku: &'static str) -> JoinHandle<Answered> {
    let shopper = shopper.clone();
    tokio::spawn(async move { shopper.change(add(sku, 1)).await })
}

#[tokio::test(start_paused = true)]
async fn a_write_starts_before_the_one_ahead_is_durable_and_neither_is_shown_before_it_is() {
    let (world, journal) = Journal::world().await;
    let ann = world.account("ann");
    let adds = [adding(&ann, "A"), adding(&ann, "A"), adding(&ann, "B")];
    assert_eq!(journal.queued().await, 3, "all are on their way");
    assert!(adds.iter().all(|add| !add.is_finished()));
    assert_eq!(ann.shows().await, "");
    journal.sync().await;
    let mut answers = Vec::new();
    for add in adds {
        answers.push(shown(&add.await.unwrap().unwrap()));
    }
    assert_eq!(answers, ["A 1", "A 2", "A 2, B 1"]);
    assert_eq!(ann.shows().await, "A 2, B 1");
}

#[tokio::test(start_paused = true)]
async fn a_removal_takes_out_what_was_on_its_way_before_it() {
    let (world, journal) = Journal::world().await;
    let ann = world.account("ann");
    let added = adding(&ann, "A");
    assert_eq!(journal.queued().await, 1);
    let removed = tokio::spawn({
        let ann = ann.clone();
        async move { ann.change(remove("A", None)).await }
    });
    assert_eq!(journal.queued().await, 2);
    journal.sync().await;
    added.await.unwrap().unwrap();
    assert_eq!(shown(&removed.await.unwrap().unwrap()), "");
    assert_eq!(ann.shows().await, "");
}

#[tokio::test(start_paused = true)]
async fn the_repeat_of_a_write_is_answered_when_that_is_durable() {
    let (world, journal) = Journal::world().await;
    let ann = world.account("ann");
    let day = u64::from(cart::Timestamp(world.now_ms()).day().0);
    let identity = Identity::Client(Dot::new(WriterId(day << 48 | 7), 1));
    let send = || {
        let (ann, identity) = (ann.clone(), identity.clone());
        tokio::spawn(async move { ann.change_as(&identity, add("A", 1)).await })
    };
    let (first, repeat) = (send(), send());
    assert_eq!(journal.queued().await, 1, "it is written once");
    assert!(!repeat.is_finished(), "its write may still be lost");
    journal.sync().await;
    assert!(!first.await.unwrap().unwrap().replayed);
    let repeated = repeat.await.unwrap().unwrap();
    assert_eq!((shown(&repeated).as_str(), repeated.replayed), ("A 1", true));
}

#[tokio::test(start_paused = true)]
async fn a_claim_waits_for_what_is_on_its_way_to_the_guest() {
    let (world, journal) = Journal::world().await;
    let (guest, ann) = (world.guest(), world.account("ann"));
    let added = adding(&guest, "A");
    assert_eq!(journal.queued().await, 1);
    let claimed = tokio::spawn({
        let (guest, ann) = (guest.clone(), ann.clone());
        async move { claim(&ann, &guest).await }
    });
    assert_eq!(journal.queued().await, 1, "the guest's cart is not read yet");
    journal.sync().await;
    added.await.unwrap().unwrap();
    while !claimed.is_finished() {
        journal.queued().await;
        journal.sync().await;
    }
    claimed.await.unwrap().unwrap();
    assert_eq!(ann.shows().await, "A 1");
}

#[tokio::test(start_paused = true)]
async fn writes_that_the_disk_lost_are_written_again_and_none_starts_from_them() {
    let (world, journal) = Journal::world().await;
    let ann = world.account("ann");
    let lost = [adding(&ann, "A"), adding(&ann, "B")];
    assert_eq!(journal.queued().await, 2);
    journal.lose();
    let later = adding(&ann, "C");
    assert_eq!(journal.queued().await, 0, "the lost ones pause before they try again, and it waits for them");
    let mut finished = 0;
    while finished < 3 {
        journal.queued().await;
        tokio::time::advance(std::time::Duration::from_millis(50)).await;
        journal.sync().await;
        finished = lost.iter().chain([&later]).filter(|add| add.is_finished()).count();
    }
    assert_eq!(ann.shows().await, "A 1, B 1, C 1");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_caller_went_away_does_not_hold_the_next_one_up() {
    let (world, journal) = Journal::world().await;
    let ann = world.account("ann");
    let left = adding(&ann, "A");
    assert_eq!(journal.queued().await, 1);
    left.abort();
    assert!(left.await.unwrap_err().is_cancelled());
    let next = adding(&ann, "B");
    assert_eq!(journal.queued().await, 2);
    journal.sync().await;
    next.await.unwrap().unwrap();
    assert_eq!(ann.shows().await, "A 1, B 1", "it was on its way");
}

#[tokio::test(start_paused = true)]
async fn a_cart_that_never_rests_is_read_again_now_and_then() {
    let (world, journal) = Journal::world().await;
    let ann = world.account("ann");
    let adds: Vec<_> = (0..200).map(|_| adding(&ann, "A")).collect();
    let mut most = 0;
    while !adds.iter().all(JoinHandle::is_finished) {
        most = most.max(journal.queued().await);
        journal.sync().await;
    }
    assert!((2..100).contains(&most), "{most} at once");
    assert_eq!(ann.shows().await, "A 200");
}
