//! The read path: load, join, overlay the newest known items. Reads never write.

use crate::{
    Service, answer::CartAnswer, catalog::Newest, error::ServiceError, identity::Presented,
    known::made::skus, load::Loaded,
};
use cart::{CartId, Dot, token::Receipt};
use std::sync::Arc;
use storage::{Consistency, capabilities::Durability};

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
        let decoded = self.load_alone(cart, Consistency::Eventual).await?;
        self.read_of(cart, decoded, presented).await
    }

    /// The same of what was just decoded of its own rows, if that is new enough.
    pub(crate) async fn read_of(
        &self,
        cart: CartId,
        decoded: Loaded,
        presented: &Presented,
    ) -> Result<CartAnswer, ServiceError> {
        let (loaded, lagging) = self.load_fresh_of(cart, decoded, presented).await?;
        if loaded.state.erased {
            return Err(ServiceError::Erased);
        }
        Ok(self.answer(Outcome { cart, loaded, dot: None, lagging, replayed: false, receipt: None }).await)
    }

    /// Puts an answer together: waits for nothing but, briefly, the catalogue copy.
    pub(crate) async fn answer(&self, outcome: Outcome) -> CartAnswer {
        let Outcome { cart, loaded, dot, lagging, replayed, receipt } = outcome;
        let freshness = loaded.freshness(cart, dot);
        let newest = self.newest(&loaded).await;
        let scarce = self.scarce(&loaded.state).await;
        let durability = self.stores.carts.capabilities().durability;
        CartAnswer {
            cart,
            kind: None,
            known: loaded.known,
            state: loaded.state,
            newest,
            scarce,
            low_stock_max: self.checkout.low_stock_max,
            claimed: self.checkout.claimed(cart),
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

    /// The newest items of a cart: those that are known of it, as long as no item has changed.
    async fn newest(&self, loaded: &Loaded) -> Arc<Newest> {
        let kept = loaded.known.as_ref().and_then(|known| known.newest());
        if let Some(kept) = kept.filter(|kept| self.catalog.is_current(kept)) {
            return kept;
        }
        let newest = Arc::new(self.catalog.newest(skus(&loaded.state)).await);
        if let Some(known) = &loaded.known {
            known.keep_newest(newest.clone());
        }
        newest
    }
}
