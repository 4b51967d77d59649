//! Logs, metrics and traces.
//!
//! Logs are lines on standard error, readable by people on a terminal and JSON elsewhere; `EVERCART_LOG` sets what is
//! logged, as `info` or `server=debug,info`. Metrics are rendered at `/metrics`; traces and metrics are sent by OTLP
//! where `OTEL_*` says so.

mod meters;
mod otlp;
pub(crate) mod traces;

use crate::{
    auth::FETCHES,
    connections::{OPEN, REFUSED as NOT_LET_IN},
    hooks,
    http::{REQUEST_DURATION, limit::REFUSED},
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::layers::FanoutBuilder;
use service::{
    checkout::{CHECKOUTS, HOOKS_FAILED},
    worker::{expire, fold, refresh, sweep},
};
use std::io::IsTerminal;
use storage::layer::metrics::{DURATION, OPERATIONS};
use storage_embedded::meter;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// What is logged where nobody says otherwise.
const LOGGED: &str = "info,fjall=warn,lsm_tree=warn";

/// Seconds between the buckets of histograms: from 50 µs to 10 s.
const BUCKETS_S: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// Starts logging, and traces where the environment asks for them. A second call changes nothing.
pub(crate) fn log() {
    let filter = EnvFilter::try_from_env("EVERCART_LOG").unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let (tracer, failed) = match traces::tracer() {
        Ok(tracer) => (tracer, None),
        Err(error) => (None, Some(error)),
    };
    let traced = tracer.map(|tracer| tracing_opentelemetry::layer().with_tracer(tracer));
    let registry = tracing_subscriber::registry().with(filter).with(traced);
    let started = if std::io::stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init()
    } else {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
    };
    drop(started); // an error says that somebody started it before
    if let Some(error) = failed {
        tracing::warn!(error = &error as &dyn std::error::Error, "traces are not sent: check OTEL_*");
    }
}

/// Sends what is still held back, at the end of the process.
pub(crate) fn flush() {
    traces::flush();
    meters::flush();
}

/// Starts the collection of metrics for this process. Each metric is declared here with its meaning.
pub(crate) fn collect() -> Result<PrometheusHandle, BuildError> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(REQUEST_DURATION.to_owned()), &BUCKETS_S)?
        .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &BUCKETS_S)?
        .set_buckets_for_metric(Matcher::Full(hooks::DURATION.to_owned()), &BUCKETS_S)?
        .set_buckets_for_metric(Matcher::Full(meter::FOLD_DURATION.to_owned()), &BUCKETS_S)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    let sending = meters::recorder().unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "metrics are not sent: check OTEL_*");
        None
    });
    // A second server in one process, as tests have it, keeps a handle of its own that stays empty.
    match sending {
        Some(sending) => {
            let both = FanoutBuilder::default().add_recorder(recorder).add_recorder(sending).build();
            drop(metrics::set_global_recorder(both));
        }
        None => drop(metrics::set_global_recorder(recorder)),
    }
    describe();
    start_at_zero();
    Ok(handle)
}

/// Counters of what should not happen are there before it does: of a series that begins at 1, Prometheus sees no
/// increase.
fn start_at_zero() {
    metrics::counter!("evercart_panics_total").increment(0);
    metrics::counter!("evercart_replays_total").increment(0);
    metrics::counter!(HOOKS_FAILED).increment(0);
    metrics::counter!("evercart_corrupt_records_total", "kind" => "cart").increment(0);
    for why in ["slow", "busy"] {
        metrics::counter!("evercart_catalog_away_total", "why" => why).increment(0);
    }
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_histogram!(REQUEST_DURATION, Unit::Seconds, "Time to answer requests");
    describe_histogram!(DURATION, Unit::Seconds, "Time that operations of stores took");
    describe_counter!(OPERATIONS, "Operations of stores, by outcome");
    describe_counter!("evercart_replays_total", "Requests that had been executed before");
    describe_counter!("evercart_corrupt_records_total", "Reads of records that are not readable");
    describe_counter!("evercart_catalog_away_total", "Look-ups of items that were not answered in time");
    describe_counter!(FETCHES, "Fetches of an identity provider's keys, by outcome");
    describe_counter!(REFUSED, "Requests over a rate limit, by policy");
    describe_counter!(NOT_LET_IN, "Requests that were not let in, by why: headers, requests, connections");
    describe_gauge!(OPEN, "Connections that are open");
    describe_counter!(expire::SEEN, "Carts that were looked at, to see whether they have ended");
    describe_counter!(expire::ENDED, "Carts that have ended, by how: guest, empty, idle");
    describe_counter!(expire::FAILED, "Carts and pages of carts that could not be looked at");
    describe_counter!(expire::WALKS, "Walks over all carts that came to the end");
    describe_counter!(refresh::LOOKED_AT, "Carts that were looked at, to write a changed item down");
    describe_counter!(refresh::REFRESHED, "Carts that were given the newest snapshot of an item");
    describe_counter!(fold::FOLDED, "Carts whose changes were folded into one row");
    describe_counter!(fold::FOLDED_DELTAS, "Changes that were folded");
    describe_counter!(CHECKOUTS, "Checkouts, each time that somebody was answered, by how they ended");
    describe_counter!("evercart_orders_total", "Orders that were put into the list of their customer");
    describe_counter!(HOOKS_FAILED, "Steps of checkouts that failed for want of an answer of a hook");
    describe_counter!(
        hooks::CALLS,
        "Questions to hooks, each time that they were asked, by hook and outcome"
    );
    describe_histogram!(hooks::DURATION, Unit::Seconds, "Time until hooks answered, or did not, by hook");
    describe_counter!(sweep::SWEPT, "Records of checkouts that were due and looked at, by table");
    describe_counter!("evercart_subjects_erased_total", "Erasures of subjects that found something");
    describe_counter!("evercart_panics_total", "Requests that panicked");
    describe_gauge!(meter::DIRTY_BYTES, Unit::Bytes, "Memory that holds what is not folded yet");
    describe_gauge!(meter::JOURNAL_BYTES, Unit::Bytes, "Journal that the base does not have yet");
    describe_gauge!(meter::CARTS, "Carts that have a row in the row log");
    describe_gauge!(meter::ROW_LOG_BYTES, Unit::Bytes, "The row log on disk");
    describe_gauge!(meter::ROW_LOG_LIVE_BYTES, Unit::Bytes, "Rows that count in the row log");
    describe_histogram!(meter::FOLD_DURATION, Unit::Seconds, "Time that folds took");
}
