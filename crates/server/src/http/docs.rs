//! `GET /openapi.json`, and `GET /docs`: the same for people, one page that needs no network.

mod page;

use super::{AppState, openapi};
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use std::sync::LazyLock;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(document)).routes(routes!(reference))
}

static TEXT: LazyLock<String> = LazyLock::new(|| openapi::served().to_string());
static PAGE: LazyLock<String> = LazyLock::new(|| page::of(openapi::served()));

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "reference", operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
)]
async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// This document, for people.
#[utoipa::path(
    get, path = "/docs", tag = "reference", operation_id = "docs",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
async fn reference() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, PAGE.as_str()).into_response()
}
