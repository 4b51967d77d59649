//! Phase 0: the embedded engine in the data directory. No external parts.

use crate::config::Config;
use std::sync::Arc;
use storage::{StoreError, Stores};
use storage_embedded::Embedded;

/// The embedded engine, open.
pub struct Engine(Arc<Embedded>);

impl Engine {
    /// Its three stores.
    pub fn stores(&self) -> Stores {
        self.0.stores()
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
