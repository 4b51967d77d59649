//! Service tokens: `POST /v1/admin/tokens/{id}/revocation`, for services with the scope `admin`.

use super::{AppState, answer::json, wire::rfc3339};
use crate::{
    auth::{Caller, Scope},
    problem::Problem,
};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use cart::Timestamp;
use serde_json::json as value;
use service::Environment as _;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(revoke))
}

/// A token revoked.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Revocation {
    /// The token's.
    id: String,
    /// When first.
    #[schema(format = DateTime)]
    revoked_at: String,
}

/// Characters of a token's id, hexadecimal.
const ID_CHARS: usize = 16;

/// Revokes a token for good. An id that nobody knows is taken too: tokens are not recorded, their revocations are.
#[utoipa::path(
    post, path = "/v1/admin/tokens/{id}/revocation",
    tag = "service: administration", operation_id = "revokeToken",
    params(("id" = String, Path, description = "The token's id, its `jti`.", pattern = "^[0-9a-f]{16}$")),
    responses(
        (
            status = 200,
            description = "It is revoked.",
            body = Revocation,
            example = json!({"id": "00c0ffee00c0ffee", "revoked_at": "2026-11-22T10:00:00Z"}),
        ),
    ),
)]
async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.require(Scope::Admin)?;
    if id.len() != ID_CHARS || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(Problem::not_found());
    }
    let now = crate::wiring::World.now();
    let revoked_at = state.identity.revoke(&id, now.0).await.map_err(|error| Problem::from(&error))?;
    tracing::info!(token.id = id, "service token revoked");
    let body = value!({"id": id, "revoked_at": rfc3339(Timestamp(revoked_at))});
    Ok(json(StatusCode::OK, HeaderMap::new(), &body))
}
