//! For whoever runs the server: `/livez`, `/readyz`, `/metrics`.

use super::AppState;
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/livez", get(async || "live\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// Ready: the store answers and this node is not about to stop.
async fn ready(State(state): State<AppState>) -> Response {
    if state.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "draining"}))).into_response();
    }
    match state.service.stores().carts.owners().await {
        Ok(_) => Json(json!({"status": "ready"})).into_response(),
        Err(error) => {
            let body = Json(json!({"status": "store_unavailable", "kind": error.kind()}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn metrics(State(state): State<AppState>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, state.metrics.render()).into_response()
}
