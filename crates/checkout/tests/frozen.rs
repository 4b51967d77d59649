//! The frozen bytes of each release: today's code reads them to the records they were made of, and writes the same
//! bytes.
//!
//! `test-data/v1.hex` has one record a line: kind, name, bytes in hexadecimal. It was written by this test with
//! `EVERCART_FREEZE=1`, which is how a new release freezes a new version. The files of a version that was released
//! never change.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use cart::{
    CartId, Dot, Timestamp, WriterId,
    item::Item,
    line::{Line, Sku, Texts},
    money::{Currency, Money},
};
use checkout::{
    Ledger, Order, Stock, TxId,
    format::{
        decode_ledger, decode_order, decode_stock, encode_ledger, encode_order, encode_stock,
        encode_stock_key,
    },
    id::{BodyHash, KeyHash},
    ledger::{Committed, KnownKey, Pending, Taker},
    order::{OrderLine, Totals},
    stock::{Changed, Hold, Outcome, Owner, StockKey},
};
use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, sync::Arc};

const ACCOUNT: CartId = CartId([0x21; 16]);
const GUEST: CartId = CartId([0x10; 16]);

fn at(seconds: u64) -> Timestamp {
    Timestamp(1_790_000_000_000 + seconds * 1000)
}

fn tx(number: u8) -> TxId {
    TxId([number; 16])
}

fn dot(writer: u64) -> Dot {
    Dot::new(WriterId(writer << 40), 7)
}

fn sku() -> Sku {
    Sku::parse("85123A").unwrap()
}

fn owners() -> [Owner; 2] {
    [Owner::Rights { region: "eu-west-1".into(), incarnation: 3, bucket: 12 }, Owner::Customer([0x55; 16])]
}

fn full_ledger() -> Ledger {
    let [rights, customer] = owners().map(|owner| StockKey::new(sku(), owner));
    let holds = BTreeMap::from([(rights.clone(), 2), (customer, 2)]);
    let order = Committed { holds, applied: [rights].into(), at: at(1), is_closed: false };
    let known = KnownKey { tx: tx(1), body: BodyHash::of(b"{}"), at: at(0), is_order: true };
    Ledger {
        pending: Some(Pending {
            tx: tx(2),
            dots: [dot(3), dot(4)].into(),
            lines: [(sku(), 300)].into(),
            claimed_at: at(2),
            prepare_by: at(8),
            deadline: at(62),
            awaits_shopper: true,
        }),
        aborting: [(tx(3), at(1))].into(),
        committed: [(tx(1), order)].into(),
        consumed: [(dot(1), Taker::Order(tx(1))), (dot(2), Taker::Undo(GUEST))].into(),
        keys: [(KeyHash::of("key"), known)].into(),
        absorbed: [GUEST].into(),
        moved_to: Some(ACCOUNT),
    }
}

fn ledgers() -> BTreeMap<&'static str, Ledger> {
    BTreeMap::from([("untouched", Ledger::default()), ("full", full_ledger())])
}

fn stocks() -> BTreeMap<&'static str, Stock> {
    let [rights, _] = owners();
    let hold = Hold { quantity: 2, cart: ACCOUNT, until: at(60), prepare_by: at(5) };
    let changed = Changed {
        at: at(0),
        outcome: Outcome { added: 0, taken: 4, short: 1 },
        reason: "damaged, für Ann".into(),
    };
    let full = Stock {
        restocked: 1_000,
        short: 1,
        sold: 300,
        granted_out: [(rights.clone(), 5)].into(),
        granted_in: [(rights, 900)].into(),
        holds: [(tx(2), hold)].into(),
        done: [(tx(1), at(1)), (tx(3), at(0))].into(),
        fence: at(0),
        is_frozen: true,
        changes: [(KeyHash::of("adjustment"), changed)].into(),
    };
    BTreeMap::from([("untouched", Stock::default()), ("full", full)])
}

fn orders() -> BTreeMap<&'static str, Order> {
    let gbp = Currency::parse("GBP").unwrap();
    let line = OrderLine {
        line: Arc::new(
            Line::new(sku(), [("colour".into(), "white".into())].into(), Some("Ann's".into())).unwrap(),
        ),
        quantity: 2,
        unit_price: Money::price(255, gbp).unwrap(),
        item: Arc::new(Item {
            title: "Holder".into(),
            price: Money::price(255, gbp),
            ..Item::unknown(at(0))
        }),
        attributes: [("note".into(), "gift".into())].into(),
    };
    let lines = vec![line];
    let totals = Totals::of(&lines, gbp, 20, -10).unwrap();
    let fields = Texts::from([("email".into(), "ann@shop.example".into())]);
    let (tx, dots) = (tx(1), [dot(1)].into());
    let order =
        Order { tx, cart: ACCOUNT, customer: Some([5; 16]), lines, dots, totals, fields, created_at: at(0) };
    BTreeMap::from([("one line", order)])
}

fn all_bytes() -> String {
    let hex = |bytes: Vec<u8>| data_encoding::HEXLOWER.encode(&bytes);
    let mut text = String::new();
    for (name, ledger) in ledgers() {
        writeln!(text, "ledger|{name}|{}", hex(encode_ledger(&ledger))).unwrap();
    }
    for (name, stock) in stocks() {
        writeln!(text, "stock|{name}|{}", hex(encode_stock(&stock))).unwrap();
    }
    for (name, order) in orders() {
        writeln!(text, "order|{name}|{}", hex(encode_order(&order))).unwrap();
    }
    for (name, owner) in ["rights", "customer"].into_iter().zip(owners()) {
        writeln!(text, "key|{name}|{}", hex(encode_stock_key(&StockKey::new(sku(), owner)))).unwrap();
    }
    text
}

fn frozen() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("test-data").join("v1.hex");
    if std::env::var_os("EVERCART_FREEZE").is_some() {
        std::fs::write(&path, all_bytes()).unwrap();
    }
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_bytes_of_version_1_are_written_as_ever() {
    assert_eq!(frozen().lines().collect::<Vec<_>>(), all_bytes().lines().collect::<Vec<_>>());
}

#[test]
fn the_bytes_of_version_1_are_read_as_ever() {
    let (ledgers, stocks, orders) = (ledgers(), stocks(), orders());
    for record in frozen().lines() {
        let [kind, name, hex] = *record.split('|').collect::<Vec<_>>() else { panic!("{record}") };
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        match kind {
            "ledger" => assert_eq!(decode_ledger(&bytes).as_ref(), Ok(&ledgers[name]), "{name}"),
            "stock" => assert_eq!(decode_stock(&bytes).as_ref(), Ok(&stocks[name]), "{name}"),
            "order" => assert_eq!(decode_order(&bytes).as_ref(), Ok(&orders[name]), "{name}"),
            _ => assert_eq!(kind, "key"),
        }
    }
}
