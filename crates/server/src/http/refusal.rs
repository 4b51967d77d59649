//! Answers to requests that are not let in. They are made once and copied, for there may be many of them.
//!
//! They say what every answer says: the name of the request, and to a page of a listed origin that it may read them. Of
//! the problem document, the request's name alone is left out.

use super::{cors, request_id};
use crate::{config::Config, problem::Problem};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::FutureExt;
use std::{convert::Infallible, future::ready};
use tower::{Layer, Service, service_fn, util::option_layer};
use tower_http::cors::CorsLayer;

/// All refusals of a server.
pub(crate) struct Refusals {
    cors: Option<CorsLayer>,
    overloaded: Prepared,
    headers_too_large: Prepared,
}

/// An answer to be copied.
struct Prepared {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Refusals {
    pub(crate) fn new(config: &Config) -> Self {
        let mut headers_too_large = Prepared::new(&Problem::headers_too_large(config.http.header_bytes_max));
        // What was read of so large a head is let go with its connection.
        headers_too_large.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        Self {
            cors: cors::layer(&config.auth.origins),
            overloaded: Prepared::new(&Problem::overloaded()),
            headers_too_large,
        }
    }

    /// There is no room for the request now.
    pub(crate) fn overloaded<B>(&self, request: &Request<B>) -> Response {
        self.answer(&self.overloaded, request)
    }

    /// The request's line and headers are larger than is taken.
    pub(crate) fn headers_too_large<B>(&self, request: &Request<B>) -> Response {
        self.answer(&self.headers_too_large, request)
    }

    fn answer<B>(&self, prepared: &Prepared, request: &Request<B>) -> Response {
        let mut response = match &self.cors {
            Some(cors) => through(cors, prepared, request),
            None => prepared.copy(),
        };
        request_id::put(request.headers(), response.headers_mut());
        response
    }
}

/// The answer as the layer lets a page of another origin read it; to a preflight, the layer's own.
fn through<B>(cors: &CorsLayer, prepared: &Prepared, request: &Request<B>) -> Response {
    let mut head = Request::new(Body::empty());
    head.method_mut().clone_from(request.method());
    head.headers_mut().clone_from(request.headers());
    let answer = service_fn(|_: Request| ready(Ok::<_, Infallible>(prepared.copy())));
    match option_layer(Some(cors)).layer(answer).call(head).now_or_never() {
        Some(Ok(response)) => response,
        _ => prepared.copy(),
    }
}

impl Prepared {
    fn new(problem: &Problem) -> Self {
        let body = problem.body().into();
        let (parts, _) = problem.clone().into_response().into_parts();
        Self { status: parts.status, headers: parts.headers, body }
    }

    fn copy(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}
