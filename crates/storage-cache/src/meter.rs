//! What an operator sees of caches, by tier (`local`, `redis`). No ids in labels.
//!
//! Looked up in the recorder once, when first used: a load that is answered in process takes less time than a look-up.

use metrics::{Counter, Histogram, counter, gauge, histogram};
use std::{sync::OnceLock, time::Duration};
use storage::{Consistency, layer::asker::asker};

/// Eventual loads that asked a tier; outcome `hit` or `miss`.
pub const LOOKUPS: &str = "evercart_cache_lookups_total";
/// Carts that were put into a tier after a read.
pub const FILLS: &str = "evercart_cache_fills_total";
/// Those that were not, because a write came between or might still come, or somebody else was filling.
pub const DROPPED_FILLS: &str = "evercart_cache_dropped_fills_total";
/// Writes that a tier was told of and that left it without the cart.
pub const INVALIDATIONS: &str = "evercart_cache_invalidations_total";
/// Writes that a cart in a tier took in.
pub const PATCHES: &str = "evercart_cache_patches_total";
/// Seconds since the engine was asked for what was served.
pub const AGE: &str = "evercart_cache_age_seconds";
/// Bytes that carts take in this process.
pub const BYTES: &str = "evercart_cache_bytes";
/// Carts kept in this process.
pub const ENTRIES: &str = "evercart_cache_entries";
/// Loads that reached the engine, by consistency and [asker].
pub const ENGINE_LOADS: &str = "evercart_cache_engine_loads_total";
/// 1 while Redis is used, 0 while it is left alone.
pub const REDIS_UP: &str = "evercart_cache_redis_up";
/// Operations that Redis did not answer in time, or refused.
pub const REDIS_FAILURES: &str = "evercart_cache_redis_failures_total";
/// Carts that must leave Redis before it may be asked for them.
pub const REDIS_OWED: &str = "evercart_cache_redis_owed";

/// Counts what a tier does.
pub(crate) struct Meter {
    tier: &'static str,
    instruments: OnceLock<Instruments>,
}

struct Instruments {
    hits: Counter,
    misses: Counter,
    fills: Counter,
    dropped_fills: Counter,
    invalidations: Counter,
    patches: Counter,
    age: Histogram,
}

impl Meter {
    pub(crate) fn of(tier: &'static str) -> Self {
        Self { tier, instruments: OnceLock::new() }
    }

    pub(crate) fn hit(&self, age: Duration) {
        self.instruments().hits.increment(1);
        self.instruments().age.record(age);
    }

    pub(crate) fn missed(&self) {
        self.instruments().misses.increment(1);
    }

    pub(crate) fn filled(&self, is_kept: bool) {
        let instruments = self.instruments();
        if is_kept { &instruments.fills } else { &instruments.dropped_fills }.increment(1);
    }

    pub(crate) fn invalidated(&self) {
        self.instruments().invalidations.increment(1);
    }

    pub(crate) fn patched(&self) {
        self.instruments().patches.increment(1);
    }

    fn instruments(&self) -> &Instruments {
        let tier = self.tier;
        self.instruments.get_or_init(|| Instruments {
            hits: counter!(LOOKUPS, "tier" => tier, "outcome" => "hit"),
            misses: counter!(LOOKUPS, "tier" => tier, "outcome" => "miss"),
            fills: counter!(FILLS, "tier" => tier),
            dropped_fills: counter!(DROPPED_FILLS, "tier" => tier),
            invalidations: counter!(INVALIDATIONS, "tier" => tier),
            patches: counter!(PATCHES, "tier" => tier),
            age: histogram!(AGE, "tier" => tier),
        })
    }
}

pub(crate) fn engine_loaded(consistency: Consistency) {
    let consistency = match consistency {
        Consistency::Eventual => "eventual",
        Consistency::Strong => "strong",
    };
    counter!(ENGINE_LOADS, "consistency" => consistency, "asker" => asker()).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and these are far below 2^53")]
pub(crate) fn kept(carts: usize, bytes: u64) {
    gauge!(ENTRIES, "tier" => "local").set(carts as f64);
    gauge!(BYTES, "tier" => "local").set(bytes as f64);
}

pub(crate) fn redis_is_up(is_up: bool) {
    gauge!(REDIS_UP).set(f64::from(u8::from(is_up)));
}

pub(crate) fn redis_failed() {
    counter!(REDIS_FAILURES).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and the set is bounded")]
pub(crate) fn redis_owes(carts: usize) {
    gauge!(REDIS_OWED).set(carts as f64);
}
