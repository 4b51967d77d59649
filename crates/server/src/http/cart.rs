//! The caller's cart as a whole: `GET`, `PATCH`, `DELETE /v1/cart`.

use super::{
    AppState,
    answer::Reply,
    change::{OperationBody, Trust},
    incoming::{Addressed, Incoming, seen},
    openapi::schema::BulkAnswer,
    wire::CartJson,
};
use crate::problem::{Problem, kind};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use cart::line::List;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{
    CartAddress, Principal,
    carts::{Change, ChangeOutcome, Request},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read, patch, clear))
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
    let freshness = incoming.freshness(state)?;
    let answer = state.service.read_own(&addressed.address, freshness.as_ref()).await?;
    Ok(Reply { state, incoming, origin: addressed.origin }.read(&answer))
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
    Ok(match state.service.change(&request, change).await {
        Ok(answer) => reply.changed(&answer),
        Err(error) => reply.refused(&error),
    })
}

/// Many changes of a cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchBody {
    /// In the order in which they are done.
    #[schema(max_items = 1000)]
    ops: Vec<OperationBody>,
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

pub(super) async fn patch_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
    trust: Trust,
) -> Result<Response, Problem> {
    let PatchBody { ops } = incoming.json()?;
    let operations_max = state.config.http.bulk_operations_max;
    if ops.len() > operations_max {
        return Err(Problem::invalid("/ops", format!("at most {operations_max} operations")));
    }
    let count = ops.len();
    let changes = ops.into_iter().enumerate().map(|(index, body)| body.change(state, trust, index));
    let changes = changes.collect::<Result<Vec<_>, Problem>>()?;
    let (identity, conditions) = (incoming.identity()?, incoming.conditions(state)?);
    let request = Request { address: &addressed.address, identity: &identity, conditions: &conditions };
    let reply = Reply { state, incoming, origin: addressed.origin };
    let atomic = incoming.wants_atomic()?;
    let (answer, outcomes) = match state.service.change_all(&request, changes, atomic).await {
        Ok(done) => done,
        Err(error) => return Ok(reply.refused(&error)),
    };
    let refused = atomic && outcomes.iter().any(Result::is_err);
    let results: Vec<Value> = if answer.replayed {
        vec![json!({"status": "replayed"}); count]
    } else {
        outcomes.iter().map(|outcome| result(outcome, refused)).collect()
    };
    if refused {
        return Ok(refused_whole(&reply, results, &answer));
    }
    // What was rejected is said, whatever is preferred: headers alone would read as success.
    if incoming.wants_minimal() && outcomes.iter().all(Result::is_ok) {
        return Ok(reply.changed(&answer));
    }
    let members = Map::from_iter([("results".to_owned(), Value::Array(results))]);
    Ok(reply.beside(StatusCode::OK, members, &answer))
}

fn result(outcome: &ChangeOutcome, rolled_back: bool) -> Value {
    match outcome {
        Ok(()) if rolled_back => json!({"status": "not_applied"}),
        Ok(()) => json!({"status": "applied"}),
        Err(error) => {
            let problem = Problem::from(error.as_ref());
            json!({"status": "rejected", "code": problem.code, "message": problem.detail()})
        }
    }
}

/// The answer to an all-or-nothing request of which something was refused.
fn refused_whole(reply: &Reply<'_>, results: Vec<Value>, answer: &service::CartAnswer) -> Response {
    let detail = "`Evercart-Atomic` was asked for, and an operation was rejected";
    let mut problem = Problem::new(kind::ATOMIC_REJECTED, detail);
    problem.members.insert("results".to_owned(), Value::Array(results));
    problem.members.insert("cart".to_owned(), reply.cart(answer, &answer.view()));
    problem.into_response()
}
