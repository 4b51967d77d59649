//! The price hook: tax, shipping, and other prices where the shop wants them.
//!
//! Its answer becomes an order, so it is checked like anything from outside: nothing negative, no price that a cart
//! could not hold, a price for each line or for none, and no other currency than was asked for.

use super::{
    answer::{Answer, Failure},
    call::{Hook, Question},
};
use async_trait::async_trait;
use cart::{
    line::Texts,
    money::{Currency, Money},
};
use serde::{Deserialize, Serialize};
use service::checkout::hooks::{Charges, HookError, PriceLine, PriceRequest, Pricing};

/// What an order costs beside its lines, by a program of the shop.
pub(super) struct PriceHook(pub(super) Hook);

#[derive(Serialize)]
struct Asked<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    cart: String,
    currency: String,
    lines: Vec<AskedLine<'a>>,
    fields: &'a Texts,
}

#[derive(Serialize)]
struct AskedLine<'a> {
    sku: &'a str,
    options: &'a Texts,
    seller: Option<&'a str>,
    quantity: u64,
    unit_price: i64,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Said {
    tax: i64,
    shipping: i64,
    unit_prices: Vec<Option<i64>>,
    currency: Option<String>,
}

#[async_trait]
impl Pricing for PriceHook {
    async fn price(&self, request: &PriceRequest) -> Result<Charges, HookError> {
        let asked = Asked {
            kind: "price",
            cart: request.cart.to_string(),
            currency: request.currency.to_string(),
            lines: request.lines.iter().map(asked_line).collect(),
            fields: &request.fields,
        };
        let body = serde_json::to_vec(&asked).map_err(|error| HookError::Unavailable(Box::new(error)))?;
        // Asked for an answer alone, so whoever asks again later asks another question.
        let id = format!("price_{:032x}", rand::random::<u128>());
        let question = Question { name: "price", id, body: body.into() };
        let (currency, lines) = (request.currency, request.lines.len());
        self.0.ask(&question, |answer: &Answer| charges(answer.read()?, currency, lines)).await
    }
}

fn asked_line(line: &PriceLine) -> AskedLine<'_> {
    AskedLine {
        sku: line.sku(),
        options: line.line.options(),
        seller: line.line.seller().map(|seller| seller.as_str()),
        quantity: line.quantity,
        unit_price: line.unit_price.amount,
    }
}

fn charges(said: Said, currency: Currency, lines: usize) -> Result<Charges, Failure> {
    let refuse = |why: &str| Err(Failure::Unreadable(why.to_owned()));
    if said.currency.is_some_and(|named| named != currency.as_str()) {
        return refuse("another currency than was asked for");
    }
    if said.tax < 0 || said.shipping < 0 {
        return refuse("tax or shipping is negative");
    }
    if !said.unit_prices.is_empty() && said.unit_prices.len() != lines {
        return refuse("`unit_prices` is of another length than the lines");
    }
    if said.unit_prices.iter().flatten().any(|amount| Money::price(*amount, currency).is_none()) {
        return refuse("a unit price is negative or too high");
    }
    Ok(Charges { tax: said.tax, shipping: said.shipping, unit_prices: said.unit_prices })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, lines: usize) -> Result<Charges, String> {
        let gbp = Currency::parse("GBP").unwrap();
        let said = serde_json::from_str(body).map_err(|error| error.to_string())?;
        charges(said, gbp, lines).map_err(|failure| failure.to_string())
    }

    #[test]
    fn every_member_of_an_answer_may_be_left_out() {
        assert_eq!(check("{}", 2), Ok(Charges::default()));
        let all = r#"{"tax":20,"shipping":495,"unit_prices":[null,99],"currency":"GBP","more":1}"#;
        let charges = Charges { tax: 20, shipping: 495, unit_prices: vec![None, Some(99)] };
        assert_eq!(check(all, 2), Ok(charges));
    }

    #[test]
    fn an_answer_that_no_order_could_hold_is_refused() {
        for wrong in [
            r#"{"tax":-1}"#,
            r#"{"shipping":-1}"#,
            r#"{"tax":1.5}"#,
            r#"{"unit_prices":[1]}"#,
            r#"{"unit_prices":[1,2,3]}"#,
            r#"{"unit_prices":[1,-2]}"#,
            r#"{"unit_prices":[1,10000000000]}"#,
            r#"{"currency":"EUR"}"#,
        ] {
            assert!(check(wrong, 2).is_err(), "{wrong}");
        }
    }
}
