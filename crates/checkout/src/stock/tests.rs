//! Stock as one record: what can be held, sold, granted and corrected.

use super::*;
use crate::settings::Clock;

const CART: CartId = CartId([1; 16]);
const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn tx(number: u8) -> TxId {
    TxId([number; 16])
}

fn clock() -> Clock {
    Clock::at(NOW)
}

fn later(ms: u64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

fn hold(quantity: u64) -> Hold {
    Hold { quantity, cart: CART, until: later(60_000), prepare_by: later(5_500) }
}

fn key(number: u8) -> KeyHash {
    KeyHash([number; 16])
}

fn owner(region: &str) -> Owner {
    Owner::home(region, 1)
}

#[test]
fn what_is_held_is_not_available_and_a_repeat_changes_nothing() {
    let mut stock = Stock::of(5);
    assert_eq!(stock.prepare(tx(1), hold(3), clock()), Ok(()));
    let held = stock.clone();
    assert_eq!(stock.prepare(tx(1), hold(3), clock()), Ok(()));
    assert_eq!(stock, held);
    assert_eq!(stock.prepare(tx(1), hold(2), clock()), Err(Refusal::OtherQuantity));
    assert_eq!(stock.prepare(tx(2), hold(3), clock()), Err(Refusal::Short { available: 2 }));
    assert_eq!(stock.due(), Some(later(60_000)));
}

#[test]
fn an_attempt_that_is_over_is_never_held_again() {
    let mut stock = Stock::of(5);
    stock.prepare(tx(1), hold(1), clock()).unwrap();
    stock.prepare(tx(2), hold(1), clock()).unwrap();
    assert!(stock.apply(tx(1), 1) && stock.release(tx(2)));
    assert!(!stock.apply(tx(1), 1) && !stock.release(tx(2)), "once is enough");
    assert_eq!((stock.sold, stock.held()), (1, 0));
    for over in [tx(1), tx(2)] {
        assert_eq!(stock.prepare(over, hold(1), clock()), Err(Refusal::Over));
    }
    stock.prune(Clock::at(later(2 * DONE_MS)));
    assert!(stock.done.is_empty());
    for over in [tx(1), tx(2)] {
        assert_eq!(stock.prepare(over, hold(1), clock()), Err(Refusal::Over), "the fence");
    }
}

#[test]
fn a_fence_lets_in_whoever_came_later() {
    let mut stock = Stock::of(5);
    stock.prepare(tx(1), hold(1), clock()).unwrap();
    stock.release(tx(1));
    let now = later(2 * DONE_MS);
    stock.prune(Clock::at(now));
    let hold = Hold { prepare_by: Timestamp(now.0 + 5_000), ..hold(1) };
    assert_eq!(stock.prepare(tx(2), hold, Clock::at(now)), Ok(()));
}

#[test]
fn a_clock_that_is_not_trusted_forgets_nothing() {
    let mut stock = Stock::of(5);
    stock.prepare(tx(1), hold(1), clock()).unwrap();
    stock.release(tx(1));
    stock.prune(Clock { now: later(2 * DONE_MS), is_true: false });
    assert_eq!((stock.done.len(), stock.fence), (1, Timestamp(0)));
}

#[test]
fn a_hot_sku_forgets_after_a_minute() {
    let mut stock = Stock::of(10_000);
    for number in 0..=DONE_MAX {
        let tx = TxId((number as u128).to_le_bytes());
        stock.prepare(tx, hold(1), clock()).unwrap();
        stock.apply(tx, 1);
    }
    stock.prune(Clock::at(later(5_500 + DONE_MS_MIN + 1)));
    assert!(stock.done.is_empty());
}

#[test]
fn an_attempt_past_its_time_and_a_frozen_owner_hold_nothing() {
    let mut stock = Stock::of(5);
    assert_eq!(stock.prepare(tx(1), hold(1), Clock::at(later(5_501))), Err(Refusal::Over));
    stock.change(key(1), Change::Freeze, "restored", clock());
    assert_eq!(stock.prepare(tx(1), hold(1), clock()), Err(Refusal::Frozen));
    assert!(!stock.give(&owner("us"), 1));
    stock.change(key(2), Change::Count(4), "counted", clock());
    assert_eq!((stock.available(), stock.prepare(tx(1), hold(4), clock())), (4, Ok(())));
}

#[test]
fn an_order_takes_what_it_lists_whatever_was_held() {
    let mut stock = Stock::of(5);
    stock.prepare(tx(1), hold(3), clock()).unwrap();
    stock.apply(tx(1), 2);
    assert_eq!((stock.sold, stock.available()), (2, 3));
}

#[test]
fn a_change_with_a_known_key_happens_once() {
    let mut stock = Stock::of(0);
    let first = stock.change(key(1), Change::Restock(10), "delivery", clock());
    assert_eq!(stock.change(key(1), Change::Restock(10), "delivery", clock()), first);
    assert_eq!(stock.available(), 10);
    stock.prune(Clock::at(later(CHANGE_MS + 1)));
    assert!(stock.changes.is_empty());
}

use crate::settings::CHANGE_MS;

#[test]
fn a_correction_takes_what_is_available_and_the_rest_is_short() {
    let mut stock = Stock::of(10);
    stock.prepare(tx(1), hold(8), clock()).unwrap();
    let outcome = stock.change(key(1), Change::Remove(5), "damaged", clock());
    assert_eq!(outcome, Outcome { added: 0, taken: 2, short: 3 });
    assert_eq!((stock.available(), stock.short), (0, 3));
    stock.release(tx(1));
    assert_eq!((stock.available(), stock.short, stock.restocked), (5, 0, 5), "what is released settles it");
}

#[test]
fn a_delivery_settles_what_is_short_first() {
    let mut stock = Stock::of(10);
    stock.prepare(tx(1), hold(10), clock()).unwrap();
    stock.apply(tx(1), 10);
    stock.change(key(1), Change::Remove(3), "they never were", clock());
    stock.change(key(2), Change::Restock(10), "delivery", clock());
    assert_eq!((stock.available(), stock.short), (7, 0));
}

#[test]
fn a_count_says_what_is_there_held_units_among_it() {
    let mut stock = Stock::of(10);
    stock.prepare(tx(1), hold(4), clock()).unwrap();
    stock.change(key(1), Change::Count(100), "stocktaking", clock());
    assert_eq!((stock.available(), stock.held()), (96, 4));
    let outcome = stock.change(key(2), Change::Count(3), "stocktaking", clock());
    assert_eq!((stock.available(), stock.short, outcome.taken), (0, 1, 96));
}

#[test]
fn a_grant_is_unsellable_on_its_way_and_counts_once() {
    let (home, away) = (owner("eu"), owner("us"));
    let (mut giver, mut receiver) = (Stock::of(5), Stock::default());
    assert!(giver.give(&away, 3) && !giver.give(&away, 3));
    assert_eq!((giver.available(), receiver.available()), (2, 0));
    assert!(receiver.receive(&home, giver.given_to(&away)));
    assert!(!receiver.receive(&home, 3) && !receiver.receive(&home, 1), "late news");
    assert_eq!(receiver.available(), 3);
    assert!(giver.give(&away, 100));
    assert_eq!((giver.available(), giver.given_to(&away)), (0, 5), "no more than there is");
    assert!(giver.keeps_k1() && receiver.keeps_k1());
}

#[test]
fn the_last_units_come_home_and_shares_are_evened_out() {
    let (eu, us, eu2) = (Stock::of(9), Stock::of(1), Stock::of(2));
    let owners = [(owner("eu"), &eu), (owner("us"), &us), (owner("ap"), &eu2)];
    let home: Vec<u64> = collapse(&owner("eu"), &owners).iter().map(|rights| rights.quantity).collect();
    assert_eq!(home, [1, 2]);
    let plan = refill(&owner("us"), &owners);
    assert_eq!(plan, [Rights { from: owner("eu"), to: owner("us"), quantity: 3 }]);
    assert_eq!(spread_removal(11, &owners).iter().map(|(_, part)| *part).sum::<u64>(), 11);
    assert_eq!(spread_removal(20, &owners)[0].1, 9 + 8, "what nobody has is short at the first");
}
