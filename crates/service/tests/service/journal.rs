//! A store that takes deltas in before they are durable, as one with a journal does: a test says when its disk is done.

use crate::world::World;
use async_trait::async_trait;
use bytes::Bytes;
use cart::CartId;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, Glance, Owner, Replaced, RowKey,
    StoreError, Stores, Ticket, Version, WritePath,
};
use tokio::sync::watch;

type Result<T> = std::result::Result<T, StoreError>;

/// Deltas on their way to the store below.
pub(crate) struct Journal {
    below: Arc<dyn CartStore>,
    queue: Mutex<VecDeque<(DeltaKey, Bytes)>>,
    progress: watch::Sender<Progress>,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    /// Tickets up to this one are durable, or have failed.
    done: u64,
    /// Of those, the ones behind this have failed.
    kept: u64,
}

impl Journal {
    /// Puts a journal before the carts.
    pub(crate) fn before(stores: Stores) -> (Arc<Self>, Stores) {
        let (queue, progress) = (Mutex::default(), watch::Sender::default());
        let journal = Arc::new(Self { below: stores.carts, queue, progress });
        (journal.clone(), Stores { carts: journal, ..stores })
    }

    /// A shop with a journal before its carts.
    pub(crate) async fn world() -> (World, Arc<Self>) {
        let mut kept = None;
        let world = World::over(WritePath::Append, |stores| {
            let (journal, stores) = Self::before(stores);
            kept = Some(journal);
            stores
        })
        .await;
        (world, kept.unwrap())
    }

    /// Waits until so many deltas are queued, as far as tasks that can go on bring them there.
    pub(crate) async fn queued(&self) -> usize {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        self.queue.lock().unwrap().len()
    }

    /// The disk has written all that is queued.
    pub(crate) async fn sync(&self) {
        let queued: Vec<_> = self.queue.lock().unwrap().drain(..).collect();
        for (key, bytes) in &queued {
            self.below.append(key, bytes.clone()).await.unwrap();
        }
        let done = queued.len() as u64;
        self.progress.send_modify(|progress| {
            progress.done += done;
            progress.kept = progress.done;
        });
    }

    /// The disk has lost all that is queued.
    pub(crate) fn lose(&self) {
        let lost = self.queue.lock().unwrap().drain(..).count() as u64;
        self.progress.send_modify(|progress| progress.done += lost);
    }
}

#[async_trait]
impl CartStore for Journal {
    fn capabilities(&self) -> Capabilities {
        self.below.capabilities()
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        self.below.load(cart, consistency).await
    }

    async fn glance(&self, cart: CartId) -> Result<Option<Glance>> {
        let below = self.below.glance(cart).await?.unwrap_or_default();
        let queue = self.queue.lock().unwrap();
        let queued = Glance::of(queue.iter().filter(|(key, _)| key.cart == cart).map(|(_, bytes)| &**bytes));
        let may_be_closed = below.may_be_closed || queued.may_be_closed;
        Ok(Some(Glance { may_be_closed, bytes: below.bytes + queued.bytes }))
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        self.below.replace(key, expected, folded_through, bytes).await
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        let ticket = self.take_in(key, bytes).await?;
        self.durable(ticket).await
    }

    async fn take_in(&self, key: &DeltaKey, bytes: Bytes) -> Result<Ticket> {
        let mut queue = self.queue.lock().unwrap();
        queue.push_back((key.clone(), bytes));
        Ok(Ticket(self.progress.borrow().done + queue.len() as u64))
    }

    async fn durable(&self, ticket: Ticket) -> Result<()> {
        let mut progress = self.progress.subscribe();
        let progress = *progress.wait_for(|progress| progress.done >= ticket.0).await.unwrap();
        if ticket.0 > progress.kept {
            return Err(StoreError::Indeterminate("the disk has lost it".into()));
        }
        Ok(())
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        self.below.remove(key, version).await
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        self.below.remove_deltas(key, through).await
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.below.scan(after, limit).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.below.find_unfolded(owner, after, limit).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        self.below.owners().await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.below.register(owner).await
    }
}
