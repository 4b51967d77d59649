//! Logs, metrics and traces.
//!
//! Logs are lines on standard error, readable by people on a terminal and JSON elsewhere; `EVERCART_LOG` sets what is
//! logged, as `info` or `server=debug,info`. Metrics are rendered at `/metrics`; traces and metrics are sent by OTLP
//! where `OTEL_*` says so.

mod declared;
mod lines;
mod meters;
mod otlp;
pub(crate) mod traces;

use self::lines::OfRequest;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::layers::FanoutBuilder;
use service::checkout::HOOKS_FAILED;
use std::io::IsTerminal;
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
        let lines = OfRequest { format: fmt::format().with_target(false), is_json: false };
        registry.with(fmt::layer().event_format(lines).with_writer(std::io::stderr)).try_init()
    } else {
        let lines = OfRequest { format: fmt::format().json().flatten_event(true), is_json: true };
        let layer = fmt::layer().json().event_format(lines);
        registry.with(layer.with_writer(std::io::stderr)).try_init()
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

/// Starts the collection of metrics for this process. Each is [declared] with its meaning.
pub(crate) fn collect() -> Result<PrometheusHandle, BuildError> {
    let builder = declared::timed().try_fold(PrometheusBuilder::new(), |builder, name| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &BUCKETS_S)
    })?;
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
    declared::describe();
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
