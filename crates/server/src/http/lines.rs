//! Lines of the caller's cart: `POST /v1/cart/lines`, `PUT`, `DELETE /v1/cart/lines/{line}`,
//! `POST /v1/cart/lines/{line}/move`.

use super::{
    AppState,
    cart::change_at,
    change::{AddBody, MoveBody, SetBody, Trust, line_change},
    incoming::{Addressed, Incoming},
    openapi::schema::LineIdText,
    wire::CartJson,
};
use crate::problem::Problem;
use axum::{
    extract::{Path, State},
    response::Response,
};
use service::LineOperation;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(set, remove)).routes(routes!(move_line))
}

/// Adds units of an item.
#[utoipa::path(
    post, path = "/v1/cart/lines", tag = "cart", operation_id = "addLine",
    request_body(
        content = AddBody,
        example = json!({"sku": "TEA-EARL-50", "quantity": 2, "attributes": {"gift_note": "For Ann"}}),
    ),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn add(State(state): State<AppState>, incoming: Incoming) -> Result<Response, Problem> {
    let addressed = incoming.own_cart()?;
    add_at(&state, &incoming, &addressed, Trust::Shopper).await
}

pub(super) async fn add_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
    trust: Trust,
) -> Result<Response, Problem> {
    let change = incoming.json::<AddBody>()?.change(trust)?;
    change_at(state, incoming, addressed, change).await
}

/// Sets how many units a line has; 0 removes it.
#[utoipa::path(
    put, path = "/v1/cart/lines/{line}", tag = "cart", operation_id = "setLine",
    params(("line" = LineIdText, Path, description = "The line's id.")),
    request_body(content = SetBody, example = json!({"quantity": 5})),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn set(
    State(state): State<AppState>,
    Path(line): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = incoming.own_cart()?;
    set_at(&state, &incoming, &addressed, &line).await
}

pub(super) async fn set_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
    line: &str,
) -> Result<Response, Problem> {
    let SetBody { quantity, seen } = incoming.json()?;
    let change = line_change(state, line, seen.as_deref(), LineOperation::Set(quantity))?;
    change_at(state, incoming, addressed, change).await
}

/// Removes what was seen of a line.
#[utoipa::path(
    delete, path = "/v1/cart/lines/{line}", tag = "cart", operation_id = "removeLine",
    params(("line" = LineIdText, Path, description = "The line's id.")),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn remove(
    State(state): State<AppState>,
    Path(line): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = incoming.own_cart()?;
    remove_at(&state, &incoming, &addressed, &line).await
}

pub(super) async fn remove_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
    line: &str,
) -> Result<Response, Problem> {
    let seen = incoming.query("seen")?;
    let change = line_change(state, line, seen.as_deref(), LineOperation::Remove)?;
    change_at(state, incoming, addressed, change).await
}

/// Moves a line to *saved for later*, or back.
#[utoipa::path(
    post, path = "/v1/cart/lines/{line}/move", tag = "cart", operation_id = "moveLine",
    params(("line" = LineIdText, Path, description = "The line's id.")),
    request_body(content = MoveBody, example = json!({"to": "saved"})),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn move_line(
    State(state): State<AppState>,
    Path(line): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = incoming.own_cart()?;
    move_at(&state, &incoming, &addressed, &line).await
}

pub(super) async fn move_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
    line: &str,
) -> Result<Response, Problem> {
    let MoveBody { to, seen } = incoming.json()?;
    let change = line_change(state, line, seen.as_deref(), LineOperation::Move(to.list()))?;
    change_at(state, incoming, addressed, change).await
}
