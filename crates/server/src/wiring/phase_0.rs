//! Phase 0: the embedded engine in the data directory. No external parts.

use crate::config::Config;
use std::{path::Path, sync::Arc};
use storage::{SkuIndex, StoreError, Stores, memory::MemorySkuIndex};
use storage_embedded::{BackupError, BackupProgress, Embedded, FjallSkuIndex, StoreBackup};

/// The embedded engine, open.
#[derive(Clone)]
pub struct Engine(Arc<Embedded>);

impl Engine {
    /// Its three stores.
    pub fn stores(&self) -> Stores {
        self.0.stores()
    }

    /// True while it refuses writes for want of space; reads go on.
    pub fn is_out_of_space(&self) -> bool {
        self.0.is_out_of_space()
    }

    /// Writes a backup into `folder`, while everything goes on. Blocks.
    pub fn back_up(
        &self,
        folder: &Path,
        before: Option<&StoreBackup>,
        generation: u64,
        progress: &BackupProgress,
    ) -> Result<StoreBackup, BackupError> {
        self.0.back_up(folder, before, generation, progress)
    }

    /// Folds what is durable now, and waits for it. Blocks: not for the event loop.
    pub fn fold(&self) -> Result<(), StoreError> {
        self.0.fold()
    }

    /// Why it takes no more writes, if so.
    pub fn failure(&self) -> Option<String> {
        self.0.failure()
    }
}

/// Opens the engine; reading a long journal takes seconds, so it is done off the event loop.
pub async fn open(config: &Config) -> Result<Engine, StoreError> {
    let folder = config.data.join("store");
    let options = config.store.options();
    let opened = tokio::task::spawn_blocking(move || Embedded::open(&folder, options));
    let failed = |error: tokio::task::JoinError| StoreError::Unavailable(Box::new(error));
    opened.await.map_err(failed)?.map(Engine)
}

/// Memory for blocks of the index of SKUs.
const INDEX_CACHE_BYTES: u64 = 16 << 20;
/// Pairs of a cart and a SKU that are kept in memory where the disk does not keep them.
const INDEX_PAIRS_MAX: usize = 1_000_000;

/// Opens the index of SKUs, beside the store: it can be deleted at any time, and never keeps a server from starting.
pub async fn open_index(config: &Config) -> Arc<dyn SkuIndex> {
    let folder = config.data.join("sku-index");
    let opened = tokio::task::spawn_blocking(move || FjallSkuIndex::open(&folder, INDEX_CACHE_BYTES)).await;
    let failed = |error: tokio::task::JoinError| StoreError::Unavailable(Box::new(error));
    match opened.map_err(failed).and_then(|opened| opened) {
        Ok(index) => Arc::new(index),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the index of SKUs is kept in memory: its folder does not open");
            Arc::new(MemorySkuIndex::new(INDEX_PAIRS_MAX))
        }
    }
}
