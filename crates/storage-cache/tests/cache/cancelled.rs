//! Writes whose caller goes away, or whose outcome nobody knows: the cart is out of the caches until it can be known.

use crate::ground::{self, Gate, POLICIES, TIERS, Tiers, cart, engine, node, options, shown, until, write};
use async_trait::async_trait;
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, Owner, Replaced, RowKey, StoreError,
    Stores, Version,
    cart::CartId,
    error::Result,
    layer::fault::{Fault, faulty},
};

#[tokio::test]
async fn a_caller_that_goes_away_between_engine_and_cache_leaves_no_stale_cart() {
    let Some(url) = ground::redis().await else { return };
    for (policy, tiers) in POLICIES.iter().flat_map(|policy| TIERS.map(|tiers| (*policy, tiers))) {
        let (stores, watched) = engine();
        let options = options(policy, tiers, &url);
        let (first, handle) = node(&stores, &options).await;
        let (second, _other) = node(&stores, &options).await;
        write(&first, cart(1), 0).await.unwrap();
        assert_eq!((shown(&first, cart(1)).await, shown(&first, cart(1)).await), (1, 1));
        let gate = Gate::new();
        *watched.hold_write.lock() = Some(gate.clone());
        let writer = tokio::spawn({
            let first = first.clone();
            async move { write(&first, cart(1), 1).await }
        });
        gate.arrival().await;
        writer.abort();
        assert!(writer.await.unwrap_err().is_cancelled());
        assert_eq!(shown(&first, cart(1)).await, 2, "{policy:?} {tiers:?}");
        if tiers != Tiers::Local {
            until("redis is told behind it", async || handle.redis_owed() == 0).await;
            until("the other node is told", async || shown(&second, cart(1)).await == 2).await;
        }
        assert_eq!(shown(&first, cart(1)).await, 2, "{policy:?} {tiers:?}");
    }
}

#[tokio::test]
async fn a_write_that_was_applied_and_whose_answer_was_lost_is_shown() {
    let Some(url) = ground::redis().await else { return };
    for (policy, tiers) in POLICIES.iter().flat_map(|policy| TIERS.map(|tiers| (*policy, tiers))) {
        let (bare, _) = engine();
        let faults = Arc::new(|operation: &'static str| match operation {
            "replace" => Fault::After,
            _ => Fault::None,
        });
        let (stores, _handle) = node(&faulty(bare.clone(), faults), &options(policy, tiers, &url)).await;
        write(&bare, cart(1), 0).await.unwrap();
        assert_eq!((shown(&stores, cart(1)).await, shown(&stores, cart(1)).await), (1, 1));
        assert!(write(&stores, cart(1), 1).await.unwrap_err().may_be_applied());
        assert_eq!(shown(&stores, cart(1)).await, 2, "{policy:?} {tiers:?}");
    }
}

/// Says that it does not know, and applies nothing by itself.
struct Unknowing(Arc<dyn CartStore>);

#[async_trait]
impl CartStore for Unknowing {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        self.0.load(cart, consistency).await
    }

    async fn replace(&self, _: &RowKey, _: Option<Version>, _: Bucket, _: Bytes) -> Result<Replaced> {
        Err(StoreError::Indeterminate("the connection broke".into()))
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
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

#[tokio::test]
async fn a_write_that_takes_effect_after_its_answer_was_lost_meets_no_copy_of_before() {
    let Some(url) = ground::redis().await else { return };
    for (policy, tiers) in POLICIES.iter().flat_map(|policy| TIERS.map(|tiers| (*policy, tiers))) {
        let (bare, _) = engine();
        let unknowing = Stores { carts: Arc::new(Unknowing(bare.carts.clone())), ..bare.clone() };
        let mut options = options(policy, tiers, &url);
        options.late_write = Duration::from_secs(600);
        let (stores, _handle) = node(&unknowing, &options).await;
        write(&bare, cart(1), 0).await.unwrap();
        assert!(write(&stores, cart(1), 1).await.is_err());
        for consistency in [Consistency::Eventual, Consistency::Strong] {
            stores.carts.load(cart(1), consistency).await.unwrap();
        }
        write(&bare, cart(1), 1).await.unwrap();
        assert_eq!(shown(&stores, cart(1)).await, 2, "{policy:?} {tiers:?}");
    }
}
