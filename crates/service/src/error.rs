//! Why the service refuses. Each kind is one answer at the edge; internal messages stay inside.

use crate::answer::CartAnswer;
use cart::{CartId, limits::LimitExceeded};
use storage::StoreError;

/// A refusal, or a failure below.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The line is not in this cart, or not in this list.
    #[error("line is not in the cart")]
    UnknownLine,
    /// The catalogue does not have this SKU.
    #[error("sku `{0}` is not in the catalogue")]
    UnknownSku(String),
    /// The operation would make the cart larger than its limits.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The account has as many named carts as the shop allows.
    #[error("there are {max} named carts already, and no more are allowed")]
    TooManyCarts {
        /// What is allowed.
        max: u32,
    },
    /// The token of what was seen is forged, too old, or of another cart or line.
    #[error("`seen` is not a token of this cart and line, or is older than 30 days")]
    BadSeen,
    /// The idempotency key was used with another payload.
    #[error("idempotency key was used for another request")]
    KeyReused,
    /// The client's writer is too old or from the future.
    #[error("writer is older than 30 days")]
    WriterTooOld,
    /// The cart is not in the state that the caller expects.
    #[error("cart has changed")]
    PreconditionFailed(Box<CartAnswer>),
    /// The guest's cart was taken in by an account.
    #[error("guest cart was merged into an account")]
    MergedInto(CartId),
    /// The cart was erased.
    #[error("cart was erased")]
    Erased,
    /// Nothing is known of this merge.
    #[error("merge is not known")]
    UnknownMerge,
    /// The merge can no longer be undone.
    #[error("merge can no longer be undone")]
    UndoEnded,
    /// An order has lines of this merge, so that it can no longer be undone.
    #[error("lines of the merge were bought")]
    Bought,
    /// A checkout that is not decided has the cart.
    #[error("a checkout is under way")]
    CheckoutOpen,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
