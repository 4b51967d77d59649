//! Rewriting rows: writers leave in the end, and guests' rows never pass for the account's own.

use super::*;
use crate::{
    CartId, Dot, Timestamp, WriterId,
    item::Item,
    line::{Line, List, Sku, Texts},
    operation::{Add, AnnotateCart, Consume, Merge, Seal, Stamp},
    quantity::Quantity,
};
use std::sync::Arc;

const ACCOUNT: CartId = CartId([1; 16]);
const GUEST: CartId = CartId([2; 16]);

fn stamp(writer: u64, seq: u32, day: u32) -> Stamp {
    let at = Timestamp::default().plus_days(20_000 + day);
    Stamp { dot: Dot::new(WriterId(writer), seq), origin: ACCOUNT, at }
}

fn add(stamp: &Stamp) -> Delta {
    let line = Arc::new(Line::new(Sku::parse("book").unwrap(), Texts::default(), None).unwrap());
    let item = Arc::new(Item::unknown(stamp.at));
    let quantity = Quantity::new(1).unwrap();
    Add { line, list: List::Cart, quantity, attributes: None, item }.delta(stamp)
}

fn field(stamp: &Stamp, value: &str) -> Delta {
    let fields = [("currency".into(), Some(value.into()))].into();
    AnnotateCart { fields, lamport: 1 }.delta(stamp)
}

fn day(day: u32) -> Day {
    Day(20_000 + day)
}

/// Rewrites `rows[own]` with what all rows hold.
fn rewrite(rows: &mut [Cart], own: usize, today: u32) {
    let all = Rows { own: Some(&rows[own]), all: rows };
    rows[own] = all.rewritten(&Cart::default(), day(today));
}

#[test]
fn a_forgotten_writer_is_not_taken_in_again_from_a_row_that_still_has_it() {
    let bought =
        add(&stamp(1, 1, 0)).joined(&Consume { dots: vec![stamp(1, 1, 0).dot] }.delta(&stamp(1, 2, 0)));
    let mut rows = [bought.clone(), bought];
    rewrite(&mut rows, 0, 67);
    assert!(!rows[0].context.is_empty(), "not yet");
    rewrite(&mut rows, 0, 68);
    assert!(rows[0].context.is_empty());
    // The other row is rewritten later, as rows are; a rewrite in between must not bring the writer back.
    rewrite(&mut rows, 0, 69);
    rewrite(&mut rows, 1, 70);
    rewrite(&mut rows, 0, 71);
    assert!(rows.iter().all(|row| row.context.is_empty()), "{rows:?}");
}

#[test]
fn a_writer_stays_while_any_row_holds_a_live_entry_of_it() {
    let added = add(&stamp(1, 1, 0));
    let bought = added.joined(&Consume { dots: vec![stamp(1, 1, 0).dot] }.delta(&stamp(2, 1, 0)));
    let mut rows = [bought, added];
    rewrite(&mut rows, 0, 90);
    assert!(rows[0].context.writer(WriterId(1)).is_some());
    assert_eq!(rows[0].joined(&rows[1]).entries.len(), 0);
}

/// The account's rows with what a guest's state brings beside them.
fn beside(account: &Cart, guest: Cart) -> [Cart; 2] {
    [account.clone(), Merge { guest: GUEST, state: guest }.brought(day(1))]
}

#[test]
fn a_writer_stays_while_a_merged_guests_row_holds_a_live_entry_of_it() {
    let guest = add(&stamp(1, 1, 0));
    let merged = Merge { guest: GUEST, state: guest.clone() }.delta(&stamp(9, 1, 0));
    let bought = merged.joined(&Consume { dots: vec![stamp(1, 1, 0).dot] }.delta(&stamp(2, 1, 0)));
    let rows = beside(&bought, guest);
    let rewritten = Rows { own: Some(&bought), all: &rows }.rewritten(&Cart::default(), day(90));
    assert!(
        rewritten.context.writer(WriterId(1)).is_some() && rewritten.context.writer(WriterId(2)).is_none()
    );
    assert!(rewritten.entries.is_empty());
}

#[test]
fn a_guests_late_write_reaches_the_account_and_nothing_else_of_the_guest_does() {
    let account = field(&stamp(3, 1, 0), "GBP");
    let sealed = Seal { account: ACCOUNT }.delta(&stamp(9, 1, 0));
    let late = add(&stamp(1, 1, 1)).joined(&field(&stamp(4, 1, 0), "USD"));
    let rows = beside(&account, sealed.joined(&late));
    let rows = Rows { own: Some(&account), all: &rows };
    for cart in [rows.joined(), rows.rewritten(&Cart::default(), day(1))] {
        assert_eq!((cart.entries.len(), cart.merged_into), (1, None));
        assert_eq!(cart.fields["currency"].value.as_deref(), Some("GBP"));
    }
}

#[test]
fn an_erased_guest_brings_nothing_and_erases_nothing() {
    let account = field(&stamp(3, 1, 0), "GBP");
    let rows = beside(&account, add(&stamp(1, 1, 1)).joined(&Cart::erased()));
    assert_eq!(Rows { own: Some(&account), all: &rows }.joined(), account);
}
