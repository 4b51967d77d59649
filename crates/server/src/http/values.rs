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

/// The greatest number up to which every whole number is a double.
const DOUBLE_WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A whole number, however it is spelled: in JSON Schema 3.0 is an integer, and many clients know doubles only.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole, and within what both kinds of number hold exactly"
)]
fn whole(value: &Value) -> Option<i128> {
    let double =
        |value: &Value| value.as_f64().filter(|it| it.fract() == 0.0 && it.abs() <= DOUBLE_WHOLE_MAX);
    value.as_number()?.as_i128().or_else(|| double(value).map(|it| it as i128))
}

/// A whole number that may be absent, where it fits `T`.
pub(super) fn optional_whole<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i128>,
{
    checked(deserializer, "null or a whole number in range", |value| {
        if value.is_null() { Some(None) } else { T::try_from(whole(value)?).ok().map(Some) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_spelled_as_a_double() {
        let read = |text: &str| whole(&serde_json::from_str(text).unwrap());
        for (text, number) in
            [("3", 3), ("3.0", 3), ("-1.0", -1), ("17e3", 17_000), ("18446744073709551615", u64::MAX.into())]
        {
            assert_eq!(read(text), Some(number), "{text}");
        }
        for text in ["3.5", "1e300", "9007199254740994.0", "\"3\"", "null", "true"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
