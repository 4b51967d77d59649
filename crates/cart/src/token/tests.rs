//! Tokens: what was sealed opens, and nothing else does.

use super::*;
use crate::{
    dot::{Dot, WriterId},
    entry::Group,
    id::CartId,
    line::{Line, List, Sku, Texts},
    seen::{Extent, Seen, SeenDot, SeenLine},
    state::Cart,
    time::{Day, Timestamp},
};
use std::sync::Arc;

fn keyring(id: u8) -> Keyring {
    Keyring::new(TokenKey { id: u32::from(id), secret: [id; 32] }, Vec::new())
}

fn seen() -> Seen {
    let line = Line::new(Sku::parse("A").unwrap(), Texts::default(), Some("shop".into())).unwrap();
    let dot = |seq, list| SeenDot { dot: Dot::new(WriterId(9), seq), n: seq, group: Group(7), list };
    let dots = vec![dot(1, List::Cart), dot(2, List::Saved)];
    let line = SeenLine { key: line.key(), line: Some(Arc::new(line)), dots };
    let unnamed = SeenLine { line: None, ..line.clone() };
    let lines = vec![line, unnamed];
    Seen { cart: CartId([3; 16]), extent: Extent::Cart, day: Day(20_000), lamport: 5, lines }
}

#[test]
fn a_view_reads_back_as_sealed() {
    let token = seen().to_token(&keyring(1));
    assert_eq!(Seen::from_token(&token, &keyring(1)), Ok(seen()));
}

#[test]
fn a_view_of_a_line_never_passes_for_one_of_the_cart() {
    let keys = keyring(1);
    let Seen { cart, day, lamport, lines, .. } = seen();
    let line = Seen { cart, extent: Extent::Line, day, lamport, lines: lines[..1].to_vec() };
    let token = Seen::token_of_line(cart, day, lamport, &lines[0], &keys);
    assert_eq!(Seen::from_token(&token, &keys), Ok(line.clone()));
    assert_eq!(line.to_token(&keys), token);
    assert_ne!(Seen { extent: Extent::Cart, ..line }.to_token(&keys), token);
}

#[test]
fn any_changed_character_is_refused() {
    let token = seen().to_token(&keyring(1));
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(Seen::from_token(&changed, &keyring(1)), Err(BadToken), "at {at}");
    }
    for wrong in ["", "A", "ü", &token[..token.len() - 4]] {
        assert_eq!(Seen::from_token(wrong, &keyring(1)), Err(BadToken), "{wrong}");
    }
}

#[test]
fn a_token_of_another_kind_or_shop_is_refused() {
    let keys = keyring(1);
    let guest = GuestToken { cart: CartId([3; 16]), issued_at: Timestamp(1), expires_at: Timestamp(9) };
    let text = guest.to_text(&keys);
    assert_eq!(GuestToken::from_text(&text, &keys), Ok(guest));
    assert_eq!(Freshness::from_token(&text[3..], &keys), Err(BadToken));
    let same_id_other_secret = Keyring::new(TokenKey { id: 1, secret: [9; 32] }, Vec::new());
    assert_eq!(GuestToken::from_text(&text, &same_id_other_secret), Err(BadToken));
    assert!(guest.is_expired(Timestamp(9)) && !guest.is_expired(Timestamp(8)));
}

#[test]
fn a_rotated_key_is_still_honoured() {
    let old = TokenKey { id: 1, secret: [1; 32] };
    let rotated = Keyring::new(TokenKey { id: 2, secret: [2; 32] }, vec![old]);
    let token = seen().to_token(&keyring(1));
    assert_eq!(Seen::from_token(&token, &rotated), Ok(seen()));
    assert_eq!(Seen::from_token(&token, &keyring(2)), Err(BadToken));
}

#[test]
fn two_rings_are_the_same_where_all_their_keys_are() {
    let key = |id: u32, byte: u8| TokenKey { id, secret: [byte; 32] };
    let ring = Keyring::new(key(1, 1), vec![key(2, 2)]);
    assert!(ring.is_same(&ring.clone()));
    for (current, older) in [
        (key(1, 1), vec![]),
        (key(1, 9), vec![key(2, 2)]),
        (key(9, 1), vec![key(2, 2)]),
        (key(1, 1), vec![key(2, 9)]),
        (key(1, 1), vec![key(2, 2), key(3, 3)]),
    ] {
        assert!(!ring.is_same(&Keyring::new(current, older)));
    }
}

#[test]
fn a_freshness_token_is_bounded() {
    let rows = (0..20).map(|i| RowSeen { owner: "x".repeat(24).into(), version: u64::MAX - i }).collect();
    let dots = (1..100).map(|seq| Dot::new(WriterId(u64::MAX), seq)).collect();
    let freshness = Freshness { cart: CartId([1; 16]), rows, dots };
    let token = freshness.to_token(&keyring(1));
    assert!(token.len() <= FRESHNESS_BYTES_MAX, "{} bytes", token.len());
    let kept = Freshness::from_token(&token, &keyring(1)).unwrap();
    assert_eq!(kept.dots.last(), freshness.dots.last());
}

#[test]
fn an_owner_with_a_long_name_is_still_known_again() {
    for owner in ["import:the-shop-of-before-the-move", "região-sul-americana-são-paulo.1"] {
        let rows = vec![RowSeen { owner: owner.into(), version: 3 }];
        let shown = Freshness { cart: CartId([1; 16]), rows: rows.clone(), dots: Vec::new() };
        let sent = Freshness::from_token(&shown.to_token(&keyring(1)), &keyring(1)).unwrap();
        assert!(sent.is_covered_by(&crate::Cart::default(), &rows), "{owner}");
        let older = [RowSeen { version: 2, ..rows[0].clone() }];
        assert!(!sent.is_covered_by(&crate::Cart::default(), &older), "{owner}");
    }
}

#[test]
fn a_receipt_reads_back_and_ends_after_a_week() {
    let keys = keyring(1);
    let changed = Cart::burning(Dot::new(WriterId(9), 4), Timestamp(5));
    let receipt = Receipt::of(CartId([3; 16]), Dot::new(WriterId(9), 4), Day(20_000), &changed);
    let token = receipt.to_token(&keys);
    assert_eq!(Receipt::from_token(&token, &keys), Ok(receipt.clone()));
    assert_eq!(receipt.delta(), Ok(changed));
    let unreadable = Receipt { delta: receipt.delta[1..].to_vec(), ..receipt.clone() };
    assert_eq!(Receipt::from_token(&unreadable.to_token(&keys), &keys), Err(BadToken));
    assert_eq!(Receipt::from_token(&token, &keyring(2)), Err(BadToken));
    assert_eq!(Receipt::from_token(&seen().to_token(&keys), &keys), Err(BadToken));
    assert!(!receipt.is_expired(Day(20_007)) && receipt.is_expired(Day(20_008)));
}
