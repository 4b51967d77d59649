//! Which carts hold a SKU: derived from the carts, and nobody's truth.
//!
//! Whoever reads it looks at the cart before believing it. It may lag, it may be thrown away and rebuilt at any time,
//! and no write of a cart waits for it.

use crate::error::Result;
use async_trait::async_trait;
use cart::{CartId, line::Sku};
use std::collections::BTreeSet;

/// Keeps under which SKUs each cart is found.
#[async_trait]
pub trait SkuIndex: Send + Sync + 'static {
    /// From now on each of these carts is found under these SKUs, and under no others.
    async fn put(&self, carts: Vec<(CartId, BTreeSet<Sku>)>) -> Result<()>;

    /// Carts that are found under a SKU, behind `after`, in order, at most `limit`.
    async fn find(&self, sku: &Sku, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>>;

    /// All carts are about to be put again: what was left out before is forgotten.
    fn scan_begins(&self);

    /// False while a cart is left out for want of room.
    fn is_whole(&self) -> bool;
}
