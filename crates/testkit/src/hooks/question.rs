//! What the hooks are asked, as far as this server looks at it.

use serde::Deserialize;

/// A question of evercart.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Question {
    #[serde(rename = "payment.authorise")]
    Authorise { checkout: String, total: Amount },
    #[serde(rename = "payment.void")]
    Void { checkout: String },
    #[serde(rename = "price")]
    Price { lines: Vec<PricedLine> },
}

#[derive(Debug, Deserialize)]
pub(super) struct Amount {
    pub(super) amount: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct PricedLine {
    pub(super) sku: String,
    pub(super) quantity: i64,
    pub(super) unit_price: i64,
}

impl Question {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Authorise { .. } => "payment.authorise",
            Self::Void { .. } => "payment.void",
            Self::Price { .. } => "price",
        }
    }
}
