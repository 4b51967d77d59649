//! Phase 0: the embedded engine in the data directory. No external parts.

use crate::config::Config;
use std::{path::Path, sync::Arc};
use storage::{StoreError, Stores};
use storage_embedded::{BackupError, BackupProgress, Embedded, Position, StoreBackup};

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

    /// Where its writes have come to.
    pub fn position(&self) -> Position {
        self.0.position()
    }

    /// The same once all that was written is durable, and where an end of the process leaves it.
    pub async fn settled(&self) -> Result<Position, StoreError> {
        self.0.settled().await
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
