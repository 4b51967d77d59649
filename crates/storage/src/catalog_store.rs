//! The shop's copy of its items: what snapshots in carts are taken from.

use crate::error::Result;
use async_trait::async_trait;
use bytes::Bytes;
use cart::line::Sku;

/// An item as stored. The greater revision wins, whatever the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogRow {
    /// Of what.
    pub sku: Sku,
    /// Rises with every change of the item.
    pub revision: u64,
    /// The item, in the stored format of the `cart` crate.
    pub bytes: Bytes,
}

/// What became of an item that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is the newest now.
    Stored,
    /// A newer revision was there.
    Older,
}

/// Keeps the shop's items.
#[async_trait]
pub trait CatalogStore: Send + Sync + 'static {
    /// Stores items; one outcome for each, in order. Acknowledged means durable.
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>>;

    /// The items of these SKUs, in order; `None` for an unknown one.
    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>>;

    /// Items with a revision above `since`, or all of them without it, by revision and then SKU, behind `after`, at
    /// most `limit`. An item that changes while somebody pages moves ahead of them: none is missed.
    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>>;
}
