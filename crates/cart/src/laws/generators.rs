//! Generated states and operations over a small world: few writers, few lines, so that things meet.

use crate::{
    Cart, CartId, Day, Delta, Dot, Timestamp, WriterId,
    context::Context,
    entry::{Entry, Group},
    item::{Item, Snapshot},
    lattice::Register,
    line::{Line, LineKey, List, Sku, Texts},
    money::{Currency, Money},
    operation::{
        Add, AnnotateCart, AnnotateLine, Clear, Consume, Erase, Expire, Merge, Move, Operation, Refresh,
        Remove, Replace, Seal, Set, Stamp, Wanted,
    },
    quantity::{Quantity, Target},
    seen::{Extent, Seen, SeenDot, SeenLine},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use smol_str::SmolStr;
use std::{collections::BTreeMap, sync::Arc};

pub(crate) const CART: CartId = CartId([7; 16]);
const WRITERS: u64 = 4;
const SEQS: u32 = 4;
const FIRST_DAY: u32 = 20_000;

/// The lines of the small world: plain, with an option, and of a seller.
pub(crate) fn lines() -> Vec<Arc<Line>> {
    let options = Texts::from([("colour".into(), "red".into())]);
    let line = |options: &Texts, seller| Line::new(Sku::parse("book").unwrap(), options.clone(), seller);
    let all = [line(&Texts::default(), None), line(&options, None), line(&options, Some("shop".into()))];
    all.into_iter().map(|line| Arc::new(line.unwrap())).collect()
}

pub(crate) fn line() -> impl Strategy<Value = Arc<Line>> {
    select(lines())
}

pub(crate) fn key() -> impl Strategy<Value = LineKey> {
    line().prop_map(|line| line.key())
}

pub(crate) fn list() -> impl Strategy<Value = List> {
    select(vec![List::Cart, List::Saved])
}

pub(crate) fn dot() -> impl Strategy<Value = Dot> {
    (1..=WRITERS, 1..=SEQS).prop_map(|(writer, seq)| Dot::new(WriterId(writer), seq))
}

pub(crate) fn day() -> impl Strategy<Value = Day> {
    (0..5u32).prop_map(|day| Day(FIRST_DAY + day))
}

pub(crate) fn moment() -> impl Strategy<Value = Timestamp> {
    (day(), 0..4u64).prop_map(|(day, after)| Timestamp(Timestamp::default().plus_days(day.0).0 + after))
}

fn cart_id() -> impl Strategy<Value = CartId> {
    (0..3u8).prop_map(|id| CartId([id; 16]))
}

pub(crate) fn register<T: std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Register<T>> {
    (0..3u64, 1..=WRITERS, value).prop_map(|(lamport, writer, value)| Register {
        lamport,
        writer: WriterId(writer),
        value,
    })
}

fn texts() -> impl Strategy<Value = Arc<Texts>> {
    let pair = (select(vec!["note", "wrap"]), select(vec!["", "a", "b"]));
    vec(pair, 0..3).prop_map(|pairs| {
        Arc::new(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    })
}

pub(crate) fn item() -> impl Strategy<Value = Arc<Item>> {
    let text = || option::of(select(vec!["https://shop.example/a.jpg", ""]).prop_map(SmolStr::from));
    let price = option::of((0..3i64, select(vec!["GBP", "EUR"])));
    let limits = (option::of(1..3u32), option::of(2..5u32));
    (text(), text(), price, any::<(bool, bool)>(), limits, moment()).prop_map(
        |(image, url, price, (quoted, available), (quantity_min, quantity_max), captured_at)| {
            let price =
                price.and_then(|(amount, currency)| Money::price(amount * 100, Currency::parse(currency)?));
            let title = "A book".into();
            Arc::new(Item {
                title,
                image,
                url,
                price,
                quoted,
                available,
                quantity_min,
                quantity_max,
                captured_at,
            })
        },
    )
}

pub(crate) fn snapshot() -> impl Strategy<Value = Snapshot> {
    (moment(), item()).prop_map(|(at, item)| Snapshot::new(at.0, item))
}

fn group() -> impl Strategy<Value = Group> {
    prop_oneof![2 => Just(Group::NONE), 3 => (1..4u64).prop_map(Group)]
}

/// An entry, often partial.
pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let often = |chance: f64| move |value| option::weighted(chance, value);
    (
        option::weighted(0.8, line()),
        option::weighted(0.8, cart_id()),
        often(0.8)(1..6u32),
        group(),
        option::weighted(0.8, register(list())),
        option::weighted(0.3, register(texts())),
        option::weighted(0.8, snapshot()),
        option::weighted(0.3, snapshot()),
    )
        .prop_map(|(line, origin, n, group, place, attributes, added, latest)| Entry {
            line,
            origin,
            n,
            group,
            place,
            attributes,
            added,
            latest,
        })
}

pub(crate) fn context() -> impl Strategy<Value = Context> {
    vec((dot(), day()), 0..8).prop_map(|dots| {
        let mut context = Context::default();
        dots.into_iter().for_each(|(dot, day)| context.insert(dot, day));
        context
    })
}

fn fields() -> impl Strategy<Value = BTreeMap<SmolStr, Register<Option<SmolStr>>>> {
    let value = option::of(select(vec!["GBP", "EUR", ""]).prop_map(SmolStr::from));
    let name = select(vec!["currency", "note"]).prop_map(SmolStr::from);
    proptest::collection::btree_map(name, register(value), 0..3)
}

/// Any state: live, gone and unknown dots, fields, merges; now and then an erased one.
pub(crate) fn cart() -> impl Strategy<Value = Cart> {
    let live = vec((dot(), entry(), day()), 0..6);
    let merged = proptest::collection::btree_map(cart_id(), day(), 0..3);
    let parts = (live, context(), moment(), fields(), merged, option::weighted(0.2, cart_id()));
    let cart = parts.prop_map(|(live, context, touched, fields, merged, merged_into)| {
        let mut cart = Cart { context, touched, fields, merged, merged_into, ..Cart::default() };
        live.into_iter().for_each(|(dot, entry, day)| cart.put(dot, entry, day));
        cart
    });
    prop_oneof![15 => cart, 1 => Just(Cart::erased())]
}

/// A state that was not erased.
pub(crate) fn live_cart() -> impl Strategy<Value = Cart> {
    cart().prop_map(|cart| if cart.erased { Cart::default() } else { cart })
}

/// A state whose entries are whole, or wait for their add: what an add says arrives together.
pub(crate) fn minted_cart() -> impl Strategy<Value = Cart> {
    live_cart().prop_map(|mut cart| {
        cart.entries.retain(|_, entry| entry.line.is_none() || entry.shown().is_some());
        cart
    })
}

pub(crate) fn stamp() -> impl Strategy<Value = Stamp> {
    (dot(), cart_id(), moment()).prop_map(|(dot, origin, at)| Stamp { dot, origin, at })
}

/// What anybody may have been shown, of dots that this or that replica knows.
pub(crate) fn seen() -> impl Strategy<Value = Seen> {
    let dot =
        (dot(), 1..6u32, group(), list()).prop_map(|(dot, n, group, list)| SeenDot { dot, n, group, list });
    let line = (line(), vec(dot, 0..5)).prop_map(|(line, mut dots)| {
        dots.sort_unstable();
        dots.dedup_by_key(|seen| seen.dot);
        SeenLine { key: line.key(), line: Some(line), dots }
    });
    (vec(line, 0..3), 0..4u64, day()).prop_map(|(mut lines, lamport, day)| {
        lines.sort_by_key(|line| line.key);
        lines.dedup_by_key(|line| line.key);
        Seen { cart: CART, extent: Extent::Cart, day, lamport, lines }
    })
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (1..6u32).prop_map(|n| Quantity::new(n).unwrap())
}

pub(crate) fn target() -> impl Strategy<Value = Target> {
    (0..12u32).prop_map(|n| Target::new(n).unwrap())
}

pub(crate) fn wanted() -> impl Strategy<Value = BTreeMap<LineKey, Wanted>> {
    let wanted = (line(), target(), option::of(texts()), item());
    vec(wanted, 0..4).prop_map(|wanted| {
        let wanted = wanted.into_iter();
        wanted
            .map(|(line, to, attributes, item)| (line.key(), Wanted { line, to, attributes, item }))
            .collect()
    })
}

/// Any operation, with any view.
pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let add = (line(), list(), quantity(), option::of(texts()), item()).prop_map(
        |(line, list, quantity, attributes, item)| Add { line, list, quantity, attributes, item }.into(),
    );
    let set = (line(), list(), target(), item(), seen())
        .prop_map(|(line, list, to, item, seen)| Set { line, list, to, item, seen }.into());
    let line_in = || (key(), list(), seen());
    let remove = line_in().prop_map(|(line, list, seen)| Remove { line, list, seen }.into());
    let clear = (list(), seen()).prop_map(|(list, seen)| Clear { list, seen }.into());
    let moving = line_in().prop_map(|(line, to, seen)| Move { line, to, seen }.into());
    let annotate = (line_in(), texts())
        .prop_map(|((line, list, seen), attributes)| AnnotateLine { line, list, attributes, seen }.into());
    let value = option::of(select(vec!["GBP", "x"]).prop_map(SmolStr::from));
    let fields = proptest::collection::btree_map(
        select(vec!["currency", "note"]).prop_map(SmolStr::from),
        value,
        0..3,
    );
    let annotate_cart =
        (fields, 1..4u64).prop_map(|(fields, lamport)| AnnotateCart { fields, lamport }.into());
    let replace = (wanted(), seen()).prop_map(|(lines, seen)| Replace { lines, seen }.into());
    let merge = (cart_id(), cart()).prop_map(|(guest, state)| Merge { guest, state }.into());
    let rare = prop_oneof![
        cart_id().prop_map(|account| Seal { account }.into()),
        seen().prop_map(|seen| Expire { seen }.into()),
        vec(dot(), 0..4).prop_map(|dots| Consume { dots }.into()),
        (vec(dot(), 0..4), snapshot()).prop_map(|(dots, latest)| Refresh { dots, latest }.into()),
        Just(Any(Operation::Erase(Erase))),
    ];
    let any: BoxedStrategy<Any> = prop_oneof![
        3 => add, 3 => set, 1 => remove, 1 => clear, 2 => moving, 1 => annotate, 1 => annotate_cart, 1 => replace,
        1 => merge, 2 => rare,
    ]
    .boxed();
    any.prop_map(|Any(operation)| operation)
}

/// Wraps each kind of operation, so that the lists above read well.
#[derive(Clone, Debug)]
struct Any(Operation);

macro_rules! from_kind {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Any {
            fn from(operation: $kind) -> Self {
                Self(Operation::$kind(operation.into()))
            }
        })*
    };
}
from_kind!(
    Add,
    Set,
    Remove,
    Clear,
    Move,
    AnnotateLine,
    AnnotateCart,
    Replace,
    Merge,
    Seal,
    Expire,
    Consume,
    Refresh
);

/// An operation with its stamp.
pub(crate) fn stamped() -> impl Strategy<Value = (Operation, Stamp)> {
    (operation(), stamp())
}

/// The delta of any operation.
pub(crate) fn delta() -> impl Strategy<Value = Delta> {
    stamped().prop_map(|(operation, stamp)| operation.delta(&stamp))
}
