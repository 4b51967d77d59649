//! Lines of the caller's cart: `POST /v1/cart/lines`, `PUT`, `DELETE /v1/cart/lines/{line}`,
//! `POST /v1/cart/lines/{line}/move`.

use super::{
    AppState,
    cart::change_at,
    change::{AddBody, MoveBody, SetBody, Trust, line_change},
    incoming::{Addressed, Incoming},
};
use crate::problem::Problem;
use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::{post, put},
};
use service::LineOperation;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/cart/lines", post(add))
        .route("/v1/cart/lines/{line}", put(set).delete(remove))
        .route("/v1/cart/lines/{line}/move", post(move_line))
}

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
