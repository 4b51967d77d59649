//! Counts, times and logs requests, by route and never by cart.

use crate::telemetry::traces::request_span;
use axum::{extract::Request, http::Method, response::Response};
use metrics::Histogram;
use parking_lot::RwLock;
use std::{
    collections::HashMap,
    pin::Pin,
    sync::LazyLock,
    time::{Duration, Instant},
};
use tracing::{Instrument, Span};

/// Seconds that requests took, by method, route and status.
pub(crate) const REQUEST_DURATION: &str = "http_server_request_duration_seconds";

/// A request of a route, from when it came.
pub(super) struct Observed<'a> {
    route: &'a str,
    method: &'static str,
    span: Option<Span>,
    started: Instant,
}

impl<'a> Observed<'a> {
    pub(super) fn of(request: &Request, route: &'a str) -> Self {
        let method = known(request.method());
        Self { route, method, span: request_span(request.headers(), method, route), started: Instant::now() }
    }

    /// Waits for its answer, in its span. The answer stays where the caller has it: a future that takes another has room for
    /// it twice, where it comes in and where it is polled.
    pub(super) async fn answered_by(self, mut answer: Pin<&mut impl Future<Output = Response>>) -> Response {
        let Self { route, method, span, started } = self;
        let response = match &span {
            Some(span) => answer.as_mut().instrument(span.clone()).await,
            None => answer.as_mut().await,
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
