//! Undo of a merge, 1.5: what was brought leaves the account for a new guest cart, what the policy took comes back,
//! and undoing twice, anywhere, is undoing once.

use super::{
    merging::{ACCOUNT, AT, GUEST, cart, decide, merged},
    notation::{DAY, World, line, units},
};
use crate::{
    Cart, CartId, Dot, Join, WriterId,
    item::Item,
    line::List,
    operation::{Add, MergeRecord, Policy, Remove, Set, Stamp, Undo},
    quantity::{Quantity, Target},
    seen::Seen,
};
use std::sync::Arc;

/// A merge that was decided and done.
struct Done {
    record: MergeRecord,
    account: Cart,
}

fn done(policy: Policy, account: &str, guest: &str) -> Done {
    let (account, guest) = (cart(ACCOUNT, account), cart(GUEST, guest));
    let record = decide(policy, &account, &guest);
    let account = merged(&record, &account, &guest);
    Done { record, account }
}

impl Done {
    /// What account and new guest cart show after undoing, by somebody who sees `account`.
    fn undone(&self, account: &Cart) -> (String, String) {
        let undone = Undo { record: &self.record, account }.deltas(AT);
        (units(&account.joined(&undone.account)), units(&undone.guest))
    }

    fn check(&self, account: &str, guest: &str) {
        assert_eq!(self.undone(&self.account), (account.to_owned(), guest.to_owned()));
    }

    /// The account after somebody typed a quantity of `book`; 0 removes it.
    fn after_set(&self, to: u32) -> Cart {
        let seen = Seen::of_cart(ACCOUNT, &self.account, DAY);
        let stamp = Stamp { dot: Dot::new(WriterId(5), 1), origin: ACCOUNT, at: AT };
        let item = Arc::new(Item::unknown(AT));
        let to = Target::new(to).unwrap();
        self.account.joined(&Set { line: line("book"), list: List::Cart, to, item, seen }.delta(&stamp))
    }
}

#[test]
fn undoing_gives_both_sides_what_they_had() {
    for policy in [Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest] {
        done(policy, "a: add 3 | a: add pen 1", "a: add 5 | a: add ink 2 | a: save ink")
            .check("book 3, pen 1 / 0", "5 / ink 2");
        done(policy, "a: add 5", "a: add 3").check("5 / 0", "3 / 0");
        done(policy, "a: add 3 | a: set 5", "a: set 2 | b: set 4 | b: add 1").check("5 / 0", "5 / 0");
        done(policy, "", "a: add 2").check("0 / 0", "2 / 0");
    }
}

#[test]
fn undoing_twice_is_undoing_once() {
    for policy in [Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest] {
        let done = done(policy, "a: add 3", "a: add 5");
        let first = Undo { record: &done.record, account: &done.account }.deltas(AT);
        let account = done.account.joined(&first.account);
        let second = Undo { record: &done.record, account: &account }.deltas(AT);
        assert_eq!(account.joined(&second.account), account, "{policy:?}");
        assert_eq!(first.guest.joined(&second.guest), first.guest, "{policy:?}");
        assert_eq!(first.guest_id, second.guest_id);
    }
}

#[test]
fn undoing_in_two_regions_is_undoing_once() {
    for policy in [Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest] {
        let done = done(policy, "a: add 3", "a: add 5");
        let here = Undo { record: &done.record, account: &done.account }.deltas(AT);
        // There, neither the merge nor its policy has arrived, or only one of them.
        let before = cart(ACCOUNT, "a: add 3");
        for there in [before.clone(), before.joined(&done.record.delta), Cart::default()] {
            let undone = Undo { record: &done.record, account: &there }.deltas(AT);
            assert_eq!(undone.guest, here.guest, "{policy:?}");
            let both = done.account.joined(&undone.account);
            assert_eq!(both.joined(&here.account), both, "{policy:?}");
            assert_eq!(units(&both), "3 / 0", "{policy:?}");
        }
    }
}

#[test]
fn what_was_removed_since_is_not_returned() {
    let done = done(Policy::Sum, "a: add 3", "a: add 5 | a: add ink 2");
    assert_eq!(done.undone(&done.after_set(0)), ("0 / 0".into(), "ink 2 / 0".into()));
}

#[test]
fn what_was_removed_since_is_not_returned_by_a_region_that_has_not_heard_of_it() {
    let done = done(Policy::Sum, "a: add 3", "a: add 5");
    let knowing = Undo { record: &done.record, account: &done.after_set(0) }.deltas(AT);
    let unaware = Undo { record: &done.record, account: &done.account }.deltas(AT);
    assert_eq!(units(&unaware.guest), "5 / 0");
    assert_eq!(units(&unaware.guest.joined(&knowing.guest)), "0 / 0");
}

#[test]
fn what_was_lowered_since_is_returned_lowered() {
    // Lowering takes plain entries by descending dot: the guest's 5 first.
    let done = done(Policy::Sum, "a: add 3", "a: add 5");
    assert_eq!(done.undone(&done.after_set(6)), ("3 / 0".into(), "3 / 0".into()));
}

#[test]
fn what_was_added_since_stays() {
    let done = done(Policy::Sum, "a: add 3", "a: add 5");
    assert_eq!(done.undone(&done.after_set(10)), ("5 / 0".into(), "5 / 0".into()));
}

#[test]
fn what_the_policy_took_of_the_guest_comes_back_with_what_is_left() {
    let done = done(Policy::Max, "a: add 3", "a: add 5");
    assert_eq!(done.record.delta.entries.values().map(|entry| entry.n).collect::<Vec<_>>(), [Some(2)]);
    assert_eq!(done.undone(&done.after_set(4)), ("3 / 0".into(), "4 / 0".into()));
}

#[test]
fn what_the_policy_took_of_the_account_comes_back_once() {
    let done = done(Policy::KeepGuest, "a: add 3 | a: add 1", "a: add 5");
    assert_eq!(units(&done.account), "5 / 0");
    let undone = Undo { record: &done.record, account: &done.account }.deltas(AT);
    let mut account = done.account.joined(&undone.account);
    assert_eq!(units(&account), "4 / 0");
    // And can be removed, and stays so when the undo is repeated.
    let seen = Seen::of_cart(ACCOUNT, &account, DAY);
    let stamp = Stamp { dot: Dot::new(WriterId(5), 1), origin: ACCOUNT, at: AT };
    account.join(&Remove { line: line("book").key(), list: List::Cart, seen }.delta(&stamp));
    let again = Undo { record: &done.record, account: &account }.deltas(AT);
    assert_eq!(units(&account.joined(&again.account)), "0 / 0");
}

#[test]
fn a_merge_that_was_decided_and_never_done_is_undone_too() {
    for policy in [Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest] {
        let done = done(policy, "a: add 3", "a: add 5");
        assert_eq!(done.undone(&cart(ACCOUNT, "a: add 3")), ("3 / 0".into(), "5 / 0".into()), "{policy:?}");
    }
}

#[test]
fn a_late_write_of_the_guest_stays_in_the_account() {
    let done = done(Policy::Sum, "a: add 3", "a: add 5");
    let late = cart(GUEST, "b: add 1");
    assert_eq!(done.undone(&done.account.joined(&late)), ("4 / 0".into(), "5 / 0".into()));
}

#[test]
fn an_add_of_which_only_a_part_was_known_is_neither_lost_nor_returned() {
    let world = World::of(GUEST, "b: add 5 | b looks v | a with v: set 2");
    let (partial, add) = (&world.replicas["a"], &world.replicas["b"]);
    let account = cart(ACCOUNT, "a: add 1");
    let record = decide(Policy::Sum, &account, partial);
    let account = merged(&record, &account, partial);
    let undone = Undo { record: &record, account: &account }.deltas(AT);
    assert_eq!(units(&account.joined(&undone.account).joined(add)), "3 / 0");
    assert!(undone.guest.entries.is_empty());
}

#[test]
fn the_new_guest_cart_is_a_cart_of_its_own() {
    let done = done(Policy::Sum, "a: add 3", "a: add 5");
    let undone = Undo { record: &done.record, account: &done.account }.deltas(AT);
    assert_eq!(undone.guest_id, CartId::of_undo(ACCOUNT, GUEST));
    assert!(undone.guest.entries.values().all(|entry| entry.origin == Some(undone.guest_id)));
    // Its dots are new: merged into the account again they are shown, though the first ones are gone for good.
    let account = done.account.joined(&undone.account);
    let again = MergeRecord::decide(Policy::Sum, (ACCOUNT, &account), (undone.guest_id, &undone.guest), AT);
    assert_eq!(units(&account.joined(&undone.guest).joined(&again.delta)), "8 / 0");
    let add = Add {
        line: line("book"),
        list: List::Cart,
        quantity: Quantity::new(1).unwrap(),
        attributes: None,
        item: Arc::new(Item::unknown(AT)),
    };
    let stamp = Stamp { dot: Dot::new(WriterId(6), 1), origin: undone.guest_id, at: AT };
    assert_eq!(units(&undone.guest.joined(&add.delta(&stamp))), "6 / 0");
}
