//! The frozen bytes of each release: today's code reads them to the state they were made of, writes the same bytes,
//! and derives the same ids.
//!
//! `test-data/v1.hex` has one record a line: kind, name, bytes in hexadecimal. `test-data/v1.txt` has ids and tokens.
//! Both were written by this test with `EVERCART_FREEZE=1`, which is how a new release freezes a new version. The
//! files of a version that was released never change.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use cart::{
    Cart, CartId, Day, Dot, Join, Timestamp, WriterId,
    format::{
        decode, decode_item, decode_merge_record, decode_subject, encode, encode_item, encode_merge_record,
        encode_subject,
    },
    id::{ShopKey, SubjectId},
    item::{Item, Snapshot},
    line::{Line, LineId, List, Sku, Texts},
    money::{Currency, Money},
    operation::{
        Add, AnnotateCart, AnnotateLine, Merge, MergeRecord, Move, Operation, Policy, Refresh, Remove,
        Replace, Seal, Set, Stamp, Undo, Wanted,
    },
    quantity::{Quantity, Target},
    seen::Seen,
    subject::Subject,
    token::{Freshness, GuestToken, Keyring, RowSeen, TokenKey},
};
use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, sync::Arc};

const ACCOUNT: CartId = CartId([0xaa; 16]);
const GUEST: CartId = CartId([0x99; 16]);

fn at(seconds: u64) -> Timestamp {
    Timestamp(1_790_000_000_000 + seconds * 1000)
}

fn stamp(writer: u64, seq: u32) -> Stamp {
    let origin = if writer == 9 { GUEST } else { ACCOUNT };
    Stamp { dot: Dot::new(WriterId(writer << 40), seq), origin, at: at(u64::from(seq)) }
}

fn line(sku: &str) -> Arc<Line> {
    let options = if sku == "book" { Texts::new() } else { Texts::from([("colour".into(), "white".into())]) };
    let seller = (sku == "cup").then(|| "Ann's".into());
    Arc::new(Line::new(Sku::parse(sku).unwrap(), options, seller).unwrap())
}

fn item(title: &str) -> Arc<Item> {
    let priced = Money::price(255, Currency::parse("GBP").unwrap());
    let full = Item {
        title: title.into(),
        image: Some("https://shop.example/images/1.jpg".into()),
        url: Some("https://shop.example/p/1".into()),
        price: priced,
        quoted: title == "Cup",
        available: title != "Pen",
        quantity_min: Some(1),
        quantity_max: Some(12),
        captured_at: at(0),
    };
    Arc::new(if title.is_empty() { Item::unknown(at(0)) } else { full })
}

fn add(sku: &str, title: &str, n: u32) -> Operation {
    let attributes =
        Some(Arc::new(Texts::from([("note".into(), "für Ann".into())]))).filter(|_| sku == "pen");
    let quantity = Quantity::new(n).unwrap();
    Operation::Add(Add { line: line(sku), list: List::Cart, quantity, attributes, item: item(title) })
}

/// A cart on which every kind of operation was executed.
fn lived_in() -> Cart {
    let mut cart = Cart::default();
    let mut seq = 0;
    let mut execute = |cart: &mut Cart, make: &dyn Fn(Seen) -> Operation| {
        seq += 1;
        let seen = Seen::of_cart(ACCOUNT, cart, at(0).day());
        cart.join(&make(seen).delta(&stamp(7, seq)));
    };
    let set = |sku, to, seen| {
        Operation::Set(Set {
            line: line(sku),
            list: List::Cart,
            to: Target::new(to).unwrap(),
            item: item("Book"),
            seen,
        })
    };
    execute(&mut cart, &|_| add("book", "Book", 3));
    execute(&mut cart, &|seen| set("book", 5, seen));
    execute(&mut cart, &|seen| set("book", 4, seen));
    execute(&mut cart, &|_| add("pen", "Pen", 1));
    execute(&mut cart, &|_| add("cup", "Cup", 999_999));
    execute(&mut cart, &|seen| Operation::Move(Move { line: line("cup").key(), to: List::Saved, seen }));
    execute(&mut cart, &|_| add("ink", "", 2));
    execute(&mut cart, &|seen| Operation::Remove(Remove { line: line("ink").key(), list: List::Cart, seen }));
    execute(&mut cart, &|seen| {
        let attributes = Arc::new(Texts::from([("note".into(), "gift".into())]));
        Operation::AnnotateLine(AnnotateLine { line: line("book").key(), list: List::Cart, attributes, seen })
    });
    execute(&mut cart, &|seen| {
        let fields = [("currency".into(), Some("GBP".into())), ("email".into(), None)].into();
        Operation::AnnotateCart(AnnotateCart { fields, lamport: seen.next_lamport() })
    });
    execute(&mut cart, &|seen| {
        let latest = Snapshot::new(77, item("Book, revised"));
        Operation::Refresh(Refresh { dots: seen.dots_in(List::Cart).collect(), latest })
    });
    execute(&mut cart, &|seen| {
        let wanted = |sku, to| {
            let to = Target::new(to).unwrap();
            (line(sku).key(), Wanted { line: line(sku), to, attributes: None, item: item("Pen") })
        };
        Operation::Replace(Replace {
            lines: [wanted("book", 4), wanted("pen", 2), wanted("ink", 1)].into(),
            seen,
        })
    });
    cart
}

/// What a region knows that heard of a lowering and a move before the adds.
fn partial() -> Cart {
    let cart = lived_in();
    let seen = Seen::of_cart(ACCOUNT, &cart, at(0).day());
    let to = Target::new(1).unwrap();
    let set = Set { line: line("book"), list: List::Cart, to, item: item("Book"), seen: seen.clone() };
    let save = Move { line: line("pen").key(), to: List::Saved, seen };
    set.delta(&stamp(8, 1)).joined(&save.delta(&stamp(8, 3)))
}

fn guest() -> Cart {
    add("book", "Book", 7).delta(&stamp(9, 1)).joined(&add("cup", "Cup", 1).delta(&stamp(9, 2)))
}

fn record(policy: Policy) -> MergeRecord {
    MergeRecord::decide(policy, (ACCOUNT, &lived_in()), (GUEST, &guest()), at(99))
}

fn merged() -> Cart {
    let merge = Merge { guest: GUEST, state: guest() };
    let stamp = Stamp { dot: Merge::dot(ACCOUNT, GUEST), origin: ACCOUNT, at: at(99) };
    lived_in().joined(&merge.delta(&stamp)).joined(&record(Policy::Max).delta)
}

fn carts() -> BTreeMap<&'static str, Cart> {
    BTreeMap::from([
        ("untouched", Cart::default()),
        ("one add", add("book", "Book", 3).delta(&stamp(7, 1))),
        ("lived in", lived_in()),
        ("partial", partial()),
        ("merged", merged()),
        ("sealed guest", guest().joined(&Seal { account: ACCOUNT }.delta(&stamp(9, 3)))),
        ("erased", Cart::erased()),
    ])
}

fn records() -> BTreeMap<&'static str, MergeRecord> {
    BTreeMap::from([
        ("sum", record(Policy::Sum)),
        ("max", record(Policy::Max)),
        ("keep account", record(Policy::KeepAccount)),
        ("keep guest", record(Policy::KeepGuest)),
    ])
}

fn subject() -> Subject {
    let names = BTreeMap::from([("office".into(), at(1)), ("wishlist".into(), at(2))]);
    Subject { names, erasures: 3, erased_at: at(0) }
}

fn all_bytes() -> String {
    let hex = |bytes: Vec<u8>| data_encoding::HEXLOWER.encode(&bytes);
    let mut text = String::new();
    for (name, cart) in carts() {
        writeln!(text, "cart|{name}|{}", hex(encode(&cart))).unwrap();
    }
    for (name, record) in records() {
        writeln!(text, "merge|{name}|{}", hex(encode_merge_record(&record))).unwrap();
    }
    let attributes = Texts::from([("weight".into(), "120 g".into())]);
    writeln!(text, "item|book|{}", hex(encode_item(&item("Book"), &attributes))).unwrap();
    writeln!(text, "subject|two names|{}", hex(encode_subject(&subject()))).unwrap();
    text
}

fn keys() -> Keyring {
    Keyring::new(TokenKey { id: 3, secret: [5; 32] }, Vec::new())
}

/// What is derived by hashing, and is compared across releases.
fn all_texts() -> String {
    let dot = |dot: Dot| format!("{:016x}.{}", dot.writer.0, dot.seq);
    let key = ShopKey([4; 32]);
    let undone = Undo { record: &record(Policy::Max), account: &merged() }.deltas(at(100));
    let first = |cart: &Cart| dot(*cart.entries.keys().next().unwrap());
    let seen = Seen::of_cart(ACCOUNT, &lived_in(), at(0).day());
    let rows = vec![RowSeen { owner: "eu-west-1.1".into(), version: 300 }];
    let shown = Freshness { cart: ACCOUNT, rows, dots: vec![stamp(7, 3).dot] };
    let guest = GuestToken { cart: GUEST, issued_at: at(0), expires_at: at(60) };
    let lines = [
        ("account cart", CartId::account(&key, "ann", "active", 2).to_string()),
        ("subject", data_encoding::HEXLOWER.encode(&SubjectId::of(&key, "ann").0)),
        ("cart of an undo", CartId::of_undo(ACCOUNT, GUEST).to_string()),
        ("line", LineId { key: line("cup").key(), list: List::Saved }.to_string()),
        ("line without options", LineId { key: line("book").key(), list: List::Cart }.to_string()),
        ("client writer", format!("{:016x}", WriterId::client(Day(20_000), u64::MAX).0)),
        ("one-shot writer", format!("{:016x}", WriterId::one_shot(ACCOUNT, "key", b"POST /lines {}").0)),
        ("further writer", format!("{:016x}", stamp(7, 1).dot.further().0)),
        ("dot of a bulk operation", dot(stamp(7, 1).dot.of_bulk(2))),
        ("dot of a merge", dot(Merge::dot(ACCOUNT, GUEST))),
        ("first dot of an undo, guest", first(&undone.guest)),
        ("writers of an undo", writers(&undone.account)),
        ("group", format!("{:016x}", seen.line(line("book").key()).unwrap().group(ACCOUNT).0)),
        ("digest of an item", format!("{:016x}", item("Book").digest())),
        ("seen token", seen.to_token(&keys())),
        ("guest token", guest.to_text(&keys())),
        ("freshness token", shown.to_token(&keys())),
    ];
    lines.iter().fold(String::new(), |text, (name, value)| text + name + "|" + value + "\n")
}

fn writers(cart: &Cart) -> String {
    cart.context.writers().map(|(id, _)| format!("{:016x}", id.0)).collect::<Vec<_>>().join(" ")
}

fn frozen(name: &str, today: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("test-data").join(name);
    if std::env::var_os("EVERCART_FREEZE").is_some() {
        std::fs::write(&path, today).unwrap();
    }
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_bytes_of_version_1_are_written_as_ever() {
    let (frozen, today) = (frozen("v1.hex", &all_bytes()), all_bytes());
    for (frozen, today) in frozen.lines().zip(today.lines()) {
        assert_eq!(frozen, today);
    }
    assert_eq!(frozen.lines().count(), today.lines().count());
}

#[test]
fn the_bytes_of_version_1_are_read_as_ever() {
    let (carts, records) = (carts(), records());
    for record in frozen("v1.hex", &all_bytes()).lines() {
        let [kind, name, hex] = *record.split('|').collect::<Vec<_>>() else { panic!("{record}") };
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        match kind {
            "cart" => assert_eq!(decode(&bytes).as_ref(), Ok(&carts[name]), "{name}"),
            "merge" => assert_eq!(decode_merge_record(&bytes).as_ref(), Ok(&records[name]), "{name}"),
            "item" => assert_eq!(decode_item(&bytes).map(|(item, _)| item), Ok((*item("Book")).clone())),
            "subject" => assert_eq!(decode_subject(&bytes).as_ref(), Ok(&subject()), "{name}"),
            _ => panic!("{record}"),
        }
    }
}

#[test]
fn ids_and_tokens_are_derived_as_ever() {
    let (frozen, today) = (frozen("v1.txt", &all_texts()), all_texts());
    assert_eq!(frozen.lines().collect::<Vec<_>>(), today.lines().collect::<Vec<_>>());
}

#[test]
fn the_frozen_states_hold_what_a_state_can_hold() {
    let all = carts()
        .into_values()
        .fold(Cart::default(), |all, cart| if cart.erased { all } else { all.joined(&cart) });
    let entries = || all.entries.values();
    assert!(entries().any(|entry| entry.group != cart::entry::Group::NONE));
    assert!(entries().any(|entry| entry.attributes.as_ref().is_some_and(|texts| texts.lamport > 0)));
    assert!(entries().any(|entry| entry.place.as_ref().is_some_and(|place| place.lamport > 0)));
    assert!(
        entries().any(|entry| entry.latest.is_some()) && partial().entries.values().all(|e| e.line.is_none())
    );
    assert!(all.context.writers().any(|(_, writer)| writer.seqs.iter().len() > 1), "a gap");
    assert!(all.fields.values().any(|field| field.value.is_none()) && !all.merged.is_empty());
    assert!(all.merged_into.is_some());
}
