//! Each operation by itself: one shopper, one after the other, gets what was asked for.

use super::notation::{World, check, units};
use crate::{Cart, view::CURRENCY_FIELD};

#[test]
fn a_set_with_a_full_view_is_exact() {
    for to in 0..=9 {
        let lists = format!("{to} / 0");
        check(&format!("all: add 3 | all: set {to}"), &lists);
        check(&format!("all: add 3 | all: add 2 | all: set 7 | all: set 4 | all: set {to}"), &lists);
        check(&format!("all: add 1 | all: set 5 | all: set 2 | all: set 6 | all: set {to}"), &lists);
    }
}

#[test]
fn a_set_to_what_is_shown_changes_nothing_but_is_known() {
    let world = World::after("all: add 3 | all: set 3");
    let cart = &world.replicas["a"];
    assert_eq!((units(cart).as_str(), cart.entries.len()), ("3 / 0", 1));
    assert_eq!(cart.context.writers().map(|(_, known)| known.seqs.iter().len()).sum::<usize>(), 1);
    assert!(cart.context.writers().all(|(_, known)| known.seqs.covers(1, 2)), "the second dot is burned");
}

#[test]
fn a_set_of_a_line_that_was_not_shown_starts_from_nothing() {
    check("all: add pen 1 | all: set 2", "book 2, pen 1 / 0");
}

#[test]
fn lowering_keeps_what_came_between() {
    check("all: add 3 | a looks v | all: add 2 | a with v: set 1", "3 / 0");
}

#[test]
fn a_raise_from_an_old_view_asks_for_that_many_more() {
    check("all: add 3 | a looks v | all: set 1 | a with v: set 5", "3 / 0");
}

#[test]
fn raises_from_views_that_differ_only_in_units_both_count() {
    check("all: add 3 | a looks v | all: set 1 | all: set 4 | a with v: set 5", "6 / 0");
}

#[test]
fn a_raise_told_twice_and_then_lowered_is_exact() {
    check("all: add 1 | a: set 5 | b: set 4 | join | all: set 2", "2 / 0");
    check("all: add 1 | a: set 5 | b: set 4 | join | all: set 1", "1 / 0");
    check("all: add 1 | a: set 5 | b: set 4 | join | all: set 0", "0 / 0");
}

#[test]
fn a_removal_takes_only_what_was_shown() {
    check("all: add 3 | a looks v | all: add 2 | a with v: remove", "2 / 0");
    check("all: add 3 | all: add 2 | all: remove", "0 / 0");
}

#[test]
fn a_removal_that_arrives_before_the_add_still_holds() {
    check("a: add 3 | a looks v | b with v: remove", "0 / 0");
}

#[test]
fn a_removed_line_can_be_put_in_again() {
    check("all: add 3 | all: remove | all: add 2", "2 / 0");
    check("all: add 3 | all: remove | all: set 2", "2 / 0");
    check("all: set 2 | all: remove | all: set 2", "2 / 0");
}

#[test]
fn a_line_moves_there_and_back() {
    check("all: add 3 | all: save", "0 / 3");
    check("all: add 3 | all: save | all: unsave", "3 / 0");
    check("all: add 3 | all: save | all: unsave | all: save", "0 / 3");
    check("all: add 3 | all: save | all: add 1 | all: save", "0 / 4");
    check("all: add 3 | all: save | all: add 1 | all: unsave", "4 / 0");
}

#[test]
fn a_move_back_that_saw_the_move_wins_over_it_in_any_order() {
    check("all: add 3 | a: save | b <- a | b: unsave", "3 / 0");
    check("all: add 3 | a: save | b <- a | b: unsave | a: again", "3 / 0");
}

#[test]
fn setting_a_line_leaves_what_is_saved_of_it() {
    check("all: add 3 | all: save | all: set 2", "2 / 3");
    check("all: add 3 | all: save | all: set 2 | all: set 0", "0 / 3");
    check("all: add 3 | all: save | all: set 2 | all: clear saved", "2 / 0");
}

#[test]
fn clear_empties_one_list_of_what_was_shown() {
    check("all: add 3 | all: add pen 1 | all: clear", "0 / 0");
    check("all: add 3 | all: add pen 1 | all: save pen | all: clear", "0 / pen 1");
    check("all: add 3 | a looks v | all: add pen 1 | a with v: clear", "pen 1 / 0");
}

#[test]
fn expiry_takes_both_lists_and_leaves_what_came_later() {
    check("all: add 3 | all: add pen 1 | all: save pen | all: expire", "0 / 0");
    check("all: add 3 | a: expire | b: add 1", "1 / 0");
}

#[test]
fn expiry_does_not_count_as_touching() {
    let before = World::after("all: add 3").replicas["a"].touched;
    assert_eq!(World::after("all: add 3 | all: expire").replicas["a"].touched, before);
    assert!(World::after("all: add 3 | all: remove").replicas["a"].touched > before);
}

#[test]
fn a_checkout_consumes_what_it_saw_and_leaves_what_is_saved() {
    check("all: add 3 | all: add pen 1 | all: save pen | all: checkout", "0 / pen 1");
    check("all: add 3 | a looks v | all: add 2 | a with v: checkout", "2 / 0");
}

#[test]
fn replace_makes_the_cart_what_the_caller_wants() {
    check(
        "all: add 3 | all: add pen 1 | all: add ink 2 | all: replace book 1 pen 4 cup 2",
        "book 1, cup 2, pen 4 / 0",
    );
    check("all: add 3 | all: replace", "0 / 0");
}

#[test]
fn replace_is_a_three_way_merge() {
    // Meanwhile somebody adds a pen, one more book and a cup: the caller meant none of them.
    check(
        "all: add 3 | all: add ink 2 | a looks v | b: add pen 1 | b: add 1 | b: add cup 1 | a with v: replace book 2 cup 2",
        "book 3, cup 3, pen 1 / 0",
    );
}

#[test]
fn two_tabs_that_put_the_same_new_line_count_once() {
    check("all: add 3 | a: replace book 3 pen 2 | b: replace book 3 pen 2", "book 3, pen 2 / 0");
    check("all: add 3 | a: replace book 3 pen 2 | b: replace book 3 pen 4", "book 3, pen 4 / 0");
    check("a: replace pen 2 | b: set pen 2", "pen 2 / 0");
}

#[test]
fn two_tabs_that_raise_the_same_line_by_replace_count_once() {
    check("all: add 3 | a: replace book 5 | b: replace book 5", "5 / 0");
    check("all: add 3 | a: replace book 5 | b: set 5", "5 / 0");
}

#[test]
fn replace_leaves_what_is_saved() {
    check("all: add 3 | all: add pen 1 | all: save pen | all: replace book 3", "3 / pen 1");
}

#[test]
fn a_note_stays_until_it_is_written_anew() {
    let note = |case: &str| {
        let world = World::after(case);
        let known = world.known();
        let entries = known.entries.values();
        entries.filter_map(|entry| Some(entry.attributes.as_ref()?.value["note"].to_string())).max()
    };
    assert_eq!(note("all: add 3 | all: note gift").as_deref(), Some("gift"));
    assert_eq!(note("all: add 3 | all: note zz | all: note aa").as_deref(), Some("aa"));
    assert_eq!(note("all: add 3 | all: note zz | b <- a | b: note aa").as_deref(), Some("aa"));
    assert_eq!(note("all: add 3 | all: note gift | all: remove"), None);
}

#[test]
fn a_field_stays_until_it_is_written_anew_or_removed() {
    let field = |case: &str| {
        let cart = World::after(case).known();
        cart.fields[CURRENCY_FIELD].value.as_ref().map(ToString::to_string)
    };
    assert_eq!(field("all: field currency GBP").as_deref(), Some("GBP"));
    assert_eq!(field("all: field currency GBP | all: field currency EUR").as_deref(), Some("EUR"));
    assert_eq!(field("all: field currency GBP | all: field currency"), None);
    assert_eq!(field("all: field currency GBP | b: field currency EUR | a: add 3").as_deref(), Some("EUR"));
}

#[test]
fn a_refresh_mints_and_burns_nothing() {
    let before = World::after("all: add 3").replicas["a"].clone();
    let after = World::after("all: add 3 | all: refresh 4").replicas["a"].clone();
    assert_eq!(
        (units(&after), &after.context, after.touched),
        (units(&before), &before.context, before.touched)
    );
    let latest =
        |cart: &Cart| cart.entries.values().next().and_then(|entry| entry.latest.clone()).map(|s| s.stamp);
    assert_eq!((latest(&before), latest(&after)), (None, Some(4)));
    let older_later = World::after("all: add 3 | all: refresh 4 | all: refresh 3").replicas["a"].clone();
    assert_eq!(latest(&older_later), Some(4));
}

#[test]
fn a_refresh_of_a_removed_line_brings_nothing_back() {
    check("all: add 3 | a: remove | b: refresh 4", "0 / 0");
}

#[test]
fn erasure_takes_everything_and_whatever_comes_later() {
    let world = World::after("all: add 3 | a: erase | b: add 1 | b: field note hi | join | b: add 1");
    assert!(world.replicas.values().all(|cart| *cart == Cart::erased()));
}

#[test]
fn any_operation_once_more_changes_nothing() {
    for operation in [
        "add 1",
        "set 5",
        "set 1",
        "remove",
        "clear",
        "save",
        "note x",
        "field note x",
        "expire",
        "checkout",
        "replace book 1 pen 2",
    ] {
        let once = World::after(&format!("all: add 3 | all: set 4 | a: {operation}"));
        let twice =
            World::after(&format!("all: add 3 | all: set 4 | a: {operation} | a: again | b <- a | a: again"));
        assert_eq!(once.known(), twice.known(), "{operation}");
    }
}

#[test]
fn parts_that_arrive_before_the_add_are_not_shown_and_not_lost() {
    for (operation, shown) in
        [("set 1", "1 / 0"), ("save", "0 / 3"), ("note x", "3 / 0"), ("refresh 1", "3 / 0")]
    {
        let world = World::after(&format!("a: add 3 | a looks v | b with v: {operation}"));
        assert_eq!((world.at("b").as_str(), world.replicas["b"].entries.len()), ("0 / 0", 1), "{operation}");
        check(&format!("a: add 3 | a looks v | b with v: {operation}"), shown);
    }
}
