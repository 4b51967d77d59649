//! What the engine counts beyond what the layer of metrics counts around every store.
//!
//! Metrics: `evercart_postgres_pool_wait_seconds`, `evercart_postgres_connections_dropped_total`,
//! `evercart_postgres_replica_lag_seconds{shard,replica}`, `evercart_postgres_replica_reads_total{outcome}` and
//! `evercart_postgres_slots_elsewhere_total`. No address in labels.

use std::time::Duration;

/// Seconds until a connection was there.
pub const POOL_WAIT: &str = "evercart_postgres_pool_wait_seconds";
/// Connections that were closed because something on them was left unfinished.
pub const DROPPED: &str = "evercart_postgres_connections_dropped_total";
/// Seconds that a replica is behind its primary.
pub const LAG: &str = "evercart_postgres_replica_lag_seconds";
/// Reads that may be stale, by what became of them: `replica`, or `primary` where no replica was fit to answer.
pub const READS: &str = "evercart_postgres_replica_reads_total";
/// Statements that found their slot at another shard.
pub const ELSEWHERE: &str = "evercart_postgres_slots_elsewhere_total";

pub(crate) fn pool_waited(time: Duration) {
    metrics::histogram!(POOL_WAIT).record(time);
}

pub(crate) fn connection_dropped() {
    metrics::counter!(DROPPED).increment(1);
}

pub(crate) fn replica_lag(shard: usize, replica: usize, lag: Duration) {
    metrics::gauge!(LAG, "shard" => shard.to_string(), "replica" => replica.to_string())
        .set(lag.as_secs_f64());
}

pub(crate) fn stale_read(by: &'static str) {
    metrics::counter!(READS, "outcome" => by).increment(1);
}

pub(crate) fn slot_elsewhere() {
    metrics::counter!(ELSEWHERE).increment(1);
}
