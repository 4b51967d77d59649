//! Metrics by OTLP over HTTP, beside those at `/metrics`: the same series, where the usual `OTEL_*` variables ask for it.
//!
//! `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` switches them on, `OTEL_METRICS_EXPORTER=none`
//! off; `OTEL_METRIC_EXPORT_INTERVAL` sets how often they are sent. Names are those of `/metrics`, but for what the
//! semantic conventions name.

use super::{BUCKETS_S, declared, otlp};
use crate::http::REQUEST_DURATION;
use metrics_opentelemetry::{OpenTelemetryMetrics, OpenTelemetryRecorder};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter};
use opentelemetry_sdk::metrics::{Instrument, PeriodicReader, SdkMeterProvider, Stream};
use std::sync::OnceLock;

static PROVIDER: OnceLock<SdkMeterProvider> = OnceLock::new();

/// The recorder that sends metrics, where the environment asks for one.
pub(super) fn recorder() -> Result<Option<OpenTelemetryRecorder>, ExporterBuildError> {
    if !otlp::is_asked_for("METRICS") || PROVIDER.get().is_some() {
        return Ok(None);
    }
    let exporter = MetricExporter::builder().with_http().build()?;
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(exporter).build())
        .with_resource(otlp::resource())
        .with_view(by_convention)
        .build();
    let recorder = OpenTelemetryRecorder::new(OpenTelemetryMetrics::new(provider.meter("evercart")));
    recorder.set_histogram_bounds(declared::timed(), &BUCKETS_S);
    PROVIDER.set(provider).ok(); // looked at above
    Ok(Some(recorder))
}

fn by_convention(instrument: &Instrument) -> Option<Stream> {
    let is_ours = instrument.name() == REQUEST_DURATION;
    let stream = is_ours.then(|| Stream::builder().with_name("http.server.request.duration"))?;
    stream.with_unit("s").build().ok()
}

/// Sends the last values, at the end of the process.
pub(super) fn flush() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "last metrics were not sent");
    }
}
