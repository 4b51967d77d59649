//! What holds of every operation on every state: C1, C2, C4 to C8, and exactness with a full view.

use super::{cases, generators::*, lattice::cart_knows};
use crate::{
    Cart, Day, Delta, Dot, Timestamp, WriterId,
    format::{decode, encode},
    item::{Item, Snapshot},
    lattice::Join,
    limits::Limits,
    line::{LineKey, List, Sku},
    money::Currency,
    operation::{Clear, Consume, Erase, Expire, Merge, Move, Operation, Remove, Replace, Set, Stamp},
    quantity::Target,
    seen::Seen,
    view::{Surroundings, View},
};
use proptest::{collection::vec, prelude::*};
use std::sync::Arc;

const BOTH: [List; 2] = [List::Cart, List::Saved];

fn joined(deltas: &[Delta]) -> Cart {
    deltas.iter().fold(Cart::default(), |state, delta| state.joined(delta))
}

/// What is shown, as bytes.
fn shown(cart: &Cart) -> String {
    let newest = |_: &Sku| Some(Snapshot::new(1, Arc::new(Item::unknown(Timestamp(1)))));
    let currency = Currency::parse("USD").unwrap();
    format!("{:?}", View::of(cart, &Surroundings::of_catalog(&newest, currency)))
}

/// Units of every line in both lists.
fn units(cart: &Cart) -> Vec<(LineKey, [u64; 2])> {
    lines().iter().map(|line| (line.key(), BOTH.map(|list| cart.quantity(line.key(), list)))).collect()
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn c1_every_operation_only_adds_knowledge(state in cart(), (operation, stamp) in stamped()) {
        let delta = operation.delta(&stamp);
        let after = state.joined(&delta);
        prop_assert!(cart_knows(&after, &state), "{:?}", after);
        let burns = !matches!(operation, Operation::Refresh(_) | Operation::Erase(_));
        prop_assert!(!burns || after.erased || after.context.contains(stamp.dot));
    }

    #[test]
    fn c2_one_knowledge_one_view(
        (there, here) in vec(delta(), 1..8).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        prop_assert_eq!(shown(&joined(&there)), shown(&joined(&here)));
    }

    #[test]
    fn c2_a_view_names_the_dots_that_an_operation_would_be_given(state in cart()) {
        let newest = |_: &Sku| None;
        let currency = Currency::parse("USD").unwrap();
        let view = View::of(&state, &Surroundings::of_catalog(&newest, currency));
        for line in view.all_lines() {
            prop_assert_eq!(&Seen::of_line(CART, &state, line.id.key, Day(1)).lines[0], &line.seen);
            prop_assert_eq!(line.quantity, state.quantity(line.id.key, line.id.list));
        }
        prop_assert_eq!(view.quantity, units(&state).iter().map(|(_, [cart, _])| cart).sum::<u64>());
    }

    #[test]
    fn c5_an_operation_twice_anywhere_is_once(
        here in cart(), there in cart(), (operation, stamp) in stamped(),
    ) {
        let (delta, again) = (operation.delta(&stamp), operation.delta(&stamp));
        let once = here.joined(&there).joined(&delta);
        prop_assert_eq!(&once.joined(&again), &once);
        prop_assert_eq!(here.joined(&delta).joined(&there.joined(&again)), once);
    }

    #[test]
    fn c5_a_retry_at_another_moment_shows_the_same(state in live_cart(), (operation, stamp) in stamped(), later in moment()) {
        let retry = Stamp { at: later, ..stamp };
        let once = state.joined(&operation.delta(&stamp));
        prop_assert_eq!(units(&once.joined(&operation.delta(&retry))), units(&once));
    }

    #[test]
    fn c6_no_live_dot_is_empty(state in cart(), deltas in vec(delta(), 0..6)) {
        let after = state.joined(&joined(&deltas));
        prop_assert!(after.shown().all(|(_, shown)| shown.n > 0));
    }

    #[test]
    fn c7_deltas_arrive_in_any_order_any_number_of_times_through_storage(
        (once, often) in vec(delta(), 1..7).prop_flat_map(|all| {
            let often = all.iter().chain(&all).cloned().collect::<Vec<_>>();
            (Just(all), Just(often).prop_shuffle())
        }),
    ) {
        let stored: Vec<Cart> = often.iter().map(|delta| decode(&encode(delta)).unwrap()).collect();
        prop_assert_eq!(joined(&stored), joined(&once));
    }

    #[test]
    fn c7_a_merge_is_a_join(
        account in live_cart(), before in live_cart(), after in live_cart(), stamp in stamp(),
    ) {
        // Fields apart: all of a guest's come with logical time 0, so which of its own is later is not carried over.
        let unnamed = |state: &Cart| Cart { fields: Default::default(), ..state.clone() };
        let merge = |state: &Cart| Merge { guest: CART, state: unnamed(state) }.delta(&stamp);
        // Merging what the guest did before and then what it did after is merging all of it.
        let apart = account.joined(&merge(&before)).joined(&merge(&after));
        prop_assert_eq!(&apart, &account.joined(&merge(&before.joined(&after))));
        // And is doing the guest's operations here, beside burning the merge's own dot.
        let here = account.joined(&before).joined(&after).joined(&Cart::burning(stamp.dot, stamp.at));
        prop_assert_eq!(apart.entries, here.entries);
    }

    #[test]
    fn c8_no_operation_passes_a_limit(deltas in vec(delta(), 1..12)) {
        let limits = Limits { lines_max: 2, dots_per_line_max: 3, quantity_per_line_max: 8, fields_max: 1, ..Limits::default() };
        let mut state = Cart::default();
        for delta in deltas {
            let after = state.joined(&delta);
            if limits.check(&state, &after).is_ok() {
                state = after;
            }
            let whole = units(&state).into_iter().filter(|(key, _)| state.shown_of(*key).next().is_some());
            prop_assert!(whole.clone().count() <= 2);
            for (key, [cart, saved]) in whole {
                prop_assert!(state.shown_of(key).count() <= 3 && cart <= 8 && saved <= 8);
            }
            prop_assert!(state.fields.len() <= 1);
        }
    }

    #[test]
    fn c8_a_cart_over_its_limits_takes_what_does_not_make_it_larger(
        state in minted_cart(), shown in seen(), key in key(), list in list(), to in target(), stamp in stamp(),
    ) {
        let limits = Limits { lines_max: 0, dots_per_line_max: 0, quantity_per_line_max: 0, entry_bytes_max: 0, text_bytes_max: 0, fields_max: 0 };
        for seen in [with_groups_of(&state, shown), Seen::of_cart(CART, &state, Day(1))] {
            let line = lines().into_iter().find(|line| line.key() == key).unwrap();
            let down = seen.line(key).is_some_and(|line| line.quantity(list) >= u64::from(to.get()));
            let item = Arc::new(Item::unknown(stamp.at));
            let mut taken = vec![
                Operation::Remove(Remove { line: key, list, seen: seen.clone() }),
                Operation::Clear(Clear { list, seen: seen.clone() }),
                Operation::Move(Move { line: key, to: list, seen: seen.clone() }),
                Operation::Expire(Expire { seen: seen.clone() }),
                Operation::Consume(Consume { dots: seen.dots_in(list).collect() }),
                Operation::Erase(Erase),
            ];
            if down {
                taken.push(Operation::Set(Set { line, list, to, item, seen }));
            }
            for operation in taken {
                let after = state.joined(&operation.delta(&stamp));
                prop_assert_eq!(limits.check(&state, &after), Ok(()), "{:?}", operation);
            }
        }
    }

    #[test]
    fn a_set_with_a_full_view_is_exact(state in live_cart(), line in line(), list in list(), to in target(), item in item()) {
        let seen = Seen::of_line(CART, &state, line.key(), Day(1));
        let before = state.quantity(line.key(), list.other());
        let set = Set { line: line.clone(), list, to, item, seen };
        let after = state.joined(&set.delta(&fresh_stamp()));
        prop_assert_eq!(after.quantity(line.key(), list), u64::from(to.get()));
        prop_assert_eq!(after.quantity(line.key(), list.other()), before);
    }

    #[test]
    fn a_removal_or_move_with_a_full_view_leaves_nothing_behind(state in live_cart(), key in key(), list in list()) {
        let seen = Seen::of_line(CART, &state, key, Day(1));
        let remove = Remove { line: key, list, seen: seen.clone() }.delta(&fresh_stamp());
        prop_assert_eq!(state.joined(&remove).quantity(key, list), 0);
        let moved = state.joined(&Move { line: key, to: list.other(), seen }.delta(&fresh_stamp()));
        prop_assert_eq!(moved.quantity(key, list), 0);
        prop_assert!(moved.quantity(key, list.other()) >= state.quantity(key, list).max(state.quantity(key, list.other())));
    }

    #[test]
    fn a_clear_with_a_full_view_empties_one_list(state in live_cart(), list in list()) {
        let seen = Seen::of_cart(CART, &state, Day(1));
        let after = state.joined(&Clear { list, seen }.delta(&fresh_stamp()));
        for line in lines() {
            prop_assert_eq!(after.quantity(line.key(), list), 0);
            prop_assert_eq!(after.quantity(line.key(), list.other()), state.quantity(line.key(), list.other()));
        }
    }

    #[test]
    fn a_replace_with_a_full_view_is_exact(state in live_cart(), wanted in wanted()) {
        let seen = Seen::of_cart(CART, &state, Day(1));
        let after = state.joined(&Replace { lines: wanted.clone(), seen }.delta(&fresh_stamp()));
        for line in lines() {
            let to = wanted.get(&line.key()).map_or(0, |wanted| wanted.to.get());
            prop_assert_eq!(after.quantity(line.key(), List::Cart), u64::from(to));
            prop_assert_eq!(after.quantity(line.key(), List::Saved), state.quantity(line.key(), List::Saved));
        }
    }

    #[test]
    fn two_lowerings_from_one_view_are_the_smaller(
        state in live_cart(), line in line(), list in list(), targets in (target(), target()), item in item(),
    ) {
        let seen = Seen::of_line(CART, &state, line.key(), Day(1));
        let shown = u32::try_from(state.quantity(line.key(), list)).unwrap();
        let [one, other] = [targets.0, targets.1].map(|to| Target::new(to.get().min(shown)).unwrap());
        let set = |to, seq| {
            let set = Set { line: line.clone(), list, to, item: item.clone(), seen: seen.clone() };
            set.delta(&Stamp { dot: Dot::new(WriterId(99), seq), ..fresh_stamp() })
        };
        let after = state.joined(&set(one, 1)).joined(&set(other, 2));
        prop_assert_eq!(after.quantity(line.key(), list), u64::from(one.get().min(other.get())));
    }

    #[test]
    fn an_erased_cart_takes_nothing_in(deltas in vec(delta(), 0..4)) {
        prop_assert_eq!(Cart::erased().joined(&joined(&deltas)), Cart::erased());
    }
}

/// The same view where each dot that `state` holds has the group it has there, as a dot always has.
fn with_groups_of(state: &Cart, mut seen: Seen) -> Seen {
    for seen in seen.lines.iter_mut().flat_map(|line| &mut line.dots) {
        seen.group = state.entries.get(&seen.dot).map_or(seen.group, |entry| entry.group);
    }
    seen
}

/// A stamp whose dot no generated state knows.
fn fresh_stamp() -> Stamp {
    let at = Timestamp::default().plus_days(20_010);
    Stamp { dot: Dot::new(WriterId(99), 1), origin: CART, at }
}
