//! Returns: units of an order that come back, restocked where they can be sold again.
//!
//! What comes back is written down first, on condition of what came back before; the restock follows under a key of
//! its own, so that a request that is repeated completes what it began and changes nothing else.

use super::{
    books::Book,
    refusal::{CheckoutError, Refusal},
};
use crate::{Service, error::ServiceError, inventory::StockChange};
use bytes::Bytes;
use cart::{Timestamp, line::Sku};
use checkout::{
    Settings, TxId,
    format::{FormatError, decode_returns, encode_returns},
    id::KeyHash,
    returns::Returns,
    stock::Change,
};
use std::collections::BTreeMap;
use storage::LinearTable;

/// Units that come back of an order.
#[derive(Clone, Debug)]
pub struct Return {
    /// Of which order.
    pub order: TxId,
    /// How many of what.
    pub units: BTreeMap<Sku, u64>,
    /// False of what cannot be sold again.
    pub restock: bool,
    /// Names it, so that it happens once.
    pub key: String,
}

impl Book for Returns {
    type Key = TxId;
    const TABLE: LinearTable = LinearTable::Order;

    fn key(key: &TxId) -> Bytes {
        [&key.0[..], b"returns"].concat().into()
    }

    fn encode(&self) -> Vec<u8> {
        encode_returns(self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        decode_returns(bytes)
    }

    fn due(&self, _: &Settings) -> Option<Timestamp> {
        None
    }
}

impl Service {
    /// Takes units of an order back: all that are named, or none. Answers all that came back of it so far.
    pub async fn take_back(&self, request: &Return) -> Result<BTreeMap<Sku, u64>, CheckoutError> {
        let order = self.any_order(request.order).await?;
        let key = KeyHash::of(&request.key);
        let mut too_many = None;
        let take = |returns: &mut Returns| match returns.take_back(key, &request.units, &order) {
            Ok(is_new) => is_new.then_some(()),
            Err(refused) => {
                too_many = Some(refused);
                None
            }
        };
        self.books().change(&request.order, take).await.map_err(ServiceError::from)?;
        if let Some(refused) = too_many {
            return Err(CheckoutError::of(Refusal::ReturnExceeds(refused.sku, refused.left), None));
        }
        if request.restock {
            self.restock(request).await?;
        }
        let returns = self.books().read::<Returns>(&request.order).await.map_err(ServiceError::from)?;
        Ok(returns.value.returned.clone())
    }

    async fn restock(&self, request: &Return) -> Result<(), ServiceError> {
        for (sku, quantity) in &request.units {
            // What is not tracked has no stock to go back to.
            if self.shelf(sku).await?.is_none() {
                continue;
            }
            let change = StockChange {
                sku: sku.clone(),
                change: Change::Restock(*quantity),
                reason: format!("returned of {}", request.order),
                key: format!("return {} {}", request.order, request.key),
            };
            self.change_stock(&change).await?;
        }
        Ok(())
    }
}
