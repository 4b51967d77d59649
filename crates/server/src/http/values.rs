//! Domain values from JSON, each refused with what was expected.

use super::body::{checked, escaped};
use crate::problem::Problem;
use cart::{
    line::{NAME_BYTES_MAX, Sku, is_name},
    money::{Currency, Money, PRICE_MAX},
    quantity::{QUANTITY_MAX, Quantity, Target},
};
use serde::Deserializer;
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::BTreeMap;

pub(super) fn sku<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sku, D::Error> {
    let expected = format!("a text of 1 to {NAME_BYTES_MAX} bytes without control characters");
    checked(deserializer, &expected, |value| Sku::parse(value.as_str()?))
}

pub(super) fn quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
    let expected = format!("a whole number from 1 to {QUANTITY_MAX}");
    checked(deserializer, &expected, |value| Quantity::new(whole(value)?.try_into().ok()?))
}

pub(super) fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
    let expected = format!("a whole number from 0 to {QUANTITY_MAX}");
    checked(deserializer, &expected, |value| Target::new(whole(value)?.try_into().ok()?))
}

pub(super) fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    let expected = format!("null or {{\"amount\": 0 to {PRICE_MAX}, \"currency\": \"ISO 4217\"}}");
    checked(deserializer, &expected, |value| {
        if value.is_null() {
            return Some(None);
        }
        let members = value.as_object().filter(|members| members.len() == 2)?;
        let currency = Currency::parse(members.get("currency")?.as_str()?)?;
        Money::price(whole(members.get("amount")?)?.try_into().ok()?, currency).map(Some)
    })
}

/// Refuses fields that no cart can have.
pub(super) fn check_fields(fields: &BTreeMap<SmolStr, Option<SmolStr>>) -> Result<(), Problem> {
    for (name, value) in fields {
        let at = format!("/fields/{}", escaped(name));
        if !is_name(name) {
            return Err(Problem::invalid(at, "a name has 1 to 128 bytes without control characters"));
        }
        let is_currency = name == cart::view::CURRENCY_FIELD;
        if is_currency && value.as_deref().is_some_and(|value| Currency::parse(value).is_none()) {
            return Err(Problem::invalid(at, "must be three capital letters of ISO 4217"));
        }
    }
    Ok(())
}

/// A number without a fraction, however it is spelled: to JSON Schema, and to JavaScript, 2.0 is 2.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
        let number = number + 0.0; // no -0
        // Written out, a whole number of f64 has no fraction, and what does not fit does not parse.
        format!("{number:.0}").parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_number_is_taken_in_any_spelling() {
        for (value, expected) in [
            (json!(2), Some(2)),
            (json!(2.0), Some(2)),
            (json!(1e3), Some(1000)),
            (json!(2.5), None),
            (json!(-1), None),
            (json!(-1.0), None),
            (json!(1e300), None),
            (json!("2"), None),
            (json!(null), None),
        ] {
            assert_eq!(whole(&value), expected, "{value}");
        }
    }
}
