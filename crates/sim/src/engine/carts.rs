//! The store of carts as the nodes of one region reach it.
//!
//! Every request is written down with the execution that made it, so that checks know what a node saw when it
//! planned, and which of its writes were applied, whatever it was told. Deliberately absent: removal of rows and
//! deltas and folding, which nothing of the service does yet.

use super::{Engine, Fate, Item};
use crate::history::Written;
use async_trait::async_trait;
use bytes::Bytes;
use cart::CartId;
use std::sync::Arc;
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, Owner, Replaced, RowKey, Snapshot,
    StoreError, Version, capabilities::Durability,
};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) struct RegionCarts {
    pub(super) engine: Arc<Engine>,
    pub(super) region: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Simulated(&'static str);

fn unavailable(what: &'static str) -> StoreError {
    StoreError::Unavailable(Box::new(Simulated(what)))
}

fn indeterminate() -> StoreError {
    StoreError::Indeterminate(Box::new(Simulated("no answer")))
}

impl RegionCarts {
    /// The way to the store, or back.
    async fn travel(&self) {
        let millis = self.engine.some_ms(&[0, 1, 1, 3, 20]);
        self.engine.executor.sleep(millis).await;
    }

    /// Sends a write: what is done, and when, is up to its fate.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Engine>) -> T + Send + 'static,
    ) -> Result<T> {
        let fate = self.engine.fate(self.region);
        self.travel().await;
        match fate {
            Fate::Refused => Err(unavailable("refused")),
            Fate::Lost => {
                self.travel().await;
                Err(indeterminate())
            }
            Fate::Late(millis) => {
                let engine = self.engine.clone();
                self.engine.deliver_after(millis, async move { drop(work(&engine)) });
                self.travel().await;
                Err(indeterminate())
            }
            Fate::Fine | Fate::AnswerLost => {
                let done = work(&self.engine);
                self.travel().await;
                if fate == Fate::Fine { Ok(done) } else { Err(indeterminate()) }
            }
        }
    }
}

#[async_trait]
impl CartStore for RegionCarts {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            engine: "simulated",
            write_path: self.engine.write_path,
            folds_itself: false,
            single_writer: false,
            durability: Durability::Region,
        }
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        let execution = self.engine.executor.running().and_then(|running| running.execution);
        let fate = self.engine.fate(self.region);
        self.travel().await;
        if fate != Fate::Fine {
            self.engine.history.loaded(execution, cart, None);
            return Err(unavailable("no answer"));
        }
        let rows = {
            let state = self.engine.state.lock();
            let region = &state.regions[self.region];
            match consistency {
                Consistency::Strong => region.replica.load(cart),
                Consistency::Eventual => region.follower.load(cart),
            }
        };
        self.engine.history.loaded(execution, cart, Some(rows.clone()));
        self.travel().await;
        Ok(rows)
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        let (region, key) = (self.region, key.clone());
        let execution = self.engine.executor.running().and_then(|running| running.execution);
        let written = self.engine.history.writing(execution, Written::row(key.cart, &bytes));
        self.write(move |engine| {
            let current = engine.state.lock().regions[region].replica.row(key.cart, &key.owner).cloned();
            if current.as_ref().map(|row| row.version) != expected {
                return Replaced::Conflict(current);
            }
            let version = expected.map_or(Version(1), Version::next);
            engine.history.applied(written);
            let row = Snapshot { owner: key.owner, version, folded_through, bytes };
            engine.spread(region, &Item::Row(key.cart, row));
            Replaced::Applied(version)
        })
        .await
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        let (region, key) = (self.region, key.clone());
        let execution = self.engine.executor.running().and_then(|running| running.execution);
        let written = self.engine.history.writing(execution, Written::delta(&key, &bytes));
        self.write(move |engine| {
            engine.history.applied(written);
            engine.spread(region, &Item::Delta(key, bytes));
        })
        .await
    }

    async fn remove(&self, _: &RowKey, _: Version) -> Result<Replaced> {
        Err(unavailable("removal is not simulated"))
    }

    async fn remove_deltas(&self, _: &RowKey, _: Bucket) -> Result<()> {
        Err(unavailable("removal is not simulated"))
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        let state = self.engine.state.lock();
        let known = state.regions[self.region].follower.carts();
        Ok(known.filter(|id| after.is_none_or(|after| *id > after)).take(limit).collect())
    }

    async fn find_unfolded(&self, _: &Owner, _: Option<CartId>, _: usize) -> Result<Vec<CartId>> {
        Ok(Vec::new())
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        let regions = self.engine.state.lock().regions.len();
        Ok((0..regions).map(super::owner).collect())
    }

    async fn register(&self, _: &Owner) -> Result<()> {
        Ok(())
    }
}
