//! The layer itself: which tier answers a load, and what a write does to the tiers.
//!
//! ```text
//! load   eventual: in process → Redis → engine, and back into both      strong: engine, and into both
//! write  engine → Redis → in process → answer
//! ```
//! In process comes last: what a reader took from Redis a moment before is then dropped there.

use crate::{
    Policy,
    local::{Kept, Local, Ticket},
    meter,
    redis_tier::{Looked, RunningTier},
    rows::Change,
    unsettled::Unsettled,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, DeltaRow, Owner, Replaced, RowKey,
    Snapshot, Version, cart::CartId, error::Result,
};

/// The carts of an engine, cached.
pub(crate) struct Cached {
    pub(crate) store: Arc<dyn CartStore>,
    pub(crate) policy: Policy,
    pub(crate) replica_lag: Duration,
    pub(crate) late_write: Duration,
    pub(crate) local: Option<Arc<Local>>,
    pub(crate) redis: Option<RunningTier>,
}

impl Cached {
    fn find(&self, cart: CartId) -> Option<CartRows> {
        let local = self.local.as_ref()?;
        let Some(kept) = local.find(cart) else {
            local.meter.missed();
            return None;
        };
        local.meter.hit(kept.read_at.elapsed());
        Some(kept.rows.clone())
    }

    async fn look(&self, cart: CartId, consistency: Consistency) -> Looked {
        let Some(redis) = &self.redis else { return Looked::Away };
        let is_wanted = consistency == Consistency::Eventual;
        let looked = redis.look(cart, is_wanted).await;
        match &looked {
            Looked::Found(kept) => redis.meter.hit(kept.read_at.elapsed()),
            Looked::Missing(_) if is_wanted => redis.meter.missed(),
            Looked::Missing(_) | Looked::Away => {}
        }
        looked
    }

    fn fill_local(&self, cart: CartId, ticket: Option<Ticket>, read: &Kept) {
        if let (Some(local), Some(ticket)) = (&self.local, ticket) {
            local.meter.filled(local.fill(cart, ticket, read.clone()));
        }
    }

    /// The engine has a write, or has told us of another's.
    async fn changed(&self, cart: CartId, change: Change<'_>) {
        let change = match self.policy {
            Policy::WriteThrough => change,
            Policy::WriteAround => Change::Other,
        };
        self.tell(cart, change, self.replica_lag).await;
    }

    /// Nobody knows whether, or when, the engine has a write.
    async fn doubted(&self, cart: CartId) {
        self.tell(cart, Change::Other, self.late_write.max(self.replica_lag)).await;
    }

    async fn tell(&self, cart: CartId, change: Change<'_>, block: Duration) {
        if let Some(redis) = &self.redis {
            redis.change(cart, change, block).await;
        }
        if let Some(local) = &self.local {
            local.change(cart, change, block);
        }
    }

    /// The caller of a write went away. Cannot wait: Redis is told behind this.
    pub(crate) fn abandon(&self, cart: CartId) {
        let block = self.late_write.max(self.replica_lag);
        if let Some(redis) = &self.redis {
            redis.owe(cart, block);
        }
        if let Some(local) = &self.local {
            local.change(cart, Change::Other, block);
        }
    }

    /// Lets the caches know what became of a conditional write.
    async fn settle(&self, key: &RowKey, replaced: &Result<Replaced>, applied: Change<'_>) {
        match replaced {
            Ok(Replaced::Applied(_)) => self.changed(key.cart, applied).await,
            Ok(Replaced::Conflict(Some(row))) => self.changed(key.cart, Change::Current(row)).await,
            Ok(Replaced::Conflict(None)) => self.changed(key.cart, Change::Other).await,
            Err(error) if error.may_be_applied() => self.doubted(key.cart).await,
            Err(_) => {}
        }
    }

    /// The same of a write that can only be done or fail.
    async fn settle_blind(&self, cart: CartId, done: &Result<()>, change: Change<'_>) {
        match done {
            Ok(()) => self.changed(cart, change).await,
            Err(error) if error.may_be_applied() => self.doubted(cart).await,
            Err(_) => {}
        }
    }
}

#[async_trait]
impl CartStore for Cached {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        if consistency == Consistency::Eventual
            && let Some(rows) = self.find(cart)
        {
            return Ok(rows);
        }
        // Before anybody is asked: what is written from here on drops the fill.
        let ticket = self.local.as_ref().and_then(|local| local.ticket(cart));
        let lease = match self.look(cart, consistency).await {
            Looked::Found(kept) => {
                self.fill_local(cart, ticket, &kept);
                return Ok(kept.rows);
            }
            Looked::Missing(lease) => lease,
            Looked::Away => None,
        };
        let read_at = Instant::now();
        meter::engine_loaded(consistency);
        let rows = self.store.load(cart, consistency).await?;
        let read = Kept { rows, read_at };
        self.fill_local(cart, ticket, &read);
        if let (Some(redis), Some(lease)) = (&self.redis, lease) {
            redis.meter.filled(redis.fill(cart, lease, &read).await);
        }
        Ok(read.rows)
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        let unsettled = Unsettled::begin(self, key.cart);
        let replaced = self.store.replace(key, expected, folded_through, bytes.clone()).await;
        match replaced {
            Ok(Replaced::Applied(version)) => {
                let row = Snapshot { owner: key.owner.clone(), version, folded_through, bytes };
                self.settle(key, &replaced, Change::Row { row: &row, expected }).await;
            }
            _ => self.settle(key, &replaced, Change::Other).await,
        }
        unsettled.settled();
        replaced
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        let unsettled = Unsettled::begin(self, key.cart);
        let appended = self.store.append(key, bytes.clone()).await;
        let delta = DeltaRow { key: key.clone(), bytes };
        self.settle_blind(key.cart, &appended, Change::Delta(&delta)).await;
        unsettled.settled();
        appended
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        let unsettled = Unsettled::begin(self, key.cart);
        let removed = self.store.remove(key, version).await;
        self.settle(key, &removed, Change::Other).await;
        unsettled.settled();
        removed
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        let unsettled = Unsettled::begin(self, key.cart);
        let removed = self.store.remove_deltas(key, through).await;
        self.settle_blind(key.cart, &removed, Change::Other).await;
        unsettled.settled();
        removed
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.store.scan(after, limit).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.store.find_unfolded(owner, after, limit).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        self.store.owners().await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.store.register(owner).await
    }
}
