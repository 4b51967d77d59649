//! What an operator sees of the engine: gauges of how full it is, and how long folds take. No ids in labels.

use std::time::Duration;

use crate::engine::Engine;

/// Bytes of memory that hold what is not folded yet; beyond `store.dirty_bytes_max` writes are refused.
pub const DIRTY_BYTES: &str = "evercart_store_dirty_bytes";
/// Bytes in the journal that the base does not have yet.
pub const JOURNAL_BYTES: &str = "evercart_store_journal_bytes";
/// Carts that have a row in the row log.
pub const CARTS: &str = "evercart_store_carts";
/// Bytes of the row log on disk.
pub const ROW_LOG_BYTES: &str = "evercart_store_row_log_bytes";
/// Of these, bytes of rows that count: the rest is given back by collection.
pub const ROW_LOG_LIVE_BYTES: &str = "evercart_store_row_log_live_bytes";
/// Seconds that folds took.
pub const FOLD_DURATION: &str = "evercart_store_fold_duration_seconds";

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and these are far below 2^53")]
pub(crate) fn show(engine: &Engine) {
    metrics::gauge!(DIRTY_BYTES).set(engine.table.dirty_bytes() as f64);
    metrics::gauge!(JOURNAL_BYTES).set(engine.journal.used_bytes() as f64);
    if let Some(usage) = engine.base.usage() {
        metrics::gauge!(CARTS).set(usage.carts as f64);
        metrics::gauge!(ROW_LOG_BYTES).set(usage.bytes as f64);
        metrics::gauge!(ROW_LOG_LIVE_BYTES).set(usage.live_bytes as f64);
    }
}

pub(crate) fn folded(took: Duration) {
    metrics::histogram!(FOLD_DURATION).record(took);
}
