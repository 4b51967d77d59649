//! Limits: what they refuse, and what a cart over them still takes.

use super::*;
use crate::{
    CartId, Dot, Join, Timestamp, WriterId,
    item::Item,
    laws::{cases, generators},
    line::{Line, List, Sku},
    operation::{Add, AnnotateCart, Clear, Move, Set, Stamp},
    quantity::{Quantity, Target},
    seen::Seen,
    time::Day,
};
use proptest::prelude::*;
use std::sync::Arc;

const CART: CartId = CartId([1; 16]);
const SMALL: Limits = Limits {
    lines_max: 3,
    dots_per_line_max: 4,
    quantity_per_line_max: 100,
    entry_bytes_max: 1000,
    text_bytes_max: 20,
    fields_max: 3,
};

/// A cart that is changed without being asked for limits, as joins do.
#[derive(Default)]
struct Grown {
    cart: Cart,
    operations: u32,
}

fn line(name: &str) -> Arc<Line> {
    Arc::new(Line::new(Sku::parse(name).unwrap(), Texts::default(), None).unwrap())
}

fn item() -> Arc<Item> {
    Arc::new(Item::unknown(Timestamp::default()))
}

impl Grown {
    fn stamp(&mut self) -> Stamp {
        self.operations += 1;
        let dot = Dot::new(WriterId(1), self.operations);
        Stamp { dot, origin: CART, at: Timestamp(0) }
    }

    fn seen(&self) -> Seen {
        Seen::of_cart(CART, &self.cart, Day(0))
    }

    fn step(&mut self, delta: &Cart) -> Result<(), LimitKind> {
        let after = self.cart.joined(delta);
        let checked = SMALL.check(&self.cart, &after).map_err(|refused| refused.kind);
        self.cart = after;
        checked
    }

    fn adding(&mut self, name: &str, n: u32) -> Cart {
        let quantity = Quantity::new(n).unwrap();
        let add = Add { line: line(name), list: List::Cart, quantity, attributes: None, item: item() };
        add.delta(&self.stamp())
    }

    fn add(&mut self, name: &str, n: u32) -> Result<(), LimitKind> {
        let delta = self.adding(name, n);
        self.step(&delta)
    }

    fn set(&mut self, name: &str, to: u32) -> Result<(), LimitKind> {
        let to = Target::new(to).unwrap();
        let set = Set { line: line(name), list: List::Cart, to, item: item(), seen: self.seen() };
        let delta = set.delta(&self.stamp());
        self.step(&delta)
    }

    fn save(&mut self, name: &str) -> Result<(), LimitKind> {
        let save = Move { line: line(name).key(), to: List::Saved, seen: self.seen() };
        let delta = save.delta(&self.stamp());
        self.step(&delta)
    }

    fn field(&mut self, name: &str, value: Option<&str>) -> Result<(), LimitKind> {
        let fields = [(name.into(), value.map(Into::into))].into();
        let lamport = self.seen().next_lamport();
        let delta = AnnotateCart { fields, lamport }.delta(&self.stamp());
        self.step(&delta)
    }
}

#[test]
fn each_limit_refuses_the_step_over_it_and_not_the_one_before() {
    let mut cart = Grown::default();
    assert_eq!(
        ["a", "b", "c", "d"].map(|name| cart.add(name, 1)),
        [Ok(()), Ok(()), Ok(()), Err(LimitKind::Lines)]
    );
    let mut cart = Grown::default();
    assert_eq!([1; 5].map(|n| cart.add("a", n)).last(), Some(&Err(LimitKind::DotsPerLine)));
    let mut cart = Grown::default();
    assert_eq!([cart.add("a", 100), cart.add("a", 1)], [Ok(()), Err(LimitKind::QuantityPerLine)]);
    let mut cart = Grown::default();
    assert_eq!([cart.set("a", 100), cart.set("a", 101)], [Ok(()), Err(LimitKind::QuantityPerLine)]);
    let mut cart = Grown::default();
    assert_eq!(cart.field("note", Some(&"x".repeat(1000))), Err(LimitKind::EntryBytes));
}

#[test]
fn a_line_over_a_limit_does_not_open_the_way_for_others() {
    let mut cart = Grown::default();
    for _ in 0..9 {
        let _ = cart.add("a", 20);
    }
    assert_eq!([20; 6].map(|n| cart.add("b", n)).last(), Some(&Err(LimitKind::DotsPerLine)));
    let mut cart = Grown::default();
    let _ = cart.add("a", 500);
    assert_eq!(cart.add("b", 101), Err(LimitKind::QuantityPerLine));
}

#[test]
fn a_move_never_exceeds_a_limit() {
    let mut cart = Grown::default();
    assert_eq!([cart.add("a", 60), cart.save("a"), cart.add("a", 40), cart.save("a")], [Ok(()); 4]);
    assert_eq!(cart.add("a", 1), Err(LimitKind::QuantityPerLine), "saved units count");
    assert_eq!(cart.save("a"), Ok(()), "and a cart over the limit still moves");
}

#[test]
fn a_cart_over_every_limit_still_takes_what_makes_it_smaller() {
    let mut cart = Grown::default();
    for name in ["a", "b", "c", "d", "e"] {
        for _ in 0..9 {
            let _ = cart.add(name, 90);
        }
        let _ = cart.field(name, Some("value"));
    }
    assert_eq!(cart.add("a", 1), Err(LimitKind::DotsPerLine));
    assert_eq!([cart.set("a", 700), cart.set("b", 1), cart.save("c"), cart.set("d", 0)], [Ok(()); 4]);
    assert_eq!(cart.field("a", None), Ok(()));
    let clear = Clear { list: List::Cart, seen: cart.seen() }.delta(&cart.stamp());
    assert_eq!(cart.step(&clear), Ok(()));
    assert_eq!(cart.step(&Cart::erased()), Ok(()));
}

#[test]
fn names_of_removed_fields_cannot_pile_up() {
    let mut cart = Grown::default();
    let refused = (0..10).filter(|i| {
        let name = format!("coupon-{i}");
        cart.field(&name, Some("x")).is_err() || cart.field(&name, None).is_err()
    });
    assert_eq!(refused.count(), 7);
}

#[test]
fn texts_are_measured_with_their_names() {
    let texts = |value: &str| Texts::from([("name".into(), value.into())]);
    assert_eq!(SMALL.check_texts(&texts(&"x".repeat(16))), Ok(()));
    assert!(SMALL.check_texts(&texts(&"x".repeat(17))).is_err());
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn a_size_that_was_added_to_admits_no_more_than_the_cart_would(
        adds in prop::collection::vec((0..4_usize, 1..60_u32), 1..20),
        known in 0..20_usize,
        entry_bytes_max in prop::sample::select(vec![200, SMALL.entry_bytes_max]),
    ) {
        let limits = Limits { entry_bytes_max, ..SMALL };
        let mut grown = Grown::default();
        let mut size = limits.size(&grown.cart);
        for (at, (name, n)) in adds.into_iter().enumerate() {
            let delta = grown.adding(["A", "B", "C", "D"][name], n);
            if at == known {
                size = limits.size(&grown.cart);
            }
            if limits.admits(&size, &delta) {
                size.add(&delta);
                let after = grown.cart.joined(&delta);
                prop_assert_eq!(limits.check(&grown.cart, &after), Ok(()));
                grown.cart = after;
            }
        }
    }

    #[test]
    fn what_surely_holds_holds(cart in generators::cart()) {
        for limits in [SMALL, Limits { lines_max: 6, dots_per_line_max: 6, entry_bytes_max: 400, ..SMALL }] {
            if limits.surely_hold(&cart) {
                prop_assert_eq!(limits.exceeded(&Size::of(&cart, 0), &Size::default()), None);
            }
        }
    }
}
