//! The yardstick of the engine: fjall alone, with a group commit around it.
//!
//! A read is a `get`; an add reads the value, writes it again one line longer and waits until it is synced. One thread
//! syncs for all that wait, which is as good as fjall gets when every write is durable. Values are as long as the carts
//! of the service; nothing is decoded.

use super::Shop;
use crate::{
    shop::{self, Items},
    workload::Step,
};
use anyhow::{Context, Result};
use cart::{Timestamp, format, money::Currency};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::{path::Path, sync::mpsc, thread};
use tokio::sync::oneshot;

/// Memory for blocks: as much as the service has for carts and blocks together, by default.
const CACHE_BYTES: u64 = 192 << 20;
/// Bytes of an add's line in a cart.
const LINE_BYTES: usize = 100;

type Waiter = oneshot::Sender<bool>;

/// An open database with a committer.
pub(super) struct Engine {
    carts: Keyspace,
    committer: mpsc::Sender<Waiter>,
}

impl Engine {
    /// A new database with these carts in it.
    pub(super) fn create(folder: &Path, carts: u64) -> Result<Self> {
        let database = Database::builder(folder).cache_size(CACHE_BYTES).open()?;
        let options = || KeyspaceCreateOptions::default().manual_journal_persist(true);
        let keyspace = database.keyspace("carts", options)?;
        fill(&keyspace, carts)?;
        let (committer, waiters) = mpsc::channel();
        thread::Builder::new().name("commit".to_owned()).spawn(move || commit(&database, &waiters))?;
        Ok(Self { carts: keyspace, committer })
    }

    async fn put(&self, key: &[u8], value: Vec<u8>) -> Result<()> {
        self.carts.insert(key, value)?;
        let (waiter, synced) = oneshot::channel();
        self.committer.send(waiter).context("the committer has ended")?;
        anyhow::ensure!(synced.await?, "the database cannot sync");
        Ok(())
    }
}

/// Carts in the order of their ids, as fjall takes them fastest.
fn fill(keyspace: &Keyspace, carts: u64) -> Result<()> {
    let currency = Currency::parse("GBP").context("no currency")?;
    let items = Items::new(currency, Timestamp(1));
    let mut order: Vec<_> = (0..carts).map(|number| (shop::cart_id(number).0, number)).collect();
    order.sort_unstable();
    let mut ingestion = keyspace.start_ingestion()?;
    for (id, number) in order {
        let state = shop::state(number, &shop::basket(number), &items, Timestamp(1));
        ingestion.write(id, format::encode(&state))?;
    }
    Ok(ingestion.finish()?)
}

/// Syncs once for all that wait, until nobody can wait any more.
fn commit(database: &Database, waiters: &mpsc::Receiver<Waiter>) {
    while let Ok(first) = waiters.recv() {
        let batch: Vec<Waiter> = std::iter::once(first).chain(waiters.try_iter()).collect();
        let is_synced = database.persist(PersistMode::SyncData).is_ok();
        // Whoever does not wait any more needs no answer.
        batch.into_iter().for_each(|waiter| _ = waiter.send(is_synced).ok());
    }
}

impl Shop for Engine {
    async fn step(&self, step: Step) -> Result<()> {
        match step {
            Step::Read(cart) => {
                let value = self.carts.get(shop::cart_id(cart).0)?.context("a cart is missing")?;
                std::hint::black_box(value);
                Ok(())
            }
            Step::Add(cart, item) => {
                let key = shop::cart_id(cart).0;
                let mut value = self.carts.get(key)?.context("a cart is missing")?.to_vec();
                value.resize(value.len() + LINE_BYTES, u8::try_from(item % 256).unwrap_or_default());
                self.put(&key, value).await
            }
            Step::Clear(cart) => self.put(&shop::cart_id(cart).0, vec![0; LINE_BYTES]).await,
        }
    }
}
