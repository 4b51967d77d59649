//! Phase 2: a cache in front of an engine that is a server of its own, in this process, in Redis, or both. Phases 3 and 4
//! use the same layer over their engines.

use super::WiringError;
use crate::config::Config;
use storage::Stores;

/// The stores behind their cache, where one is configured.
pub async fn cached(stores: Stores, config: &Config) -> Result<Stores, WiringError> {
    let Some(options) = config.cache.options()? else { return Ok(stores) };
    let failed =
        |error: storage_cache::CacheError| WiringError::Engine { engine: "cache", source: error.into() };
    let (stores, _) = storage_cache::cached(stores, options).await.map_err(failed)?;
    Ok(stores)
}
