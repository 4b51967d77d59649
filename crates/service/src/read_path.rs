//! The read path: load, join, overlay the newest known items. Reads never write.

use crate::{Service, answer::CartAnswer, error::ServiceError, identity::Presented, load::Loaded};
use cart::{CartId, Dot, token::Receipt};
use std::collections::BTreeSet;
use storage::capabilities::Durability;

/// A loaded cart on its way to an answer.
pub(crate) struct Outcome {
    pub(crate) cart: CartId,
    pub(crate) loaded: Loaded,
    pub(crate) dot: Option<Dot>,
    pub(crate) lagging: bool,
    pub(crate) replayed: bool,
    /// Of what was written.
    pub(crate) receipt: Option<Receipt>,
}

impl Service {
    /// Reads a cart by its id.
    pub async fn read(&self, cart: CartId, presented: &Presented) -> Result<CartAnswer, ServiceError> {
        let (loaded, lagging) = self.load_fresh(cart, presented).await?;
        if loaded.state.erased {
            return Err(ServiceError::Erased);
        }
        Ok(self.answer(Outcome { cart, loaded, dot: None, lagging, replayed: false, receipt: None }).await)
    }

    /// Puts an answer together: waits for nothing but, briefly, the catalogue copy.
    pub(crate) async fn answer(&self, outcome: Outcome) -> CartAnswer {
        let Outcome { cart, loaded, dot, lagging, replayed, receipt } = outcome;
        let freshness = loaded.freshness(cart, dot);
        let skus: BTreeSet<_> = loaded.state.shown().map(|(_, shown)| shown.line.sku().clone()).collect();
        let (newest, catalog) = self.catalog.newest(skus).await;
        let durability = self.stores.carts.capabilities().durability;
        CartAnswer {
            cart,
            kind: None,
            memo: loaded.known.map(|known| known.memo.clone()),
            state: loaded.state,
            newest,
            catalog,
            currency: self.settings.currency,
            freshness,
            lagging,
            replayed,
            durability,
            receipt: receipt.filter(|_| durability < Durability::Regions),
            notices: Vec::new(),
            session: None,
            now: self.environment.now(),
            expires_at: None,
        }
    }
}
