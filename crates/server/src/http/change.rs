//! Changes as JSON: what bodies of single and bulk requests say, made into changes of the service.

use super::{
    AppState,
    body::checked,
    incoming::seen,
    openapi::schema::{FieldsText, NameText, OptionsText, PriceBody, TextsText},
};
use crate::problem::Problem;
use cart::{
    line::{Line, LineId, List, NAME_BYTES_MAX, Sku, Texts},
    money::{Currency, Money, PRICE_MAX},
    quantity::{QUANTITY_MAX, Quantity, Target},
};
use serde::{Deserialize, Deserializer};
use service::{AddRequest, LineChange, LineOperation, Quote, ServiceError, carts::Change};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// `POST …/lines`, and `add` of a bulk request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddBody {
    #[schema(value_type = NameText)]
    #[serde(deserialize_with = "sku")]
    sku: Sku,
    #[schema(value_type = u32, minimum = 1, maximum = 999_999)]
    #[serde(deserialize_with = "quantity")]
    quantity: Quantity,
    #[schema(value_type = OptionsText)]
    #[serde(default)]
    options: Texts,
    #[schema(value_type = Option<NameText>)]
    #[serde(default)]
    seller: Option<SmolStr>,
    #[schema(value_type = TextsText)]
    #[serde(default)]
    attributes: Texts,
    #[schema(value_type = Option<PriceBody>)]
    #[serde(default, deserialize_with = "price")]
    price: Option<Money>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    title: Option<SmolStr>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    image: Option<SmolStr>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    url: Option<SmolStr>,
}

/// `PUT …/lines/{line}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetBody {
    #[schema(value_type = u32, minimum = 0, maximum = 999_999)]
    #[serde(deserialize_with = "target")]
    pub(super) quantity: Target,
    #[serde(default)]
    pub(super) seen: Option<String>,
}

/// `POST …/lines/{line}/move`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MoveBody {
    pub(super) to: ListName,
    #[serde(default)]
    pub(super) seen: Option<String>,
}

/// A list as callers name it.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ListName {
    Cart,
    Saved,
}

/// One operation of a bulk request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum OperationBody {
    Add {
        #[schema(value_type = NameText)]
        #[serde(deserialize_with = "sku")]
        sku: Sku,
        #[schema(value_type = u32, minimum = 1, maximum = 999_999)]
        #[serde(deserialize_with = "quantity")]
        quantity: Quantity,
        #[schema(value_type = OptionsText)]
        #[serde(default)]
        options: Texts,
        #[schema(value_type = Option<NameText>)]
        #[serde(default)]
        seller: Option<SmolStr>,
        #[schema(value_type = TextsText)]
        #[serde(default)]
        attributes: Texts,
        #[schema(value_type = Option<PriceBody>)]
        #[serde(default, deserialize_with = "price")]
        price: Option<Money>,
    },
    Set {
        line: String,
        #[schema(value_type = u32, minimum = 0, maximum = 999_999)]
        #[serde(deserialize_with = "target")]
        quantity: Target,
        #[serde(default)]
        seen: Option<String>,
    },
    Remove {
        line: String,
        #[serde(default)]
        seen: Option<String>,
    },
    Move {
        line: String,
        to: ListName,
        #[serde(default)]
        seen: Option<String>,
    },
    Clear {
        #[serde(default = "cart_list")]
        list: ListName,
        #[serde(default)]
        seen: Option<String>,
    },
    Annotate {
        #[serde(default)]
        line: Option<String>,
        #[schema(value_type = Option<TextsText>)]
        #[serde(default)]
        attributes: Option<Texts>,
        #[schema(value_type = Option<FieldsText>)]
        #[serde(default)]
        fields: Option<BTreeMap<SmolStr, Option<SmolStr>>>,
        #[serde(default)]
        seen: Option<String>,
    },
}

/// Who may name prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// A shopper: price, title and image come from the shop's catalogue.
    Shopper,
    /// A service of the shop.
    Service,
}

impl AddBody {
    /// The add that it asks for.
    pub(super) fn change(self, trust: Trust) -> Result<Change, Problem> {
        let given = [
            ("/price", self.price.is_some()),
            ("/title", self.title.is_some()),
            ("/image", self.image.is_some()),
            ("/url", self.url.is_some()),
        ];
        if let Some((pointer, _)) = given.into_iter().find(|(_, given)| *given && trust == Trust::Shopper) {
            return Err(Problem::invalid(pointer, "only a service token may name it"));
        }
        let line = Line::new(self.sku, self.options, self.seller)
            .map_err(|error| Problem::invalid("/options", error.to_string()))?;
        let quote = Quote { price: self.price, title: self.title, image: self.image, url: self.url };
        let quote = Some(quote).filter(|quote| *quote != Quote::default());
        Ok(Change::Add(AddRequest { line, quantity: self.quantity, attributes: self.attributes, quote }))
    }
}

impl ListName {
    pub(super) fn list(self) -> List {
        match self {
            Self::Cart => List::Cart,
            Self::Saved => List::Saved,
        }
    }
}

fn cart_list() -> ListName {
    ListName::Cart
}

/// A change of one line; an id that is none is of an unknown line.
pub(super) fn line_change(
    state: &AppState,
    line: &str,
    token: Option<&str>,
    operation: LineOperation,
) -> Result<Change, ServiceError> {
    let line = LineId::parse(line).ok_or(ServiceError::UnknownLine)?;
    Ok(Change::Line(LineChange { line, seen: seen(state, token)?, operation }))
}

impl OperationBody {
    /// The change that it asks for. The outer error refuses the whole request: it does not fit the interface;
    /// the inner one refuses this operation alone.
    pub(super) fn change(
        self,
        state: &AppState,
        trust: Trust,
        index: usize,
    ) -> Result<Result<Change, ServiceError>, Problem> {
        let at = |pointer: &str| format!("/ops/{index}{pointer}");
        Ok(match self {
            Self::Add { sku, quantity, options, seller, attributes, price } => {
                let body = AddBody {
                    sku,
                    quantity,
                    options,
                    seller,
                    attributes,
                    price,
                    title: None,
                    image: None,
                    url: None,
                };
                Ok(body.change(trust).map_err(|problem| Problem::invalid(at(""), problem.detail()))?)
            }
            Self::Set { line, quantity, seen } => {
                line_change(state, &line, seen.as_deref(), LineOperation::Set(quantity))
            }
            Self::Remove { line, seen } => line_change(state, &line, seen.as_deref(), LineOperation::Remove),
            Self::Move { line, to, seen } => {
                line_change(state, &line, seen.as_deref(), LineOperation::Move(to.list()))
            }
            Self::Clear { list, seen: token } => {
                seen(state, token.as_deref()).map(|seen| Change::Clear { list: list.list(), seen })
            }
            Self::Annotate { line: Some(line), attributes: Some(texts), fields: None, seen } => {
                line_change(state, &line, seen.as_deref(), LineOperation::Annotate(texts))
            }
            Self::Annotate { line: None, attributes: None, fields: Some(fields), .. } => {
                check_fields(&fields)
                    .map_err(|(name, text)| Problem::invalid(at(&format!("/fields/{name}")), text))?;
                Ok(Change::Fields(fields))
            }
            Self::Annotate { .. } => {
                let detail = "`annotate` takes either `line` with `attributes`, or `fields`";
                return Err(Problem::invalid(at(""), detail));
            }
        })
    }
}

fn check_fields(fields: &BTreeMap<SmolStr, Option<SmolStr>>) -> Result<(), (SmolStr, &'static str)> {
    for (name, value) in fields {
        if !cart::line::is_name(name) {
            return Err((name.clone(), "a name has 1 to 128 bytes without control characters"));
        }
        let is_currency = name == cart::view::CURRENCY_FIELD;
        if is_currency && value.as_deref().is_some_and(|value| Currency::parse(value).is_none()) {
            return Err((name.clone(), "must be three capital letters of ISO 4217"));
        }
    }
    Ok(())
}

fn sku<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sku, D::Error> {
    let expected = format!("a text of 1 to {NAME_BYTES_MAX} bytes without control characters");
    checked(deserializer, &expected, |value| Sku::parse(value.as_str()?))
}

fn quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
    let expected = format!("a whole number from 1 to {QUANTITY_MAX}");
    checked(deserializer, &expected, |value| Quantity::new(value.as_u64()?.try_into().ok()?))
}

fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
    let expected = format!("a whole number from 0 to {QUANTITY_MAX}");
    checked(deserializer, &expected, |value| Target::new(value.as_u64()?.try_into().ok()?))
}

pub(super) fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    let expected = format!("null or {{\"amount\": 0 to {PRICE_MAX}, \"currency\": \"ISO 4217\"}}");
    checked(deserializer, &expected, |value| {
        if value.is_null() {
            return Some(None);
        }
        let members = value.as_object().filter(|members| members.len() == 2)?;
        let currency = Currency::parse(members.get("currency")?.as_str()?)?;
        Money::price(members.get("amount")?.as_i64()?, currency).map(Some)
    })
}
