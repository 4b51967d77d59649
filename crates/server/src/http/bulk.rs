//! `PATCH /v1/cart`: many changes in one request, each with a result of its own, or all or nothing.
//!
//! What does not fit the interface refuses the request, with a pointer to the member; what cannot be done to this cart
//! is refused by itself.

use super::{
    AppState,
    answer::Reply,
    body,
    change::{AddBody, ListName, Trust, line_change},
    incoming::{Addressed, Incoming, seen},
    openapi::schema::Operation,
    values::{check_fields, target},
};
use crate::problem::{Problem, kind};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use cart::{line::Texts, quantity::Target, token::Receipt};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use service::{
    CartAnswer, LineOperation, ServiceError,
    carts::{Change, ChangeOutcome, Request},
};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Many changes of a cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchBody {
    /// In the order in which they are done.
    #[schema(value_type = Vec<Operation>, max_items = 1000)]
    ops: Vec<Value>,
    /// A receipt that is too long for the header `Evercart-Receipt`.
    #[serde(default)]
    receipt: Option<String>,
}

/// Sets how many units a line has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetOperation {
    line: String,
    #[schema(value_type = u32, minimum = 0, maximum = 999_999)]
    #[serde(deserialize_with = "target")]
    quantity: Target,
    #[serde(default)]
    seen: Option<String>,
}

/// Removes what was seen of a line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveOperation {
    line: String,
    #[serde(default)]
    seen: Option<String>,
}

/// Saves a line for later, or takes it back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MoveOperation {
    line: String,
    to: ListName,
    #[serde(default)]
    seen: Option<String>,
}

/// Empties a list of what was seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClearOperation {
    #[serde(default)]
    list: ListName,
    #[serde(default)]
    seen: Option<String>,
}

/// Replaces the attributes of a line, or sets and removes fields of the cart.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnnotateOperation {
    #[serde(default)]
    line: Option<String>,
    #[serde(default)]
    attributes: Option<Texts>,
    #[serde(default)]
    fields: Option<BTreeMap<SmolStr, Option<SmolStr>>>,
    #[serde(default)]
    seen: Option<String>,
}

/// Executes the changes and answers a result for each.
pub(super) async fn patch_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
    trust: Trust,
) -> Result<Response, Problem> {
    let PatchBody { ops, receipt } = incoming.json()?;
    let operations_max = state.config.http.bulk_operations_max;
    if ops.len() > operations_max {
        return Err(Problem::invalid("/ops", format!("at most {operations_max} operations")));
    }
    let count = ops.len();
    let changes = ops.into_iter().enumerate().map(|(index, operation)| {
        change(state, trust, operation).map_err(|problem| problem.below(&format!("/ops/{index}")))
    });
    let changes = changes.collect::<Result<Vec<_>, Problem>>()?;
    let (identity, mut conditions) = (incoming.identity()?, incoming.conditions(state)?);
    if let Some(token) = receipt {
        let receipt = Receipt::from_token(&token, &state.keys.tokens());
        let foreign = |_| Problem::invalid("/receipt", "not a token of this shop");
        conditions.presented.receipt = Some(receipt.map_err(foreign)?);
    }
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

/// The change that an operation asks for. The outer error refuses the whole request, the inner one this operation
/// alone.
fn change(state: &AppState, trust: Trust, operation: Value) -> Result<Result<Change, ServiceError>, Problem> {
    let Value::Object(mut members) = operation else {
        return Err(Problem::invalid("", "must be an object with the member `op`"));
    };
    let name = members.remove("op").ok_or_else(|| Problem::invalid("", "missing field `op`"))?;
    let rest = Value::Object(members);
    Ok(match name.as_str().unwrap_or_default() {
        "add" => Ok(read::<AddBody>(rest)?.change(trust)?),
        "set" => {
            let SetOperation { line, quantity, seen } = read(rest)?;
            line_change(state, &line, seen.as_deref(), LineOperation::Set(quantity))
        }
        "remove" => {
            let RemoveOperation { line, seen } = read(rest)?;
            line_change(state, &line, seen.as_deref(), LineOperation::Remove)
        }
        "move" => {
            let MoveOperation { line, to, seen } = read(rest)?;
            line_change(state, &line, seen.as_deref(), LineOperation::Move(to.list()))
        }
        "clear" => {
            let ClearOperation { list, seen: token } = read(rest)?;
            seen(state, token.as_deref()).map(|seen| Change::Clear { list: list.list(), seen })
        }
        "annotate" => annotate(state, read(rest)?)?,
        _ => {
            let detail = "must be one of `add`, `set`, `remove`, `move`, `clear`, `annotate`";
            return Err(Problem::invalid("/op", detail));
        }
    })
}

fn read<T: DeserializeOwned>(operation: Value) -> Result<T, Problem> {
    body::parse_value(operation)
}

fn annotate(state: &AppState, operation: AnnotateOperation) -> Result<Result<Change, ServiceError>, Problem> {
    match operation {
        AnnotateOperation { line: Some(line), attributes: Some(texts), fields: None, seen } => {
            Ok(line_change(state, &line, seen.as_deref(), LineOperation::Annotate(texts)))
        }
        AnnotateOperation { line: None, attributes: None, fields: Some(fields), seen: None } => {
            check_fields(&fields)?;
            Ok(Ok(Change::Fields(fields)))
        }
        _ => Err(Problem::invalid("", "`annotate` takes either `line` with `attributes`, or `fields`")),
    }
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
fn refused_whole(reply: &Reply<'_>, results: Vec<Value>, answer: &CartAnswer) -> Response {
    let detail = "`Evercart-Atomic` was asked for, and an operation was rejected";
    let mut problem = Problem::new(kind::ATOMIC_REJECTED, detail);
    problem.members.insert("results".to_owned(), Value::Array(results));
    problem.members.insert("cart".to_owned(), reply.cart(answer, &answer.view()));
    problem.into_response()
}
