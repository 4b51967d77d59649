//! Any cart, for services of the shop with the scope `carts`: the routes of one's own cart under
//! `/v1/carts/{id}`. A service may name prices.

use super::{
    AppState, cart,
    change::Trust,
    incoming::{Addressed, Incoming},
    lines,
};
use crate::{
    auth::{Scope, SessionOrigin},
    problem::Problem,
};
use ::cart::CartId;
use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::{get, post, put},
};
use service::CartAddress;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/carts/{id}", get(read).patch(patch).delete(clear))
        .route("/v1/carts/{id}/lines", post(add))
        .route("/v1/carts/{id}/lines/{line}", put(set).delete(remove))
        .route("/v1/carts/{id}/lines/{line}/move", post(move_line))
}

/// The cart of this id, for a service that may.
fn addressed(incoming: &Incoming, id: &str) -> Result<Addressed, Problem> {
    incoming.caller.require(Scope::Carts)?;
    let cart = CartId::parse(id).ok_or_else(Problem::not_found)?;
    Ok(Addressed { address: CartAddress::Id(cart), origin: SessionOrigin::Header })
}

async fn read(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    cart::read_at(&state, &incoming, &addressed).await
}

async fn patch(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    cart::patch_at(&state, &incoming, &addressed, Trust::Service).await
}

async fn clear(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    cart::clear_at(&state, &incoming, &addressed).await
}

async fn add(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    lines::add_at(&state, &incoming, &addressed, Trust::Service).await
}

async fn set(
    State(state): State<AppState>,
    Path((id, line)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    lines::set_at(&state, &incoming, &addressed, &line).await
}

async fn remove(
    State(state): State<AppState>,
    Path((id, line)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    lines::remove_at(&state, &incoming, &addressed, &line).await
}

async fn move_line(
    State(state): State<AppState>,
    Path((id, line)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    lines::move_at(&state, &incoming, &addressed, &line).await
}
