//! What the service answers: a state with all that an edge needs to show it.

use crate::{catalog::Newest, known::KnownCart};
use cart::{
    Cart, CartId, Dot, Timestamp,
    digest::Overlay,
    line::Sku,
    money::Currency,
    token::{Freshness, GuestToken, Receipt},
    view::{Surroundings, View},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use storage::capabilities::Durability;

/// Whose cart it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A guest's, held by whoever has the token.
    Guest,
    /// An account's.
    Account,
}

/// A cart as it stands after a request.
#[derive(Clone, Debug)]
pub struct CartAnswer {
    /// Which cart.
    pub cart: CartId,
    /// Whose, where the caller's own; `None` when a service addressed it by id.
    pub kind: Option<Kind>,
    /// What is known of it.
    pub state: Arc<Cart>,
    /// What the catalogue knows of its items now.
    pub newest: Arc<Newest>,
    /// The state with the rows that it was joined from, where it is all that they say.
    pub(crate) known: Option<Arc<KnownCart>>,
    /// Units that can be bought of what is scarce of its items.
    pub scarce: BTreeMap<Sku, u64>,
    /// So few are worth a notice.
    pub low_stock_max: u64,
    /// What checkouts under way have claimed of it.
    pub claimed: Arc<BTreeSet<Dot>>,
    /// The shop's currency.
    pub currency: Currency,
    /// What the caller has been shown with this answer.
    pub freshness: Freshness,
    /// True when the caller had been shown more elsewhere than can be reached from here.
    pub lagging: bool,
    /// True when the request had been executed before.
    pub replayed: bool,
    /// How durable the write is; of a read, what the store makes of writes.
    pub durability: Durability,
    /// What was written, for as long as that is not safe in several regions.
    pub receipt: Option<Receipt>,
    /// What the shopper should know of the cart as a whole.
    pub notices: Vec<CartNotice>,
    /// A guest token that was made or renewed on the way.
    pub session: Option<GuestToken>,
    /// The moment of the answer.
    pub now: Timestamp,
    /// When the cart ends unless it is used; an account's stays.
    pub expires_at: Option<Timestamp>,
}

/// A notice to the shopper about the cart as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CartNotice {
    /// The guest's token had ended: this is a fresh cart.
    SessionExpired,
    /// The guest's cart was taken in by an account: this is a fresh cart.
    CartMerged,
}

impl CartAnswer {
    /// What is shown of the cart.
    pub fn view(&self) -> View {
        let surroundings = Surroundings {
            newest: &|sku| self.newest.get(sku),
            stock: &|sku| self.scarce.get(sku).copied(),
            low_stock_max: self.low_stock_max,
            claimed: &self.claimed,
            currency: self.currency,
        };
        View::of(&self.state, &surroundings)
    }

    /// The strong entity tag: the digest of the state, and of the items and freshness shown with it.
    pub fn etag(&self) -> String {
        let overlay = self.state.overlay_digest(&Overlay {
            newest: self.newest.digest(),
            newest_of: &|sku| self.newest.get(sku),
            scarce: &self.scarce,
            claimed: &self.claimed,
            currency: self.currency,
            lagging: self.lagging,
        });
        format!("{}.{overlay:016x}", state_tag(&self.state))
    }
}

/// The half of an entity tag that is equal in two regions when the states are.
pub fn state_tag(state: &Cart) -> String {
    format!("{:016x}", state.digest())
}
