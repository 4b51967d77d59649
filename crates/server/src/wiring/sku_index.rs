//! The index of SKUs, which every node has in its own data directory: derived from the carts, and nobody's truth.
//!
//! What always holds: it can be deleted at any time, and never keeps a server from starting. Where this process alone
//! writes the carts, a start that finds them as a stop left them does not scan them all again.

use super::{World, engine, phase_0};
use crate::config::Config;
use cart::Timestamp;
use service::{Environment as _, Service, ServiceError};
use std::{sync::Arc, time::Duration};
use storage::{SkuIndex, StoreError, memory::MemorySkuIndex};
use storage_embedded::{FjallSkuIndex, IndexMark};

/// Memory for blocks.
const CACHE_BYTES: u64 = 16 << 20;
/// Pairs of a cart and a SKU that are kept in memory where the disk does not keep them.
const PAIRS_MAX: usize = 1_000_000;

/// So long a stop waits for it.
const REST_MAX: Duration = Duration::from_secs(2);

/// The index, open.
pub struct Index {
    /// What the service keeps.
    pub skus: Arc<dyn SkuIndex>,
    /// Of carts that this process alone writes.
    alone: Option<Alone>,
}

struct Alone {
    skus: Arc<FjallSkuIndex>,
    store: phase_0::Engine,
}

/// Opens it.
pub async fn open(config: &Config, engine: &engine::Engine) -> Index {
    let folder = config.data.join("sku-index");
    let opened = tokio::task::spawn_blocking(move || FjallSkuIndex::open(&folder, CACHE_BYTES)).await;
    let failed = |error: tokio::task::JoinError| StoreError::Unavailable(Box::new(error));
    match opened.map_err(failed).and_then(|opened| opened) {
        Ok(skus) => Index::of(Arc::new(skus), engine.embedded()).await,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the index of SKUs is kept in memory: its folder does not open");
            Index { skus: Arc::new(MemorySkuIndex::new(PAIRS_MAX)), alone: None }
        }
    }
}

impl Index {
    async fn of(skus: Arc<FjallSkuIndex>, store: Option<&phase_0::Engine>) -> Self {
        let alone = store.map(|store| Alone { skus: skus.clone(), store: store.clone() });
        if alone.is_none()
            && let Err(error) = skus.remove_mark().await
        {
            // Carts of another engine are put over those that the mark speaks of.
            warn(&error);
        }
        Self { skus, alone }
    }

    /// When all carts were last scanned, if none was written since the index was marked.
    pub async fn scanned_at(&self) -> Option<Timestamp> {
        let Alone { skus, store } = self.alone.as_ref()?;
        let mark = skus.mark().await.inspect_err(warn).ok()??;
        // Of a scan by a clock that was ahead nobody knows how old it is.
        let fits = mark.position == store.position() && mark.scanned_at <= World.now();
        Some(mark.scanned_at).filter(|_| fits)
    }

    /// Marks it, if it holds all carts as they are. For a stop: no worker of it runs, and writers are to have ended.
    pub async fn rest(&self, service: &Service) {
        let Some(alone) = &self.alone else { return };
        let why = match tokio::time::timeout(REST_MAX, alone.mark(service)).await {
            Ok(Ok(true)) => return,
            Ok(Ok(false)) => "carts are still written, or were not all scanned".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it took longer than {REST_MAX:?}"),
        };
        tracing::info!(why, "the next start scans all carts for the index of SKUs");
    }
}

impl Alone {
    /// False where the index does not hold all carts as they are.
    async fn mark(&self, service: &Service) -> Result<bool, ServiceError> {
        // What is durable before carts are read is in the index after; later writes leave another position behind.
        let position = self.store.settled().await?;
        service.catch_up_index().await?;
        let scanned_at = service.index_at_rest().filter(|_| self.store.position() == position);
        let Some(scanned_at) = scanned_at else { return Ok(false) };
        self.skus.set_mark(IndexMark { position, scanned_at }).await?;
        Ok(true)
    }
}

fn warn(error: &StoreError) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, "the mark of the index of SKUs cannot be read or removed");
}

#[cfg(test)]
mod tests {
    use super::super::{Wired, wire};
    use super::*;
    use crate::config::UnknownSkuSetting;
    use cart::{
        line::{Line, Sku, Texts},
        quantity::Quantity,
    };
    use service::{
        AddRequest, CartAddress, Conditions, Identity, Principal,
        carts::{Change, Request},
        sessions::ACTIVE,
    };

    async fn wired(folder: &tempfile::TempDir) -> Wired {
        let mut config = Config { data: folder.path().to_owned(), ..Config::default() };
        config.catalog.unknown_sku = UnknownSkuSetting::AcceptUnpriced;
        wire(&config).await.unwrap()
    }

    async fn add(wired: &Wired, shopper: &str) {
        let principal = Principal::Account { subject: shopper.to_owned() };
        let address = CartAddress::Own { principal, name: ACTIVE.to_owned() };
        let conditions = Conditions::default();
        let request = Request { address: &address, identity: &Identity::Unnamed, conditions: &conditions };
        let line = Line::new(sku(), Texts::default(), None).unwrap();
        let quantity = Quantity::new(1).unwrap();
        let add = Change::Add(AddRequest { line, quantity, attributes: None, quote: None });
        wired.service.change(&request, add).await.unwrap();
        // What goes on behind it would keep the store open.
        while !wired.service.has_told_names() {
            tokio::task::yield_now().await;
        }
    }

    fn sku() -> Sku {
        Sku::parse("MUG").unwrap()
    }

    /// How many carts are found, and whether the index says that these are all.
    async fn found(wired: &Wired) -> (usize, bool) {
        let holders = wired.service.find_holders(&sku(), None, 10).await.unwrap();
        (holders.carts.len(), holders.complete && holders.waiting == 0)
    }

    #[tokio::test]
    async fn a_start_goes_on_with_the_index_of_a_stop_and_makes_it_anew_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let first = wired(&folder).await;
        assert_eq!(first.index.scanned_at().await, None, "nothing was ever scanned");
        add(&first, "ann").await;
        while found(&first).await != (1, true) {
            tokio::task::yield_now().await;
        }
        first.stop().await;

        let second = wired(&folder).await;
        assert!(second.index.scanned_at().await.is_some());
        assert_eq!(found(&second).await, (1, true), "at once");
        add(&second, "bob").await;
        second.stop().await;

        let mut third = wired(&folder).await;
        assert!(third.index.scanned_at().await.is_some(), "what was noted was put in by the stop");
        assert_eq!(found(&third).await, (2, true));
        add(&third, "cat").await;
        for worker in &mut third.workers {
            worker.abort();
            worker.await.unwrap_err();
        }
        drop(third);

        let fourth = wired(&folder).await;
        assert_eq!(fourth.index.scanned_at().await, None, "it ended without a word");
        while found(&fourth).await != (3, true) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_stop_that_waits_for_the_index_leaves_it_whole_whatever_was_scanned_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = wired(&folder).await;
        first.stop_workers().await;
        add(&first, "ann").await;
        assert_eq!(first.index.scanned_at().await, None);
        first.stop_indexed().await.unwrap();
        let second = wired(&folder).await;
        assert!(second.index.scanned_at().await.is_some());
        assert_eq!(found(&second).await, (1, true), "at once");
    }
}
