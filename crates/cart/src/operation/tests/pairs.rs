//! Every cell of table 1.4: two operations at once, both executed by somebody who saw one entry of 3.
//!
//! The result is `cart / saved`. "How to read it: up is that many more, down is that many fewer of what I saw,
//! and both happen."

use super::notation::{World, check, units};

/// Executes both at once in two regions, and again the other way round.
fn both(one: &str, other: &str, shown: &str) {
    check(&format!("all: add 3 | a: {one} | b: {other}"), shown);
    check(&format!("all: add 3 | a: {other} | b: {one}"), shown);
}

/// The same for everything that takes the line away.
fn beside_taking_away(one: &str, shown: &str) {
    for taking in ["remove", "clear", "expire", "set 0"] {
        both(one, taking, shown);
    }
}

/// The same beside a checkout, which orders the 3 that it saw.
fn beside_checkout(one: &str, shown: &str) {
    let world = World::after(&format!("all: add 3 | a: {one} | b: checkout"));
    assert_eq!((world.ordered, units(&world.known()).as_str()), (3, shown), "{one} beside a checkout");
}

#[test]
fn two_adds_both_count() {
    both("add 1", "add 1", "5 / 0");
}

#[test]
fn an_add_beside_a_raise_counts_with_it() {
    both("add 1", "set 5", "6 / 0");
}

#[test]
fn an_add_beside_a_lowering_counts_on_top_of_it() {
    both("add 1", "set 1", "2 / 0");
}

#[test]
fn an_add_beside_a_removal_stays() {
    beside_taking_away("add 1", "1 / 0");
}

#[test]
fn an_add_beside_a_saving_stays_in_the_cart() {
    both("add 1", "save", "1 / 3");
}

#[test]
fn an_add_beside_a_checkout_stays_in_the_cart() {
    beside_checkout("add 1", "1 / 0");
}

#[test]
fn two_raises_from_one_view_tell_one_wish() {
    both("set 5", "set 5", "5 / 0");
}

#[test]
fn of_two_raises_from_one_view_the_greater_counts() {
    both("set 5", "set 7", "7 / 0");
}

#[test]
fn a_raise_beside_a_lowering_both_happen() {
    both("set 5", "set 1", "3 / 0");
}

#[test]
fn a_raise_beside_a_removal_leaves_what_was_asked_for_on_top() {
    beside_taking_away("set 5", "2 / 0");
}

#[test]
fn a_raise_beside_a_saving_leaves_the_rest_in_the_cart() {
    both("set 5", "save", "2 / 3");
}

#[test]
fn a_raise_beside_a_checkout_leaves_the_rest_in_the_cart() {
    beside_checkout("set 5", "2 / 0");
}

#[test]
fn two_equal_lowerings_are_one() {
    both("set 1", "set 1", "1 / 0");
}

#[test]
fn of_two_lowerings_from_one_view_the_smaller_counts() {
    both("set 1", "set 2", "1 / 0");
}

#[test]
fn a_lowering_beside_a_removal_is_a_removal() {
    beside_taking_away("set 1", "0 / 0");
}

#[test]
fn a_lowering_beside_a_saving_saves_the_lowered_line() {
    both("set 1", "save", "0 / 1");
}

#[test]
fn a_lowering_beside_a_checkout_comes_too_late() {
    beside_checkout("set 1", "0 / 0");
}

#[test]
fn two_removals_are_one() {
    for one in ["remove", "clear", "expire", "set 0"] {
        beside_taking_away(one, "0 / 0");
    }
}

#[test]
fn a_saving_beside_a_removal_is_a_removal() {
    beside_taking_away("save", "0 / 0");
}

#[test]
fn a_removal_beside_a_checkout_leaves_nothing() {
    for one in ["remove", "clear", "expire"] {
        beside_checkout(one, "0 / 0");
    }
}

#[test]
fn two_savings_save_it_once() {
    both("save", "save", "0 / 3");
}

#[test]
fn a_saving_beside_a_checkout_comes_too_late() {
    beside_checkout("save", "0 / 0");
}

#[test]
fn two_checkouts_of_one_view_consume_it_once() {
    both("checkout", "checkout", "0 / 0");
}
