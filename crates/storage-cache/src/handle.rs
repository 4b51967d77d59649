//! What whoever wired a cache can ask of it.

use crate::layer::Cached;
use std::{fmt, sync::Arc};

/// A handle on a running cache.
#[derive(Clone)]
pub struct CacheHandle(pub(crate) Arc<Cached>);

impl CacheHandle {
    /// Whether Redis is used at this moment; `None` without one.
    pub fn redis_is_up(&self) -> Option<bool> {
        self.0.redis.as_ref().map(|redis| redis.is_up())
    }

    /// How many carts must leave Redis before it may be asked for them.
    pub fn redis_owed(&self) -> usize {
        self.0.redis.as_ref().map_or(0, |redis| redis.owed())
    }

    /// Whether copies in this process are served now; `None` where there are none.
    pub fn local_is_served(&self) -> Option<bool> {
        self.0.local.as_ref().map(|local| local.is_heard())
    }

    /// How many carts are kept in this process.
    pub fn local_carts(&self) -> usize {
        self.0.local.as_ref().map_or(0, |local| local.carts())
    }

    /// About how many bytes they take.
    pub fn local_bytes(&self) -> u64 {
        self.0.local.as_ref().map_or(0, |local| local.bytes())
    }
}

impl fmt::Debug for CacheHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CacheHandle");
        shown.field("redis_is_up", &self.redis_is_up()).field("redis_owed", &self.redis_owed());
        shown.field("local_is_served", &self.local_is_served()).field("local_carts", &self.local_carts());
        shown.finish()
    }
}
