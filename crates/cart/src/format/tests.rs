//! The stored format: what was written reads back, and what cannot be read says so.

use super::*;
use crate::{
    Join,
    dot::{Dot, WriterId},
    id::CartId,
    item::Item,
    laws::{cases, generators},
    line::{Line, List, Sku, Texts},
    money::{Currency, Money, PRICE_MAX},
    operation::{Add, MergeRecord, Policy, Stamp},
    quantity::Quantity,
    state::Cart,
    time::{Day, Timestamp},
};
use proptest::{collection::vec, prelude::*};
use std::sync::Arc;

/// A cart of four lines with snapshots as a shop has them.
fn four_lines() -> Cart {
    let mut cart = Cart::default();
    for seq in 1..=4 {
        let at = Timestamp(1_790_000_000_000 + u64::from(seq));
        let line = Line::new(Sku::parse(&format!("8512{seq}A")).unwrap(), Texts::default(), None).unwrap();
        let item = Item {
            title: "White hanging heart candle holder".into(),
            image: Some("https://shop.example/images/85123a.jpg".into()),
            url: Some("https://shop.example/p/85123a".into()),
            price: Money::price(255, Currency::parse("GBP").unwrap()),
            ..Item::unknown(at)
        };
        let add = Add {
            line: Arc::new(line),
            list: List::Cart,
            quantity: Quantity::new(2).unwrap(),
            attributes: None,
            item: Arc::new(item),
        };
        let stamp = Stamp { dot: Dot::new(WriterId(7), seq), origin: CartId([1; 16]), at };
        crate::lattice::Join::join(&mut cart, &add.delta(&stamp));
    }
    cart
}

#[test]
fn a_cart_of_four_lines_is_small_and_reads_back() {
    let bytes = encode(&four_lines());
    assert!(bytes.len() < 700, "{} bytes", bytes.len());
    assert_eq!(decode(&bytes), Ok(four_lines()));
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = encode(&four_lines());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn every_shortened_record_is_found() {
    let bytes = encode(&four_lines());
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_newer_release_is_named_and_not_guessed() {
    let mut bytes = encode(&four_lines());
    bytes[0] = VERSION + 1;
    assert_eq!(decode(&bytes), Err(FormatError::Newer { found: VERSION + 1 }));
}

#[test]
fn a_version_that_never_was_is_refused_whatever_its_checksum() {
    let bytes = sealed(&[0, 1, 2]);
    let malformed = FormatError::Malformed { at: 0, what: "version" };
    assert_eq!(whole(&bytes), Err(malformed.clone()));
    assert_eq!(decode(&bytes), Err(malformed));
}

/// The bytes of a body with a checksum that fits it, so that reading goes all the way.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend_from_slice(&crc32c::crc32c(body).to_le_bytes());
    bytes
}

/// Reads bytes as everything that is stored. Whatever is accepted is written and read back as it is.
fn read_as_anything(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(cart) = decode(bytes) {
        prop_assert_eq!(decode(&encode(&cart)), Ok(cart));
    }
    if let Ok(record) = decode_merge_record(bytes) {
        prop_assert_eq!(decode_merge_record(&encode_merge_record(&record)), Ok(record));
    }
    if let Ok((item, attributes)) = decode_item(bytes) {
        prop_assert_eq!(decode_item(&encode_item(&item, &attributes)), Ok((item, attributes)));
    }
    if let Ok(subject) = decode_subject(bytes) {
        prop_assert_eq!(decode_subject(&encode_subject(&subject)), Ok(subject));
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_state_reads_back_as_written(cart in generators::cart()) {
        prop_assert_eq!(decode(&encode(&cart)), Ok(cart));
    }

    #[test]
    fn any_merge_record_reads_back_as_written(
        account in generators::cart(), guest in generators::cart(), at in generators::moment(),
        policy in proptest::sample::select(vec![Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest]),
    ) {
        let (one, other) = (CartId([1; 16]), CartId([2; 16]));
        let record = MergeRecord::decide(policy, (one, &account), (other, &guest), at);
        prop_assert_eq!(decode_merge_record(&encode_merge_record(&record)), Ok(record));
    }

    #[test]
    fn any_item_reads_back_as_written(item in generators::item()) {
        let attributes = Texts::from([("weight".into(), "1".into())]);
        prop_assert_eq!(decode_item(&encode_item(&item, &attributes)), Ok(((*item).clone(), attributes)));
    }

    #[test]
    fn equal_states_have_equal_bytes_however_they_came_about(
        (one, other) in vec(generators::delta(), 1..7).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let joined = |deltas: &[Cart]| deltas.iter().fold(Cart::default(), |state, delta| state.joined(delta));
        prop_assert_eq!(encode(&joined(&one)), encode(&joined(&other)));
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_never_panic(body in vec(any::<u8>(), 0..200)) {
        read_as_anything(&body)?;
        let with_version: Vec<u8> = [VERSION].into_iter().chain(body).collect();
        read_as_anything(&sealed(&with_version))?;
    }

    #[test]
    fn damaged_bytes_under_a_fitting_checksum_are_read_or_refused_and_never_panic(
        cart in generators::cart(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let bytes = encode(&cart);
        let mut body = bytes[..bytes.len() - CHECKSUM_BYTES].to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        if cut {
            body.truncate(at + 1);
        }
        read_as_anything(&sealed(&body))?;
    }
}

#[test]
fn an_entry_takes_about_fifteen_bytes_and_a_writer_about_twelve() {
    let cart = |adds: u32, writers: u64| {
        let mut cart = four_lines();
        let entry = cart.entries.values().next().cloned().unwrap();
        for seq in 10..10 + adds {
            cart.put(Dot::new(WriterId(7), seq), entry.clone(), cart.touched.day());
        }
        for writer in 1000..1000 + writers {
            cart.context.insert(Dot::new(WriterId(writer), 1), Day(cart.touched.day().0 - 30));
        }
        encode(&cart).len()
    };
    let nothing = cart(0, 0);
    let (entry, writer) = ((cart(100, 0) - nothing) / 100, (cart(0, 100) - nothing) / 100);
    assert!((8..=16).contains(&entry) && (10..=13).contains(&writer), "{entry} bytes, {writer} bytes");
}

#[test]
fn a_price_beyond_the_bounds_of_today_does_not_make_a_cart_unreadable() {
    for amount in [PRICE_MAX + 1, i64::MAX, -1, i64::MIN] {
        let price = Some(Money { amount, currency: Currency::parse("GBP").unwrap() });
        let item = Item { price, ..Item::unknown(Timestamp(1)) };
        assert_eq!(decode_item(&encode_item(&item, &Texts::default())), Ok((item, Texts::default())));
    }
}
