//! What a test may rely on.

use super::{purse::Purse, question::PricedLine, rules::Rules};
use axum::http::StatusCode;
use serde_json::json;

fn state(answer: &(StatusCode, serde_json::Value)) -> &str {
    answer.1["state"].as_str().unwrap_or_default()
}

#[test]
fn money_is_set_aside_once_and_never_after_a_void() {
    let (mut purse, rules) = (Purse::default(), Rules { decline_above: Some(100), ..Rules::default() });
    for _ in 0..2 {
        assert_eq!(state(&purse.authorise("o_a", 70, &rules)), "authorised");
    }
    assert_eq!(purse.authorise("o_a", 71, &rules).0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(state(&purse.authorise("o_b", 101, &rules)), "declined");
    purse.void("o_c");
    assert_eq!(state(&purse.authorise("o_c", 1, &rules)), "declined");
    assert_eq!(purse.set_aside(), [("o_a".to_owned(), 70)].into());
    purse.void("o_a");
    assert_eq!(state(&purse.authorise("o_a", 70, &rules)), "declined");
    assert!(purse.set_aside().is_empty());
}

#[test]
fn a_shopper_who_must_act_is_asked_until_they_did() {
    let (mut purse, rules) = (Purse::default(), Rules { action_above: Some(10), ..Rules::default() });
    for _ in 0..2 {
        assert_eq!(state(&purse.authorise("o_a", 11, &rules)), "requires_action");
    }
    assert!(purse.set_aside().is_empty());
    purse.act("o_a");
    assert_eq!(state(&purse.authorise("o_a", 11, &rules)), "authorised");
}

#[test]
fn tax_is_a_part_of_the_lines_at_the_prices_that_are_named() {
    let rules = Rules { tax_percent: 20, shipping: 500, reprices: Some(("B", 50)), ..Rules::default() };
    let line = |sku: &str, quantity, unit_price| PricedLine { sku: sku.to_owned(), quantity, unit_price };
    let said = rules.price(&[line("A", 2, 255), line("B", 1, 100)]);
    assert_eq!(said, json!({"tax": 112, "shipping": 500, "unit_prices": [null, 50]}));
}
