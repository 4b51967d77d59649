//! An add whose caller does not want to see the cart: one blind insert, nothing loaded, joined or digested.
//!
//! What always holds: the cart is open, because the engine shows so under the lane, or, where it cannot, a guest's cart
//! that was taken in is still read with the account's; and an add is blind only where its limits hold by the stored bytes
//! or by what is known of the cart. Adds that are on their way while somebody looks at the cart are in neither, and where
//! other nodes write too, what is known may be a few adds old: so a cart may come to a little more than its limits, and
//! what was acknowledged stays. A retry of a client's numbered add is joined under its dot again and changes nothing, but
//! nobody tells its caller.
//!
//! Everything that needs the cart goes the other way: conditions, receipts, tokens to be renewed, names to be remembered,
//! and idempotency keys, whose owners want to hear of a repeat and of a key used for something else.

use super::append::Insertion;
use crate::{
    CartAnswer, Service,
    carts::Request,
    error::ServiceError,
    identity::{Conditions, Identity},
    lane::Lane,
    sessions::Resolved,
    subjects::names::named,
};
use cart::{
    CartId, Delta, Dot,
    operation::{Add, Stamp},
    token::{Freshness, GuestToken, Receipt},
};
use storage::{
    WritePath,
    capabilities::{Capabilities, Durability},
};

/// Bytes of the longest delta whose receipt fits a header: without a body there is no other place for it.
const DELTA_BYTES_MAX: usize = 2_048;

/// What a change comes to for a caller who does not want to see the cart.
#[derive(Debug)]
pub enum Changed {
    /// It is written, and nobody looked.
    Unseen(Box<Acknowledged>),
    /// The cart had to be looked at.
    Seen(Box<CartAnswer>),
}

/// What can be said of a write to a cart that was not loaded.
#[derive(Debug)]
pub struct Acknowledged {
    /// What the caller has been shown with this and before.
    pub freshness: Freshness,
    /// How durable it is.
    pub durability: Durability,
    /// What was written, for as long as that is not safe in several regions.
    pub receipt: Option<Receipt>,
    /// A guest token that was made on the way.
    pub session: Option<GuestToken>,
}

impl Service {
    /// Adds without looking, where that may be; `None` where the cart has to be looked at.
    pub(crate) async fn add_unseen(
        &self,
        request: &Request<'_>,
        add: &Add,
    ) -> Result<Option<Box<Acknowledged>>, ServiceError> {
        let Request { address, identity, conditions } = request;
        let capabilities = self.stores.carts.capabilities();
        let resolved = self.resolve(address);
        let needs_no_look = capabilities.write_path == WritePath::Append
            && named(address).is_none()
            && asks_for_no_look(&resolved, conditions)
            && self.needs_no_memory(identity);
        if !needs_no_look {
            return Ok(None);
        }
        let cart = resolved.cart;
        let mut lane = self.lanes.enter_ahead(cart, || self.environment.random()).await;
        let dot = identity.dot(cart).unwrap_or_else(|| lane.count());
        let stamp = Stamp { dot, origin: identity.origin(cart), at: self.environment.now() };
        let delta = add.delta(&stamp);
        let may_be_unseen = self.may_be_unseen(cart, &delta, &capabilities).await;
        let insert = may_be_unseen.then(|| Insertion::new(cart, dot, &delta));
        let Some(insert) = insert.filter(|insert| insert.len() <= DELTA_BYTES_MAX) else {
            lane.uncount(dot);
            return Ok(None);
        };
        let mut attempts = self.attempts();
        let ticket = self.queue(&insert, &mut attempts, &mut lane).await?;
        let flight = Lane::depart_unseen(lane);
        self.wait_durable(&insert, attempts, ticket, Some(&flight)).await?;
        let durability = capabilities.durability;
        Ok(Some(Box::new(Acknowledged {
            freshness: shown_with(conditions.presented.freshness.as_ref(), cart, dot),
            durability,
            receipt: (durability < Durability::Regions).then(|| insert.receipt(stamp.at.day())),
            session: resolved.session,
        })))
    }

    /// Whether a delta may join a cart that nobody looks at. The lane is held.
    async fn may_be_unseen(&self, cart: CartId, delta: &Delta, capabilities: &Capabilities) -> bool {
        let (limits, is_only_writer) = (&self.settings.limits, capabilities.single_writer);
        let known = self.known.get(cart).decoded;
        let by_known = || known.as_ref().map(|known| known.admits_unseen(limits, delta, is_only_writer));
        // What went wrong is said by whoever looks.
        match self.stores.carts.glance(cart).await.unwrap_or_default() {
            Some(glance) if glance.may_be_closed => false,
            Some(glance) => by_known().unwrap_or_else(|| limits.admits_unseen(glance.bytes, delta)),
            None => !is_only_writer && by_known().unwrap_or(false),
        }
    }

    /// False where the cart says what becomes of an operation: it is too old to be told from one that was forgotten, or
    /// its key may have been used before.
    fn needs_no_memory(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Client(dot) => dot.writer.is_current_client(self.environment.now()),
            Identity::Key { .. } => false,
            Identity::Unnamed => true,
        }
    }
}

fn asks_for_no_look(resolved: &Resolved, conditions: &Conditions) -> bool {
    conditions.if_match.is_none() && conditions.presented.receipt.is_none() && !resolved.may_be_renewed()
}

/// What the caller was shown before, and its own add.
fn shown_with(before: Option<&Freshness>, cart: CartId, dot: Dot) -> Freshness {
    let mut shown = before.filter(|before| before.cart == cart).cloned().unwrap_or_else(|| Freshness {
        cart,
        rows: Vec::new(),
        dots: Vec::new(),
    });
    shown.dots.push(dot);
    shown
}
