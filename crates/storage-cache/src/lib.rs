//! Caches of carts, as layers over any engine's `CartStore`: in this process, in Redis, or both.
//!
//! Only eventual loads are answered from a cache; strong ones go to the engine and refresh it. What always holds:
//!
//! - The engine is written first and the caches after it, before the caller is answered. A caller that goes away in
//!   between, and a write whose outcome is unknown, leave the cart out of the caches until it can be told.
//! - A fill that raced with a write is dropped: it carries a generation (in process) or a lease (Redis) that it got before
//!   the engine was asked, and that every write takes away.
//! - Nothing is served that was read longer ago than `max_age`, in process `local_max_age`.
//! - Redis is never needed: while it is away or slow, operations go to the engine, and the carts written meanwhile are
//!   remembered and taken out of it before it is read again.
//!
//! So the node that wrote a cart never shows an older one afterwards, whatever happens to Redis. How stale the copies of
//! other nodes, and rows that other regions wrote, can be is said at [`Coherence`]; freshness tokens see through all of
//! it, for what does not cover them is loaded strongly. Deliberately absent: joining, retries, deadlines for the engine,
//! Redis Cluster. Records and items pass through untouched.

pub mod error;
mod handle;
mod layer;
mod local;
mod message;
pub mod meter;
pub mod options;
mod redis_tier;
mod rows;
mod unsettled;

pub use error::CacheError;
pub use handle::CacheHandle;
pub use options::{CacheOptions, Coherence, Policy, RedisOptions, RedisUrl};

use crate::{layer::Cached, local::Local, redis_tier::RunningTier};
use std::sync::Arc;
use storage::Stores;

/// Puts a cache around the carts of an engine, and starts the task that keeps the connection to Redis.
///
/// A Redis that cannot be reached is no error: the cache starts without it, says so in the log, and takes it up when it is
/// there. Must be called within a tokio runtime. The task ends with the last clone of the stores and of the handle.
///
/// # Errors
///
/// When the options contradict each other, and when Redis refuses the credentials or is too old.
pub async fn cached(stores: Stores, options: CacheOptions) -> Result<(Stores, CacheHandle), CacheError> {
    options.check()?;
    let is_told = options.redis.is_some() && options.coherence != Coherence::Aged;
    let local = (options.local_bytes > 0).then(|| {
        let is_heard = !is_told || options.coherence == Coherence::PublishedElseAged;
        Arc::new(Local::new(options.local_bytes, options.local_max_age.min(options.max_age), is_heard))
    });
    let redis = match options.redis {
        Some(redis) => {
            Some(RunningTier::start(redis, options.max_age, options.coherence, local.clone()).await?)
        }
        None => None,
    };
    let cached = Arc::new(Cached {
        store: stores.carts.clone(),
        policy: options.policy,
        replica_lag: options.replica_lag,
        late_write: options.late_write,
        local,
        redis,
    });
    let handle = CacheHandle(cached.clone());
    Ok((Stores { carts: cached, ..stores }, handle))
}
