//! The operation id of a request, fixed before its first attempt.

use cart::{
    CartId, Dot, Timestamp, WriterId,
    state::Cart,
    token::{Freshness, Receipt},
};

use crate::error::ServiceError;

/// How a request names itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By a client's own counter: `Evercart-Op`.
    Client(Dot),
    /// By an idempotency key with a digest input of the payload.
    Key {
        /// The key as sent.
        key: String,
        /// Method, path without the cart's id, and body.
        payload: Vec<u8>,
        /// The cart first addressed, where a retry after login names it.
        first_addressed: Option<CartId>,
    },
    /// Not at all: the node counts.
    Unnamed,
}

/// What a caller brings along of what it was told before.
#[derive(Clone, Debug, Default)]
pub struct Presented {
    /// What it was shown: it never reads less.
    pub freshness: Option<Freshness>,
    /// A change that was acknowledged to it: joined where it was lost.
    pub receipt: Option<Receipt>,
}

/// What a caller demands before its request is executed, and what it brings along.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// The digest that the cart must have.
    pub if_match: Option<Vec<String>>,
    /// What the caller was told before.
    pub presented: Presented,
}

/// What the context says of a request's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not executed yet.
    New,
    /// Executed already: it changes nothing.
    Replay,
}

impl Identity {
    /// The dot of the request for `cart`; `None` when the node counts.
    pub(crate) fn dot(&self, cart: CartId) -> Option<Dot> {
        match self {
            Self::Client(dot) => Some(*dot),
            Self::Key { key, payload, first_addressed } => {
                Some(Dot::new(WriterId::one_shot(first_addressed.unwrap_or(cart), key, payload), 1))
            }
            Self::Unnamed => None,
        }
    }

    /// The cart whose history the operation belongs to.
    pub(crate) fn origin(&self, cart: CartId) -> CartId {
        match self {
            Self::Key { first_addressed, .. } => first_addressed.unwrap_or(cart),
            Self::Client(_) | Self::Unnamed => cart,
        }
    }

    /// Looks the request up in the context of the cart, as addressed to it, to the cart it names, or to any cart
    /// that was merged into it.
    pub(crate) fn standing(
        &self,
        cart: CartId,
        state: &Cart,
        now: Timestamp,
    ) -> Result<Standing, ServiceError> {
        match self {
            Self::Unnamed => Ok(Standing::New),
            Self::Client(dot) if state.context.contains(*dot) => Ok(Standing::Replay),
            Self::Client(dot) if dot.writer.is_current_client(now) => Ok(Standing::New),
            Self::Client(_) => Err(ServiceError::WriterTooOld),
            Self::Key { key, payload, first_addressed } => {
                let addressed = first_addressed.iter().chain([&cart]).chain(state.merged.keys());
                let mut reused = false;
                for cart in addressed {
                    let writer = WriterId::one_shot(*cart, key, payload);
                    let mut known = state.context.writers_in(writer.same_key_range()).peekable();
                    if state.context.contains(Dot::new(writer, 1)) {
                        return Ok(Standing::Replay);
                    }
                    reused |= known.peek().is_some();
                }
                if reused { Err(ServiceError::KeyReused) } else { Ok(Standing::New) }
            }
        }
    }
}
