//! Counts, times and logs requests, by route and never by cart.

use crate::telemetry::traces::request_span;
use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::Response,
};
use std::time::Instant;
use tracing::Instrument;

/// Seconds that requests took, by method, route and status.
pub(crate) const REQUEST_DURATION: &str = "http_server_request_duration_seconds";

pub(super) async fn measure(request: Request, next: Next) -> Response {
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = request_span(request.headers(), method, &route);
    let started = Instant::now();
    let response = match &span {
        Some(span) => next.run(request).instrument(span.clone()).await,
        None => next.run(request).await,
    };
    let took = started.elapsed();
    let status = response.status().as_u16();
    if let Some(span) = span {
        span.record("http.response.status_code", status);
    }
    tracing::debug!(method, route, status, took_us = took.as_micros(), "request");
    let labels = [
        ("http_request_method", method.to_owned()),
        ("http_route", route),
        ("http_response_status_code", status.to_string()),
    ];
    metrics::histogram!(REQUEST_DURATION, &labels).record(took);
    response
}

/// The method as a label: whatever is not one of the usual is one label, so that callers cannot make more.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
