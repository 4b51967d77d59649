//! The proof of a checkout, over stores in memory: every plot, every blow at every step, and a look before each.

use service::proof::{Extent, Mood, Plot, Survived, survives_all, what_an_undo_left_can_be_bought};
use storage::{Stores, WritePath, memory};

fn stores() -> Stores {
    memory::open(WritePath::Append)
}

/// A plot with every blow at every step.
async fn check(plot: Plot) -> usize {
    let Survived { steps, blows } = survives_all(plot, Extent::ALL, stores).await;
    assert_eq!(blows, 6 * steps);
    steps
}

#[tokio::test(start_paused = true)]
async fn a_plain_checkout_survives_a_fault_at_every_step() {
    assert!(check(Plot::Plain).await > 8);
}

#[tokio::test(start_paused = true)]
async fn two_skus_split_over_buckets_are_sold_completely_or_not_at_all() {
    assert!(check(Plot::Split).await > 12);
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_finds_too_little_leaves_nothing_held() {
    check(Plot::OutOfStock).await;
}

#[tokio::test(start_paused = true)]
async fn a_customers_limit_is_counted_once() {
    check(Plot::Limited).await;
}

#[tokio::test(start_paused = true)]
async fn no_money_is_kept_without_an_order_whatever_the_payment_hook_does() {
    for mood in [Mood::Yes, Mood::No, Mood::Asks, Mood::Mute, Mood::Hangs] {
        check(Plot::Pays(mood)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_waits_for_its_shopper_is_confirmed_or_called_off_once() {
    check(Plot::Confirmed).await;
    check(Plot::Cancelled).await;
}

#[tokio::test(start_paused = true)]
async fn lines_of_a_merged_guest_are_bought_once() {
    check(Plot::Merged).await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_takes_what_no_order_has_and_the_rest_can_still_be_bought() {
    check(Plot::UndoneWhileBought).await;
    check(Plot::Undone).await;
    what_an_undo_left_can_be_bought(stores()).await;
}

#[tokio::test(start_paused = true)]
async fn two_customers_never_get_more_than_there_is() {
    check(Plot::Raced).await;
}
