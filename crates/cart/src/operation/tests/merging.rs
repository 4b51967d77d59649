//! Merge of a guest's cart into an account's, 1.5: the join, its policies, and the one decision on them.

use super::notation::{DAY, World, units};
use crate::{
    Cart, CartId, Join, Timestamp,
    line::List,
    operation::{Merge, MergeRecord, MergeRule, Policy, Stamp, preview},
};

pub(super) const ACCOUNT: CartId = CartId([1; 16]);
pub(super) const GUEST: CartId = CartId([2; 16]);
pub(super) const AT: Timestamp = Timestamp(20_000 * 24 * 60 * 60 * 1000 + 99);
const POLICIES: [Policy; 4] = [Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest];

/// The state of a cart after a case.
pub(super) fn cart(id: CartId, case: &str) -> Cart {
    World::of(id, case).known()
}

pub(super) fn decide(policy: Policy, account: &Cart, guest: &Cart) -> MergeRecord {
    MergeRecord::decide(policy, (ACCOUNT, account), (GUEST, guest), AT)
}

/// What a merge under a record changes in the account, wherever it is done.
pub(super) fn merged(record: &MergeRecord, account: &Cart, guest: &Cart) -> Cart {
    let stamp = Stamp { dot: Merge::dot(ACCOUNT, GUEST), origin: ACCOUNT, at: AT };
    let merge = Merge { guest: GUEST, state: guest.clone() };
    account.joined(&merge.delta(&stamp)).joined(&record.delta)
}

/// Merges under a policy, twice and in both orders of join and policy, and compares what is shown. What the
/// preview says is what happens.
fn check(policy: Policy, account: &str, guest: &str, shown: &str) {
    let (account, guest) = (cart(ACCOUNT, account), cart(GUEST, guest));
    let record = decide(policy, &account, &guest);
    let once = merged(&record, &account, &guest);
    assert_eq!(units(&once), shown, "{policy:?}");
    assert_eq!(merged(&record, &once, &guest), once, "merging twice under {policy:?}");
    assert_eq!(units(&merged(&record, &record.delta.joined(&account), &guest)), shown, "policy first");
    for outcome in preview(policy, &account, &guest) {
        let (key, list) = (outcome.line.key, outcome.line.list);
        assert_eq!(once.quantity(key, list), outcome.result, "preview of {policy:?}: {outcome:?}");
        assert_eq!(
            (guest.quantity(key, list), account.quantity(key, list)),
            (outcome.guest, outcome.account)
        );
        let both = outcome.account > 0;
        assert_eq!(outcome.rule, if both { MergeRule::Both(policy) } else { MergeRule::OnlyGuest });
    }
}

#[test]
fn by_default_units_of_both_add_up() {
    assert_eq!(Policy::default(), Policy::Sum);
    check(Policy::Sum, "a: add 3", "a: add 2", "5 / 0");
    check(Policy::Sum, "a: add 3", "", "3 / 0");
    check(Policy::Sum, "", "a: add 2", "2 / 0");
}

#[test]
fn groups_of_guest_and_account_add_up() {
    // Both typed 2 into an empty cart: two wishes, not one told twice.
    check(Policy::Sum, "a: set 2", "a: set 2", "4 / 0");
    check(Policy::Sum, "a: set 2 | b: set 3", "a: set 2 | b: set 4", "7 / 0");
    check(Policy::Sum, "a: replace book 2 pen 1", "a: replace book 2 pen 1", "book 4, pen 2 / 0");
}

#[test]
fn max_keeps_the_larger_side_of_each_line() {
    check(Policy::Max, "a: add 3", "a: add 2", "3 / 0");
    check(Policy::Max, "a: add 3", "a: add 5", "5 / 0");
    check(Policy::Max, "a: add 3", "a: add 3", "3 / 0");
    check(Policy::Max, "a: add 3 | a: add 1", "a: add 2 | a: set 7", "7 / 0");
    check(Policy::Max, "a: add 3 | a: add pen 1", "a: add 5 | a: add ink 2", "book 5, ink 2, pen 1 / 0");
}

#[test]
fn keep_account_keeps_its_units_of_shared_lines() {
    check(Policy::KeepAccount, "a: add 3", "a: add 5", "3 / 0");
    check(
        Policy::KeepAccount,
        "a: add 3 | a: add pen 1",
        "a: add 5 | a: add ink 2",
        "book 3, ink 2, pen 1 / 0",
    );
    check(Policy::KeepAccount, "", "a: add 5", "5 / 0");
}

#[test]
fn keep_guest_keeps_its_units_of_shared_lines() {
    check(Policy::KeepGuest, "a: add 3", "a: add 5", "5 / 0");
    check(
        Policy::KeepGuest,
        "a: add 3 | a: add pen 1",
        "a: add 5 | a: add ink 2",
        "book 5, ink 2, pen 1 / 0",
    );
    check(Policy::KeepGuest, "a: add 3", "", "3 / 0");
}

#[test]
fn a_line_in_the_other_list_is_not_a_shared_line() {
    for policy in POLICIES {
        check(policy, "a: add 3 | a: save", "a: add 5", "5 / 3");
        check(policy, "a: add 3 | a: save", "a: add 5 | a: save | a: add 1", {
            match policy {
                Policy::Sum => "1 / 8",
                Policy::Max | Policy::KeepGuest => "1 / 5",
                Policy::KeepAccount => "1 / 3",
            }
        });
    }
}

#[test]
fn a_wish_that_both_sides_tell_counts_once_under_every_policy() {
    // The guest's tab typed 5 twice: one telling reached the guest's cart, the other, with the guest's view, the
    // account's.
    let (guest, told_again) = (cart(GUEST, "a: set 5"), cart(GUEST, "b: set 3"));
    for policy in POLICIES {
        let record = decide(policy, &told_again, &guest);
        let done = merged(&record, &told_again, &guest);
        let shown = if policy == Policy::KeepAccount { "3 / 0" } else { "5 / 0" };
        assert_eq!(units(&done), shown, "{policy:?}");
        let line = &preview(policy, &told_again, &guest)[0];
        assert_eq!(done.quantity(line.line.key, List::Cart), line.result, "{policy:?}");
    }
}

#[test]
fn items_removed_after_a_merge_stay_removed() {
    let (account, guest) = (cart(ACCOUNT, "a: add 3"), cart(GUEST, "a: add 2 | a: add pen 1"));
    for policy in POLICIES {
        let record = decide(policy, &account, &guest);
        let mut account = merged(&record, &account, &guest);
        account.join(&clearing(&account));
        assert_eq!(units(&merged(&record, &account, &guest)), "0 / 0", "{policy:?}");
    }
}

/// The removal of all that is shown.
fn clearing(account: &Cart) -> Cart {
    use crate::{Dot, WriterId, operation::Clear, seen::Seen};
    let seen = Seen::of_cart(ACCOUNT, account, DAY);
    let stamp = Stamp { dot: Dot::new(WriterId(5), 1), origin: ACCOUNT, at: AT };
    Clear { list: List::Cart, seen }.delta(&stamp)
}

#[test]
fn a_repeated_login_does_not_double_the_cart() {
    let guest = cart(GUEST, "a: add 2");
    let first = decide(Policy::Sum, &Cart::default(), &guest);
    let account = merged(&first, &Cart::default(), &guest);
    let second = decide(Policy::Sum, &account, &guest);
    assert_eq!(units(&merged(&second, &account, &guest)), "2 / 0");
    assert_eq!(preview(Policy::Sum, &account, &guest)[0].result, 2);
}

#[test]
fn a_guest_that_was_merged_long_ago_is_not_merged_again() {
    let guest = cart(GUEST, "a: add 2");
    let record = decide(Policy::Sum, &Cart::default(), &guest);
    let account = merged(&record, &Cart::default(), &guest);
    let after = |days: u32| AT.plus_days(days).day();
    assert!(Cart::default().takes_guest(GUEST, after(90)) && !Cart::default().reads_guest(GUEST, after(0)));
    assert!(account.takes_guest(GUEST, after(67)) && account.reads_guest(GUEST, after(67)));
    assert!(!account.takes_guest(GUEST, after(68)) && !account.reads_guest(GUEST, after(68)));
    // What would happen: the removal is forgotten, and the guest's rows still hold the item.
    let mut forgetful = account.joined(&clearing(&account));
    forgetful.forget_old_writers([], after(68));
    assert_eq!(units(&merged(&record, &forgetful, &guest)), "2 / 0");
}

#[test]
fn the_record_is_decided_once_and_applied_in_two_regions() {
    // Region B has not heard of the account's last add when it merges, nor region A of B's removal.
    let before = cart(ACCOUNT, "a: add 3");
    let late = before.joined(&cart(ACCOUNT, "b: add 2"));
    let guest = cart(GUEST, "a: add 4");
    for (policy, shown) in [
        (Policy::Sum, "9 / 0"),
        (Policy::Max, "6 / 0"),
        (Policy::KeepAccount, "5 / 0"),
        (Policy::KeepGuest, "6 / 0"),
    ] {
        let record = decide(policy, &before, &guest);
        let (here, there) = (merged(&record, &before, &guest), merged(&record, &late, &guest));
        assert_eq!(units(&here.joined(&there)), shown, "{policy:?}: the unseen add counts on top");
    }
}

#[test]
fn a_guests_fields_fill_gaps_and_never_win() {
    let guest = cart(GUEST, "a: field note hi | a: field currency USD");
    let early = cart(ACCOUNT, "b: field currency GBP");
    let record = decide(Policy::Sum, &early, &guest);
    let done = merged(&record, &early, &guest);
    let value = |cart: &Cart, name: &str| cart.fields[name].value.clone();
    assert_eq!(
        (value(&done, "note").as_deref(), value(&done, "currency").as_deref()),
        (Some("hi"), Some("GBP"))
    );
    // Merged where the account's field was not known yet.
    let blind = merged(&record, &Cart::default(), &guest);
    assert_eq!(value(&blind, "currency").as_deref(), Some("USD"));
    assert_eq!(value(&blind.joined(&early), "currency").as_deref(), Some("GBP"));
}

#[test]
fn a_merge_equals_doing_the_guests_operations_here() {
    let (account, guest) =
        (cart(ACCOUNT, "a: add 3"), cart(GUEST, "a: add 4 | a: set 2 | b: add 1 | a: save"));
    let done = merged(&decide(Policy::Sum, &account, &guest), &account, &guest);
    assert_eq!(done.entries, account.joined(&guest).entries);
    assert!(done.context.covers(&guest.context) && done.touched >= guest.touched);
    assert!(done.merged.contains_key(&GUEST) && done.merged_into.is_none());
}

#[test]
fn an_erased_guest_brings_nothing() {
    let (account, guest) = (cart(ACCOUNT, "a: add 3"), cart(GUEST, "a: add 2 | a: erase"));
    for policy in POLICIES {
        let record = decide(policy, &account, &guest);
        let done = merged(&record, &account, &guest);
        assert_eq!((units(&done).as_str(), done.erased, done.merged.len()), ("3 / 0", false, 0));
        assert!(preview(policy, &account, &guest).is_empty());
    }
}

#[test]
fn one_guest_in_two_accounts_is_shown_in_both() {
    let guest = cart(GUEST, "a: add 2");
    let record = decide(Policy::Sum, &Cart::default(), &guest);
    let first = merged(&record, &Cart::default(), &guest);
    let second = merged(&record, &cart(CartId([3; 16]), "a: add 1"), &guest);
    assert_eq!((units(&first).as_str(), units(&second).as_str()), ("2 / 0", "3 / 0"));
}

#[test]
fn all_sixty_five_items_arrive() {
    let names: Vec<String> = (0..65).map(|i| format!("item-{i}")).collect();
    let adds: Vec<String> = names.iter().map(|name| format!("a: add {name} 2")).collect();
    let (account, guest) = (cart(ACCOUNT, "a: add item-7 1 | a: add book 3"), cart(GUEST, &adds.join(" | ")));
    let done = merged(&decide(Policy::Sum, &account, &guest), &account, &guest);
    assert_eq!(preview(Policy::Sum, &account, &guest).len(), 65);
    for name in &names {
        let expected = if name == "item-7" { 3 } else { 2 };
        assert_eq!(done.quantity(super::notation::line(name).key(), List::Cart), expected, "{name}");
    }
    assert_eq!(done.quantity(super::notation::line("book").key(), List::Cart), 3);
}

#[test]
fn what_the_guest_lowered_before_the_add_arrived_is_no_line_yet() {
    // One region of the guest knows only that the dot was lowered.
    let world = World::of(GUEST, "b: add 5 | b looks v | a with v: set 2");
    let (partial, add) = (&world.replicas["a"], &world.replicas["b"]);
    let account = cart(ACCOUNT, "a: add 1");
    for policy in POLICIES {
        let record = decide(policy, &account, partial);
        assert!(preview(policy, &account, partial).is_empty() && record.brought.is_empty());
        let done = merged(&record, &account, partial).joined(add);
        assert_eq!(units(&done), "3 / 0", "{policy:?}: the late add belongs to the account");
    }
}
