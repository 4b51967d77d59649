//! A write that has begun, and of which the caches do not know yet.
//!
//! Always holds: whoever drops it before it is settled, because the caller went away, leaves the cart out of the caches for
//! as long as the write may still take effect.

use crate::layer::Cached;
use storage::cart::CartId;

/// Armed until it is settled.
#[must_use = "a write is unsettled from before the engine is asked until the caches know of it"]
pub(crate) struct Unsettled<'a> {
    cached: &'a Cached,
    cart: CartId,
    is_armed: bool,
}

impl<'a> Unsettled<'a> {
    pub(crate) fn begin(cached: &'a Cached, cart: CartId) -> Self {
        Self { cached, cart, is_armed: true }
    }

    /// The caches know.
    pub(crate) fn settled(mut self) {
        self.is_armed = false;
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        if self.is_armed {
            self.cached.abandon(self.cart);
        }
    }
}
