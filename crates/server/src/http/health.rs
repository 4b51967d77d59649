//! For whoever runs the server: `/livez`, `/readyz`, `/metrics`.

use super::AppState;
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).routes(routes!(metrics))
}

/// The process is there.
#[utoipa::path(
    get, path = "/livez", tag = "operations", operation_id = "livez",
    responses(
        (
            status = 200,
            description = "It is.",
            body = String,
            content_type = "text/plain",
            example = "live\n",
        ),
    ),
)]
async fn live() -> &'static str {
    "live\n"
}

/// The state of the server.
#[derive(utoipa::ToSchema)]
#[schema(as = Readiness)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Readiness {
    /// `ready`, `read_only` (no room for writes; reads go on), `draining` or `store_unavailable`.
    status: String,
}

/// Ready: the store answers and this node is not about to stop. While the disk is full it reads only, and says so.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "readyz",
    responses(
        (
            status = 200,
            description = "It takes requests.",
            body = Readiness,
            example = json!({"status": "ready"}),
        ),
        (
            status = 503,
            description = "It is about to stop, or its store is away.",
            body = Readiness,
            example = json!({"status": "draining"}),
        ),
    ),
)]
async fn ready(State(state): State<AppState>) -> Response {
    if state.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "draining"}))).into_response();
    }
    match state.service.stores().carts.owners().await {
        // Still ready: taking the node out would end reads too, and with one machine there is no other.
        Ok(_) if state.engine.is_out_of_space() => Json(json!({"status": "read_only"})).into_response(),
        Ok(_) => Json(json!({"status": "ready"})).into_response(),
        Err(error) => {
            let body = Json(json!({"status": "store_unavailable", "kind": error.kind()}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

/// The metrics, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses(
        (status = 200, description = "Text of version 0.0.4.", body = String, content_type = "text/plain"),
    ),
)]
async fn metrics(State(state): State<AppState>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, state.metrics.render()).into_response()
}
