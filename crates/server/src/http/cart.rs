//! The caller's cart as a whole: `GET`, `PUT`, `PATCH`, `DELETE /v1/cart`.

use super::{
    AppState,
    answer::Reply,
    bulk::{PatchBody, patch_at},
    change::Trust,
    encoded::Encoded,
    incoming::{Addressed, Incoming, seen},
    openapi::schema::BulkAnswer,
    replace::{PutBody, put_at},
    wire::CartJson,
};
use crate::problem::Problem;
use axum::{extract::State, response::Response};
use cart::line::List;
use service::{
    CartAddress, Changed, Principal, Read,
    carts::{Change, Request},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read, put, patch, clear))
}

/// Reads the caller's cart.
#[utoipa::path(
    get, path = "/v1/cart", tag = "cart", operation_id = "readCart",
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn read(State(state): State<AppState>, incoming: Incoming) -> Result<Response, Problem> {
    let addressed = incoming.own_cart()?;
    if matches!(&addressed.address, CartAddress::Own { principal: Principal::Nobody, .. }) {
        return Err(Problem::unauthenticated());
    }
    read_at(&state, &incoming, &addressed).await
}

pub(super) async fn read_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
) -> Result<Response, Problem> {
    let presented = incoming.presented(state)?;
    let reply = Reply { state, incoming, origin: addressed.origin };
    let is_current = |encoded: &Encoded| encoded.is_current(state);
    Ok(match state.service.read_own_or_made(&addressed.address, &presented, is_current).await? {
        Read::Made(encoded) => reply.read_again(&encoded),
        Read::Answer(answer) => reply.read(&answer),
    })
}

/// Clears what was seen of the cart; without `seen`, what the server sees in it.
#[utoipa::path(
    delete, path = "/v1/cart", tag = "cart", operation_id = "clearCart",
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn clear(State(state): State<AppState>, incoming: Incoming) -> Result<Response, Problem> {
    let addressed = incoming.own_cart()?;
    clear_at(&state, &incoming, &addressed).await
}

pub(super) async fn clear_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
) -> Result<Response, Problem> {
    let token = incoming.query("seen")?;
    let change = seen(state, token.as_deref()).map(|seen| Change::Clear { list: List::Cart, seen });
    change_at(state, incoming, addressed, change?).await
}

/// Executes one change and answers the cart.
pub(super) async fn change_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
    change: Change,
) -> Result<Response, Problem> {
    let (identity, conditions) = (incoming.identity()?, incoming.conditions(state)?);
    let request = Request { address: &addressed.address, identity: &identity, conditions: &conditions };
    let reply = Reply { state, incoming, origin: addressed.origin };
    let changed = if incoming.wants_minimal() {
        state.service.change_unseen(&request, change).await
    } else {
        // In a box of its own: it is much larger than what most adds need.
        Box::pin(state.service.change(&request, change)).await.map(Box::new).map(Changed::Seen)
    };
    Ok(match changed {
        Ok(Changed::Unseen(acknowledged)) => reply.acknowledged(&acknowledged),
        Ok(Changed::Seen(answer)) => reply.changed(&answer),
        Err(error) => reply.refused(&error),
    })
}

/// Makes many changes in one request; each stands alone, unless `Evercart-Atomic: true`.
#[utoipa::path(
    patch, path = "/v1/cart", tag = "cart", operation_id = "changeCart",
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
async fn patch(State(state): State<AppState>, incoming: Incoming) -> Result<Response, Problem> {
    let addressed = incoming.own_cart()?;
    patch_at(&state, &incoming, &addressed, Trust::Shopper).await
}

/// Puts the whole cart back: a three-way merge with what was shown.
#[utoipa::path(
    put, path = "/v1/cart", tag = "cart", operation_id = "replaceCart",
    request_body(content = PutBody, example = json!({"lines": [{"sku": "MUG-BLUE", "quantity": 2}], "seen": "…"})),
    responses((status = 200, description = "The cart.", body = CartJson<'static>)),
)]
async fn put(State(state): State<AppState>, incoming: Incoming) -> Result<Response, Problem> {
    let addressed = incoming.own_cart()?;
    put_at(&state, &incoming, &addressed, Trust::Shopper).await
}
