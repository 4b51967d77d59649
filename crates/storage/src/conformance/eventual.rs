//! The suite as a caller who does not ask for strong loads meets it.
//!
//! Cases load strongly, which goes past a cache. Here every load is made an eventual one and asked twice, so that the tiers
//! of a cache answer, and what they answer must be what the engine has. Not for an engine whose replicas lag.

use crate::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, Owner, Replaced, RowKey, Stores,
    Version, error::Result,
};
use async_trait::async_trait;
use bytes::Bytes;
use cart::CartId;
use std::sync::Arc;

/// Puts the layer around the carts of three stores.
pub fn eventual(stores: Stores) -> Stores {
    Stores { carts: Arc::new(Eventually(stores.carts)), ..stores }
}

struct Eventually(Arc<dyn CartStore>);

/// Rows are a set: no engine and no cache promises an order.
fn sorted(rows: &CartRows) -> CartRows {
    let mut rows = rows.clone();
    rows.snapshots.sort_by(|one, other| one.owner.cmp(&other.owner));
    rows.deltas.sort_by(|one, other| one.key.cmp(&other.key));
    rows
}

#[async_trait]
impl CartStore for Eventually {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn load(&self, cart: CartId, _: Consistency) -> Result<CartRows> {
        let first = self.0.load(cart, Consistency::Eventual).await?;
        let second = self.0.load(cart, Consistency::Eventual).await?;
        let strong = self.0.load(cart, Consistency::Strong).await?;
        assert_eq!(sorted(&first), sorted(&second), "the second time from a cache");
        assert_eq!(sorted(&first), sorted(&strong), "from the engine");
        Ok(first)
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        // Whoever writes has read before: so there is something to be patched.
        self.0.load(key.cart, Consistency::Eventual).await?;
        self.0.replace(key, expected, folded_through, bytes).await
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        self.0.load(key.cart, Consistency::Eventual).await?;
        self.0.append(key, bytes).await
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        self.0.remove(key, version).await
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        self.0.remove_deltas(key, through).await
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.0.scan(after, limit).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.0.find_unfolded(owner, after, limit).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        self.0.owners().await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.0.register(owner).await
    }
}
