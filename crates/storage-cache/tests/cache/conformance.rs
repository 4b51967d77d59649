//! The whole suite over the in-memory engine: each policy, each set of tiers, both write paths.
//!
//! The suite loads strongly, which goes past a cache. Here every load is made an eventual one and asked twice, so that the
//! tiers answer, and what they answer must be the same.

use crate::ground::{self, Tiers};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, Owner, Replaced, RowKey, Stores,
    Version, WritePath, cart::CartId, conformance::Subject, error::Result, memory,
};
use storage_cache::{Policy, cached};

/// Loads eventually, twice.
struct Eventually(Arc<dyn CartStore>);

#[async_trait]
impl CartStore for Eventually {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn load(&self, cart: CartId, _: Consistency) -> Result<CartRows> {
        let first = self.0.load(cart, Consistency::Eventual).await?;
        let second = self.0.load(cart, Consistency::Eventual).await?;
        let strong = self.0.load(cart, Consistency::Strong).await?;
        assert_eq!(first, second, "the second time from a cache");
        assert_eq!(first, strong, "from the engine");
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

async fn open(policy: Policy, tiers: Tiers, write_path: WritePath) -> Subject {
    let stores = memory::open(write_path);
    let url = match tiers {
        Tiers::Local => "redis://127.0.0.1".to_owned(),
        // Skipped, and said so, the suite runs over the bare engine.
        Tiers::Redis | Tiers::Both => match ground::redis().await {
            Some(url) => url,
            None => return Subject::of(stores),
        },
    };
    let (stores, handle) = cached(stores, ground::options(policy, tiers, &url)).await.unwrap();
    let carts = Arc::new(Eventually(stores.carts.clone()));
    Subject { stores: Stores { carts, ..stores }, keep_alive: Box::new(handle) }
}

macro_rules! suites {
    ($($name:ident: $policy:ident $tiers:ident $write_path:ident;)*) => {
        $(mod $name {
            use super::*;
            storage::conformance_suite!(open(Policy::$policy, Tiers::$tiers, WritePath::$write_path));
        })*
    };
}

suites! {
    through_local_replacing: WriteThrough Local Replace;
    through_local_appending: WriteThrough Local Append;
    through_redis_replacing: WriteThrough Redis Replace;
    through_redis_appending: WriteThrough Redis Append;
    through_both_replacing: WriteThrough Both Replace;
    through_both_appending: WriteThrough Both Append;
    around_local_replacing: WriteAround Local Replace;
    around_local_appending: WriteAround Local Append;
    around_redis_replacing: WriteAround Redis Replace;
    around_redis_appending: WriteAround Redis Append;
    around_both_replacing: WriteAround Both Replace;
    around_both_appending: WriteAround Both Append;
}
