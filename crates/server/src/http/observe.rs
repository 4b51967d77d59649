//! Counts, times and logs requests, by route and never by cart.

use crate::telemetry::traces::request_span;
use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    response::Response,
};
use metrics::Histogram;
use parking_lot::RwLock;
use std::{
    collections::HashMap,
    sync::LazyLock,
    time::{Duration, Instant},
};
use tracing::Instrument;

/// Seconds that requests took, by method, route and status.
pub(crate) const REQUEST_DURATION: &str = "http_server_request_duration_seconds";

/// Has a request answered.
pub(super) async fn measured<F: Future<Output = Response>>(
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let method = known(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let span = request_span(request.headers(), method, route);
    let started = Instant::now();
    let response = match &span {
        Some(span) => answer(request).instrument(span.clone()).await,
        None => answer(request).await,
    };
    let took = started.elapsed();
    let status = response.status().as_u16();
    if let Some(span) = span {
        span.record("http.response.status_code", status);
    }
    tracing::debug!(method, route, status, took_us = took.as_micros(), "request");
    record(route, method, status, took);
    response
}

/// Of one route, by method and status.
type OfRoute = Vec<(&'static str, u16, Histogram)>;

/// The histograms that were used before: to look one up in the recorder, all its labels are made and hashed anew.
static DURATIONS: LazyLock<RwLock<HashMap<Box<str>, OfRoute>>> = LazyLock::new(RwLock::default);

fn record(route: &str, method: &'static str, status: u16, took: Duration) {
    let is_it = |(of_method, of_status, _): &&(_, _, _)| (*of_method, *of_status) == (method, status);
    if let Some((.., histogram)) = DURATIONS.read().get(route).and_then(|route| route.iter().find(is_it)) {
        histogram.record(took);
        return;
    }
    let labels = [
        ("http_request_method", method.to_owned()),
        ("http_route", route.to_owned()),
        ("http_response_status_code", status.to_string()),
    ];
    let histogram = metrics::histogram!(REQUEST_DURATION, &labels);
    histogram.record(took);
    DURATIONS.write().entry(route.into()).or_default().push((method, status, histogram));
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
