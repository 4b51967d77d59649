//! Any cart, for services of the shop with the scope `carts`: the routes of one's own cart under
//! `/v1/carts/{id}`. A service may name prices.

use super::{
    AppState,
    bulk::{PatchBody, patch_at},
    cart,
    change::{AddBody, MoveBody, SetBody, Trust},
    incoming::{Addressed, Incoming},
    lines,
    openapi::schema::{BulkAnswer, CartIdText, LineIdText},
    replace::{PutBody, put_at},
    wire::CartJson,
};
use crate::{
    auth::{Scope, SessionOrigin},
    problem::Problem,
};
use ::cart::CartId;
use axum::{
    extract::{Path, State},
    response::Response,
};
use service::CartAddress;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read, put, patch, clear))
        .routes(routes!(add))
        .routes(routes!(set, remove))
        .routes(routes!(move_line))
}

/// The cart of this id, for a service that may.
fn addressed(incoming: &Incoming, id: &str) -> Result<Addressed, Problem> {
    incoming.caller.require(Scope::Carts)?;
    let cart = CartId::parse(id).ok_or_else(Problem::not_found)?;
    Ok(Addressed { address: CartAddress::Id(cart), origin: SessionOrigin::Header })
}

/// Reads any cart.
#[utoipa::path(
    get, path = "/v1/carts/{id}", tag = "service: carts", operation_id = "readCartById",
    params(("id" = CartIdText, Path, description = "The cart's id.")),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn read(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    cart::read_at(&state, &incoming, &addressed).await
}

/// Makes many changes of any cart in one request.
#[utoipa::path(
    patch, path = "/v1/carts/{id}", tag = "service: carts", operation_id = "changeCartById",
    params(("id" = CartIdText, Path, description = "The cart's id.")),
    request_body(
        content = PatchBody,
        example = json!({"ops": [
            {"op": "add", "sku": "MUG-BLUE", "quantity": 1},
            {"op": "annotate", "fields": {"note": "Ring twice"}},
        ]}),
    ),
    responses(
        (
            status = 200,
            description = "A result for each operation, and the cart.",
            body = BulkAnswer<'static>,
        ),
    ),
)]
async fn patch(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    patch_at(&state, &incoming, &addressed, Trust::Service).await
}

/// Puts any cart back whole.
#[utoipa::path(
    put, path = "/v1/carts/{id}", tag = "service: carts", operation_id = "replaceCartById",
    params(("id" = CartIdText, Path, description = "The cart's id.")),
    request_body(content = PutBody, example = json!({"lines": [{"sku": "MUG-BLUE", "quantity": 2}], "seen": "…"})),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn put(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    put_at(&state, &incoming, &addressed, Trust::Service).await
}

/// Clears any cart.
#[utoipa::path(
    delete, path = "/v1/carts/{id}", tag = "service: carts", operation_id = "clearCartById",
    params(("id" = CartIdText, Path, description = "The cart's id.")),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn clear(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    cart::clear_at(&state, &incoming, &addressed).await
}

/// Adds units of an item to any cart; a service may name the price.
#[utoipa::path(
    post, path = "/v1/carts/{id}/lines", tag = "service: carts", operation_id = "addLineById",
    params(("id" = CartIdText, Path, description = "The cart's id.")),
    request_body(
        content = AddBody,
        example = json!({"sku": "TEA-EARL-50", "quantity": 2, "price": {"amount": 350, "currency": "GBP"}}),
    ),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn add(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    lines::add_at(&state, &incoming, &addressed, Trust::Service).await
}

/// Sets how many units a line of any cart has.
#[utoipa::path(
    put, path = "/v1/carts/{id}/lines/{line}", tag = "service: carts", operation_id = "setLineById",
    params(
        ("id" = CartIdText, Path, description = "The cart's id."),
        ("line" = LineIdText, Path, description = "The line's id."),
    ),
    request_body(content = SetBody, example = json!({"quantity": 5})),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn set(
    State(state): State<AppState>,
    Path((id, line)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    lines::set_at(&state, &incoming, &addressed, &line).await
}

/// Removes a line of any cart.
#[utoipa::path(
    delete, path = "/v1/carts/{id}/lines/{line}", tag = "service: carts", operation_id = "removeLineById",
    params(
        ("id" = CartIdText, Path, description = "The cart's id."),
        ("line" = LineIdText, Path, description = "The line's id."),
    ),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn remove(
    State(state): State<AppState>,
    Path((id, line)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    lines::remove_at(&state, &incoming, &addressed, &line).await
}

/// Moves a line of any cart.
#[utoipa::path(
    post, path = "/v1/carts/{id}/lines/{line}/move", tag = "service: carts", operation_id = "moveLineById",
    params(
        ("id" = CartIdText, Path, description = "The cart's id."),
        ("line" = LineIdText, Path, description = "The line's id."),
    ),
    request_body(content = MoveBody, example = json!({"to": "saved"})),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn move_line(
    State(state): State<AppState>,
    Path((id, line)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = addressed(&incoming, &id)?;
    lines::move_at(&state, &incoming, &addressed, &line).await
}
