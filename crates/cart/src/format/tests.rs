//! The stored format: what was written reads back, and what cannot be read says so.

use super::*;
use crate::{
    dot::{Dot, WriterId},
    id::CartId,
    item::Item,
    line::{Line, List, Sku, Texts},
    money::{Currency, Money},
    operation::{Add, Stamp},
    quantity::Quantity,
    state::Cart,
    time::Timestamp,
};
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
