//! Holds: who has put what aside, for whoever must know.

use crate::{Service, checkout::CheckoutError, error::ServiceError};
use cart::{CartId, Timestamp, line::Sku};
use checkout::{
    Answer, Stock, TxId,
    cancel::Cancel,
    format::{decode_stock, decode_stock_key},
};
use std::sync::Arc;
use storage::{DueCursor, LinearTable};

/// Units that a checkout has put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUnits {
    /// Of what.
    pub sku: Sku,
    /// At which owner.
    pub owner: String,
    /// For which checkout.
    pub tx: TxId,
    /// Of which cart.
    pub cart: CartId,
    /// How many.
    pub quantity: u64,
    /// From when on somebody asks the ledger about it.
    pub until: Timestamp,
}

/// Some holds, the earliest to be asked about first.
#[derive(Clone, Debug)]
pub struct HoldPage {
    /// The holds.
    pub holds: Vec<HeldUnits>,
    /// Where to go on; `None` at the end.
    pub next: Option<DueCursor>,
}

impl Service {
    /// Holds of all checkouts under way, by record, at most those of `limit` records.
    pub async fn holds(&self, after: Option<DueCursor>, limit: usize) -> Result<HoldPage, ServiceError> {
        let all = Timestamp(u64::MAX);
        let found = self.stores.linear.due(LinearTable::Stock, all, after, limit).await?;
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.and_then(|last| Some(DueCursor { due: last.record.due?, key: last.key.clone() }));
        let mut holds = Vec::new();
        for record in &found {
            let (Some(key), Ok(stock)) = (decode_stock_key(&record.key), decode_stock(&record.record.bytes))
            else {
                continue;
            };
            let owner = key.owner.to_string();
            let Stock { holds: held, .. } = stock;
            holds.extend(held.into_iter().map(|(tx, hold)| HeldUnits {
                sku: key.sku.clone(),
                owner: owner.clone(),
                tx,
                cart: hold.cart,
                quantity: hold.quantity,
                until: hold.until,
            }));
        }
        Ok(HoldPage { holds, next })
    }

    /// Releases what a checkout holds, by ending it; false where it is an order already, and keeps what it holds.
    pub async fn release_holds(self: &Arc<Self>, tx: TxId, reason: &str) -> Result<bool, CheckoutError> {
        let order = self.books().order(tx).await.map_err(ServiceError::from)?;
        let order = order.ok_or_else(|| CheckoutError::of(crate::checkout::Refusal::Unknown, None))?;
        match self.run(Cancel::new(order.cart, tx, self.checkout.settings)).await {
            Answer::Aborted { .. } => {
                tracing::info!(checkout = %tx, reason, "a checkout was ended by hand, and its holds released");
                Ok(true)
            }
            Answer::Committed { .. } => Ok(false),
            other => Err(CheckoutError::of(crate::checkout::refusal_of(other), None)),
        }
    }
}
