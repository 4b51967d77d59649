//! All metrics, each with its meaning: what `/metrics` says of them, and the page of the reference.
//!
//! Always holds: a name that any crate counts under stands here (a test reads the sources), and so does nothing else.

use crate::{
    auth::FETCHES,
    connections::{OPEN, REFUSED as NOT_LET_IN},
    hooks,
    http::{REQUEST_DURATION, limit::REFUSED},
};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use service::{
    checkout::{CHECKOUTS, HOOKS_FAILED},
    known,
    worker::{expire, fold, refresh, sweep},
};
use storage::layer::metrics::{DURATION, OPERATIONS};
use storage_cache::meter as cache;
use storage_embedded::meter as embedded;
use storage_postgres::meter as postgres;

/// What is done with its values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Bytes,
    /// A histogram.
    Seconds,
    /// A gauge of them.
    SecondsNow,
}

/// A metric.
struct Declared {
    name: &'static str,
    kind: Kind,
    #[cfg_attr(not(test), expect(dead_code, reason = "only the page says it"))]
    labels: &'static str,
    meaning: &'static str,
}

const fn metric(name: &'static str, kind: Kind, labels: &'static str, meaning: &'static str) -> Declared {
    Declared { name, kind, labels, meaning }
}

use Kind::{Bytes, Counter, Gauge, Seconds, SecondsNow};

const ROUTE: &str = "http_request_method, http_route, http_response_status_code";

/// In the order of the page: requests, workers, checkout, engines, caches.
const ALL: &[Declared] = &[
    metric(REQUEST_DURATION, Seconds, ROUTE, "Time to answer requests"),
    metric(OPEN, Gauge, "", "Connections that are open"),
    metric(
        NOT_LET_IN,
        Counter,
        "why",
        "Requests that were not let in, by why: headers, requests, connections",
    ),
    metric(REFUSED, Counter, "policy", "Requests over a rate limit, by policy"),
    metric(FETCHES, Counter, "outcome", "Fetches of an identity provider's keys, by outcome"),
    metric("evercart_replays_total", Counter, "", "Requests that had been executed before"),
    metric(
        "evercart_receipts_joined_total",
        Counter,
        "",
        "Changes that a caller's receipt had and the store had not, taken in again",
    ),
    metric("evercart_panics_total", Counter, "", "Requests that panicked"),
    metric(
        known::FOUND,
        Counter,
        "found",
        "Loads of carts for requests, by what was known of them: made (encoded), decoded, nothing",
    ),
    metric("evercart_catalog_away_total", Counter, "why", "Look-ups of items that were not answered in time"),
    metric("evercart_corrupt_records_total", Counter, "kind", "Reads of records that are not readable"),
    metric("evercart_subjects_erased_total", Counter, "", "Erasures of subjects that found something"),
    metric(expire::SEEN, Counter, "", "Carts that were looked at, to see whether they have ended"),
    metric(expire::ENDED, Counter, "how", "Carts that have ended, by how: guest, empty, idle"),
    metric(expire::FAILED, Counter, "", "Carts and pages of carts that could not be looked at"),
    metric(expire::WALKS, Counter, "", "Walks over all carts that came to the end"),
    metric(refresh::LOOKED_AT, Counter, "", "Carts that were looked at, to write a changed item down"),
    metric(refresh::REFRESHED, Counter, "", "Carts that were given the newest snapshot of an item"),
    metric(fold::FOLDED, Counter, "", "Carts whose changes were folded into one row"),
    metric(fold::FOLDED_DELTAS, Counter, "", "Changes that were folded"),
    metric(CHECKOUTS, Counter, "how", "Checkouts, each time that somebody was answered, by how they ended"),
    metric("evercart_orders_total", Counter, "", "Orders that were put into the list of their customer"),
    metric(HOOKS_FAILED, Counter, "", "Steps of checkouts that failed for want of an answer of a hook"),
    metric(hooks::CALLS, Counter, "hook, outcome", "Questions to hooks, each time that they were asked"),
    metric(hooks::DURATION, Seconds, "hook", "Time until hooks answered, or did not"),
    metric(sweep::SWEPT, Counter, "table", "Records of checkouts that were due and looked at"),
    metric(
        OPERATIONS,
        Counter,
        "store, operation, asker, outcome",
        "Operations of stores, a cache before them included",
    ),
    metric(
        DURATION,
        Seconds,
        "store, operation, asker",
        "Time that operations of stores took, for a request or a worker; loads of what was in memory are not timed",
    ),
    metric(embedded::DIRTY_BYTES, Bytes, "", "Memory that holds what is not folded yet"),
    metric(embedded::JOURNAL_BYTES, Bytes, "", "Journal that the base does not have yet"),
    metric(embedded::CARTS, Gauge, "", "Carts that have a row in the row log"),
    metric(embedded::ROW_LOG_BYTES, Bytes, "", "The row log on disk"),
    metric(embedded::ROW_LOG_LIVE_BYTES, Bytes, "", "Rows that count in the row log"),
    metric(embedded::FOLD_DURATION, Seconds, "", "Time that folds took"),
    metric(postgres::POOL_WAIT, Seconds, "", "Time until a connection to PostgreSQL was there"),
    metric(
        postgres::DROPPED,
        Counter,
        "",
        "Connections to PostgreSQL that were closed with something left unfinished",
    ),
    metric(postgres::LAG, SecondsNow, "shard, replica", "How far a replica is behind its primary"),
    metric(postgres::READS, Counter, "outcome", "Reads that may be stale, by who answered: replica, primary"),
    metric(postgres::ELSEWHERE, Counter, "", "Statements that found their slot at another shard"),
    metric(
        storage_dynamodb::meter::CONSUMED_CAPACITY,
        Counter,
        "operation",
        "Capacity units that DynamoDB says operations consumed",
    ),
    metric(
        storage_cassandra::ENTRIES_MISSED,
        Counter,
        "table",
        "Entries of secondary tables of Cassandra that could not be written at once",
    ),
    metric(cache::LOOKUPS, Counter, "tier, outcome", "Loads that asked a tier of the cache: hit, miss"),
    metric(cache::AGE, Seconds, "tier", "Time since the engine was asked for what a tier served"),
    metric(
        cache::ENGINE_LOADS,
        Counter,
        "consistency, asker",
        "Loads that reached the engine behind a cache",
    ),
    metric(cache::FILLS, Counter, "tier", "Carts that were put into a tier after a load"),
    metric(
        cache::DROPPED_FILLS,
        Counter,
        "tier",
        "Carts that were not, because a write came between or might",
    ),
    metric(cache::PATCHES, Counter, "tier", "Writes that a cart in a tier took in"),
    metric(cache::INVALIDATIONS, Counter, "tier", "Writes that left a tier without the cart"),
    metric(cache::ENTRIES, Gauge, "tier", "Carts that a tier in this process keeps"),
    metric(cache::BYTES, Bytes, "tier", "Memory that they take"),
    metric(cache::REDIS_UP, Gauge, "", "1 while Redis is used, 0 while it is left alone"),
    metric(cache::REDIS_FAILURES, Counter, "", "Operations that Redis did not answer in time, or refused"),
    metric(cache::REDIS_OWED, Gauge, "", "Carts that must leave Redis before it may be asked for them"),
];

/// The histograms of time.
pub(super) fn timed() -> impl Iterator<Item = &'static str> {
    ALL.iter().filter(|metric| metric.kind == Seconds).map(|metric| metric.name)
}

/// Tells the recorder what each of them means.
pub(super) fn describe() {
    for Declared { name, kind, meaning, .. } in ALL {
        match kind {
            Counter => describe_counter!(*name, *meaning),
            Gauge => describe_gauge!(*name, *meaning),
            Bytes => describe_gauge!(*name, Unit::Bytes, *meaning),
            Seconds => describe_histogram!(*name, Unit::Seconds, *meaning),
            SecondsNow => describe_gauge!(*name, Unit::Seconds, *meaning),
        }
    }
}

/// The reference of all metrics, as `docs/reference/metrics.md` has it.
#[cfg(test)]
fn reference() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
         What `/metrics` says, in the format of Prometheus; those of an engine or a cache are there where it is in use. No \
         label is an id of anybody.\nHistograms have buckets from 50 µs to 10 s.\n\nThis page is written by the code: \
         `EVERCART_BLESS=1 cargo test -p server metrics_page` after a change of\n\
         [the declaration](../../crates/server/src/telemetry/declared.rs).\n\n\
         | name | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for Declared { name, kind, labels, meaning } in ALL {
        let kind = match kind {
            Counter => "counter",
            Gauge => "gauge",
            Bytes => "gauge, bytes",
            Seconds => "histogram, seconds",
            SecondsNow => "gauge, seconds",
        };
        text.push_str(&format!("| `{name}` | {kind} | {labels} | {meaning} |\n"));
    }
    text
}

#[cfg(test)]
mod tests;
