//! Traces: a span for each request, sent by OTLP over HTTP where the usual `OTEL_*` variables say so.
//!
//! `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` switches them on, `OTEL_SDK_DISABLED=true` off;
//! the exporter reads its further settings from the environment itself. Off, no span is made and nothing is paid. A
//! collector that is away loses spans and holds nothing up. No ids of carts or shoppers are in spans.

use super::otlp;
use axum::http::HeaderMap;
use opentelemetry::{propagation::TextMapPropagator, trace::TracerProvider as _};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use std::sync::OnceLock;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The tracer that spans go to, where the environment asks for one.
pub(super) fn tracer() -> Result<Option<SdkTracer>, ExporterBuildError> {
    if !otlp::is_asked_for("TRACES") {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_http().build()?;
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(otlp::resource()).build();
    let tracer = provider.tracer("evercart");
    PROVIDER.set(provider).ok(); // a second server in one process shares the first one's
    Ok(Some(tracer))
}

/// Sends what is still held back, at the end of the process.
pub(super) fn flush() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "last spans were not sent");
    }
}

/// The span of a request, as a child of the caller's (W3C `traceparent`); `None` while traces are off.
pub(crate) fn request_span(headers: &HeaderMap, method: &'static str, route: &str) -> Option<Span> {
    PROVIDER.get()?;
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
    );
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    // The error says that the span has no exporter to go to.
    span.set_parent(parent).ok();
    Some(span)
}
