//! The stored format: what was written reads back, and no bytes make reading panic.

use super::*;
use crate::{
    id::{BodyHash, KeyHash},
    ledger::{Committed, KnownKey, Pending, Taker},
    order::{OrderLine, Totals},
    stock::{Changed, Hold, Outcome},
};
use cart::{
    item::Item,
    line::{Line, Texts},
    money::{Currency, Money},
};
use proptest::{
    collection::{btree_map, btree_set, vec},
    option,
    prelude::*,
};
use std::sync::Arc;

fn moment() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp)
}

fn tx() -> impl Strategy<Value = TxId> {
    any::<[u8; 16]>().prop_map(TxId)
}

fn cart_id() -> impl Strategy<Value = CartId> {
    any::<[u8; 16]>().prop_map(CartId)
}

fn dot() -> impl Strategy<Value = Dot> {
    (any::<u64>(), 1..=u32::MAX).prop_map(|(writer, seq)| Dot::new(WriterId(writer), seq))
}

fn sku() -> impl Strategy<Value = Sku> {
    "[a-zA-Z0-9é]{1,12}".prop_filter_map("a SKU", |text| Sku::parse(&text))
}

fn owner() -> impl Strategy<Value = Owner> {
    let rights = ("[a-z0-9-]{0,8}", any::<u32>(), any::<u16>()).prop_map(|(region, incarnation, bucket)| {
        Owner::Rights { region: region.into(), incarnation, bucket }
    });
    prop_oneof![rights, any::<[u8; 16]>().prop_map(Owner::Customer)]
}

fn stock_key() -> impl Strategy<Value = StockKey> {
    (sku(), owner()).prop_map(|(sku, owner)| StockKey { sku, owner })
}

fn units() -> impl Strategy<Value = u64> {
    0..=UNITS_MAX
}

fn pending() -> impl Strategy<Value = Pending> {
    let lines = btree_map(sku(), units(), 0..4);
    (tx(), btree_set(dot(), 0..4), lines, moment(), moment(), moment(), any::<bool>()).prop_map(
        |(tx, dots, lines, claimed_at, prepare_by, deadline, awaits_shopper)| Pending {
            tx,
            dots,
            lines,
            claimed_at,
            prepare_by,
            deadline,
            awaits_shopper,
        },
    )
}

fn committed() -> impl Strategy<Value = Committed> {
    let listed = btree_map(stock_key(), (units(), any::<bool>()), 0..4);
    (listed, moment(), any::<bool>()).prop_map(|(listed, at, is_closed)| Committed {
        applied: listed.iter().filter(|(_, (_, applied))| *applied).map(|(key, _)| key.clone()).collect(),
        holds: listed.into_iter().map(|(key, (units, _))| (key, units)).collect(),
        at,
        is_closed,
    })
}

fn ledger() -> impl Strategy<Value = Ledger> {
    let taker = prop_oneof![tx().prop_map(Taker::Order), cart_id().prop_map(Taker::Undo)];
    let known = (tx(), any::<[u8; 16]>(), moment(), any::<bool>())
        .prop_map(|(tx, body, at, is_order)| KnownKey { tx, body: BodyHash(body), at, is_order });
    let keys = btree_map(any::<[u8; 16]>().prop_map(KeyHash), known, 0..3);
    (
        option::of(pending()),
        btree_map(tx(), moment(), 0..3),
        btree_map(tx(), committed(), 0..3),
        btree_map(dot(), taker, 0..6),
        keys,
        btree_set(cart_id(), 0..3),
        option::of(cart_id()),
    )
        .prop_map(|(pending, aborting, committed, consumed, keys, absorbed, moved_to)| Ledger {
            pending,
            aborting,
            committed,
            consumed,
            keys,
            absorbed,
            moved_to,
        })
}

fn stock() -> impl Strategy<Value = Stock> {
    let hold = (units(), cart_id(), moment(), moment())
        .prop_map(|(quantity, cart, until, prepare_by)| Hold { quantity, cart, until, prepare_by });
    let change = (moment(), units(), units(), units(), "[a-zé ]{0,9}").prop_map(
        |(at, added, taken, short, reason)| Changed {
            at,
            outcome: Outcome { added, taken, short },
            reason: reason.into(),
        },
    );
    (
        (units(), units(), units(), any::<bool>(), moment()),
        btree_map(owner(), units(), 0..3),
        btree_map(owner(), units(), 0..3),
        btree_map(tx(), hold, 0..4),
        btree_map(tx(), moment(), 0..4),
        btree_map(any::<[u8; 16]>().prop_map(KeyHash), change, 0..3),
    )
        .prop_map(
            |((restocked, short, sold, is_frozen, fence), granted_out, granted_in, holds, done, changes)| {
                Stock {
                    restocked,
                    short,
                    sold,
                    granted_out,
                    granted_in,
                    holds,
                    done,
                    fence,
                    is_frozen,
                    changes,
                }
            },
        )
}

fn order() -> impl Strategy<Value = Order> {
    let gbp = Currency::parse("GBP").unwrap();
    let texts = || {
        btree_map("[a-z]{1,5}", "[a-zé]{0,5}", 0..3).prop_map(|texts| {
            texts.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<Texts>()
        })
    };
    let line = (sku(), any::<u64>(), any::<i64>(), texts(), texts()).prop_map(
        move |(sku, quantity, amount, options, attributes)| {
            let named = options.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            OrderLine {
                line: Arc::new(Line::new(sku, named, None).unwrap()),
                quantity,
                unit_price: Money { amount, currency: gbp },
                item: Arc::new(Item::unknown(Timestamp(5))),
                attributes,
            }
        },
    );
    let totals = any::<[i64; 4]>().prop_map(move |[subtotal, tax, shipping, total]| Totals {
        currency: gbp,
        subtotal,
        tax,
        shipping,
        total,
    });
    let customer = option::of(any::<[u8; 16]>());
    (tx(), cart_id(), customer, vec(line, 0..3), btree_set(dot(), 0..3), totals, texts(), moment()).prop_map(
        |(tx, cart, customer, lines, dots, totals, fields, created_at)| Order {
            tx,
            cart,
            customer,
            lines,
            dots,
            totals,
            fields,
            created_at,
        },
    )
}

/// The bytes of a body with a checksum that fits it, so that reading goes all the way.
fn sealed(body: &[u8]) -> Vec<u8> {
    seal(|writer| writer.raw(body))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_ledger_reads_back_as_written(value in ledger()) {
        prop_assert_eq!(decode_ledger(&encode_ledger(&value)), Ok(value));
    }

    #[test]
    fn stock_reads_back_as_written(value in stock()) {
        prop_assert_eq!(decode_stock(&encode_stock(&value)), Ok(value));
    }

    #[test]
    fn an_order_reads_back_as_written(value in order()) {
        prop_assert_eq!(decode_order(&encode_order(&value)), Ok(value));
    }

    #[test]
    fn a_stock_key_reads_back_as_written(value in stock_key()) {
        prop_assert_eq!(decode_stock_key(&encode_stock_key(&value)), Some(value));
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in vec(any::<u8>(), 0..200), kind in 0..4_u8) {
        let _ = (decode_ledger(&bytes), decode_stock(&bytes), decode_order(&bytes), decode_stock_key(&bytes));
        let body = sealed(&[&[kind][..], &bytes].concat());
        let _ = (decode_ledger(&body), decode_stock(&body), decode_order(&body));
    }

    #[test]
    fn a_record_with_a_wrong_byte_reads_or_fails_and_never_panics(
        value in ledger(), stock in stock(), order in order(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        for bytes in [encode_ledger(&value), encode_stock(&stock), encode_order(&order)] {
            let mut body = bytes[1..bytes.len() - 4].to_vec();
            let at = at.index(body.len());
            body[at] = byte;
            let body = sealed(&body);
            if let Ok(stock) = decode_stock(&body) {
                let _ = (stock.available(), stock.due(), stock.keeps_k1());
            }
            let _ = (decode_ledger(&body), decode_order(&body));
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let mut stock = Stock::of(7);
    stock.granted_out.insert(Owner::home("eu", 1), 3);
    let bytes = encode_stock(&stock);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_stock(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn one_kind_of_record_is_not_read_as_another() {
    assert!(decode_stock(&encode_ledger(&Ledger::default())).is_err());
    assert!(decode_ledger(&encode_stock(&Stock::default())).is_err());
}

#[test]
fn an_untouched_record_is_a_few_bytes() {
    assert!(encode_ledger(&Ledger::default()).len() <= 16);
    assert!(encode_stock(&Stock::of(1_000)).len() <= 20);
}

#[test]
fn a_bought_line_costs_a_ledger_some_bytes_for_as_long_as_it_is() {
    // Each line added once, by an operation of its own: what compresses least.
    for (lines, bytes_per_line) in [(1, 28), (4, 16), (300, 12)] {
        const ORDERS: u64 = 1_000;
        let mut ledger = Ledger::default();
        let before = encode_ledger(&ledger).len();
        for line in 0..ORDERS * lines {
            let order = line / lines;
            let dot = Dot::new(WriterId(line.wrapping_mul(0x9e37_79b9_7f4a_7c15)), 1);
            ledger.consumed.insert(dot, Taker::Order(TxId(u128::from(order).to_be_bytes())));
        }
        let grown = (encode_ledger(&ledger).len() - before) as u64;
        assert!(grown <= ORDERS * lines * bytes_per_line, "{} B a line", grown / (ORDERS * lines));
    }
}
