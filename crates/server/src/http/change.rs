//! Changes as JSON: what bodies say, made into changes of the service.

use super::{
    AppState,
    incoming::seen,
    openapi::schema::{NameText, OptionsText, PriceBody, TextsText},
    values::{price, quantity, sku, target},
};
use crate::problem::Problem;
use cart::{
    line::{Line, LineId, List, Sku, Texts},
    money::Money,
    quantity::{Quantity, Target},
};
use serde::Deserialize;
use service::{AddRequest, LineChange, LineOperation, Quote, ServiceError, carts::Change};
use smol_str::SmolStr;
use utoipa::ToSchema;

/// `POST …/lines`, `add` of a bulk request, and a line of a whole cart.
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
    #[schema(value_type = Option<TextsText>)]
    #[serde(default)]
    attributes: Option<Texts>,
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
#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ListName {
    #[default]
    Cart,
    Saved,
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
    /// The change that it asks for, by itself.
    pub(super) fn change(self, trust: Trust) -> Result<Change, Problem> {
        self.request(trust).map(Change::Add)
    }

    /// What it says of a line.
    pub(super) fn request(self, trust: Trust) -> Result<AddRequest, Problem> {
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
        Ok(AddRequest { line, quantity: self.quantity, attributes: self.attributes, quote })
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
