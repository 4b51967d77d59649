//! Orders: `GET /v1/orders` and `/v1/orders/{id}` for whoever bought, returns for services of the shop.

use super::{
    AppState,
    answer::json,
    checkout::{parse, private, problem},
    incoming::Incoming,
    openapi::schema::NameText,
    order_json::OrderJson,
    page::{self, Asked},
    values::{quantity, sku},
};
use crate::{
    auth::{Caller, Scope},
    problem::{Problem, kind},
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use cart::{line::Sku, quantity::Quantity};
use checkout::TxId;
use serde::{Deserialize, Serialize};
use service::{
    CartAddress, Identity, Principal,
    checkout::{Return, State as Progressed},
    sessions::ACTIVE,
};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(take_back))
}

/// Orders on a page where nobody says otherwise, and at most.
const LIMIT: usize = 20;
const LIMIT_MAX: usize = 100;

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderList)]
struct OrderListJson {
    /// The newest first.
    orders: Vec<OrderJson>,
    /// For `after`; null at the end.
    next: Option<String>,
}

/// Lists the caller's orders, with those of guests whose carts were merged in.
#[utoipa::path(
    get, path = "/v1/orders", tag = "checkout", operation_id = "listOrders",
    params(
        ("limit" = Option<u8>, Query, description = "Orders on a page; 20 without.", minimum = 1, maximum = 100),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "A page of orders.", body = OrderListJson)),
)]
async fn list(State(state): State<AppState>, caller: Caller, asked: Asked) -> Result<Response, Problem> {
    let address = own(caller)?;
    let limit = asked.limit(LIMIT, LIMIT_MAX)?;
    let after = asked.after(TxId::parse)?;
    let page = state.service.orders(&address, after, limit).await.map_err(problem)?;
    let orders = page.orders.iter().map(|order| OrderJson::of(order, Progressed::Committed)).collect();
    let list = OrderListJson { orders, next: page.next.map(|next| next.to_string()) };
    let mut headers = private();
    if let Some(next) = &list.next {
        page::next(&mut headers, "/v1/orders", &format!("limit={limit}&after={next}"));
    }
    Ok(json(StatusCode::OK, headers, &list))
}

fn own(caller: Caller) -> Result<CartAddress, Problem> {
    match caller.shopper()? {
        (Principal::Nobody, _) => Err(Problem::unauthenticated()),
        (principal, _) => Ok(CartAddress::Own { principal, name: ACTIVE.to_owned() }),
    }
}

/// Shows an order of the caller; to a service with the scope `orders`, any.
#[utoipa::path(
    get, path = "/v1/orders/{id}", tag = "checkout", operation_id = "showOrder",
    params(("id" = String, Path, description = "The order.")),
    responses((status = 200, description = "The order.", body = OrderJson)),
)]
async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let order = if let Caller::Service { .. } = &caller {
        caller.require(Scope::Orders)?;
        state.service.any_order(parse(&id)?).await
    } else {
        state.service.order(&own(caller)?, parse(&id)?).await
    };
    let order = order.map_err(problem)?;
    Ok(json(StatusCode::OK, private(), &OrderJson::of(&order, Progressed::Committed)))
}

/// What comes back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReturnBody {
    lines: Vec<ReturnLine>,
    /// False of what cannot be sold again.
    #[serde(default = "yes")]
    restock: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReturnLine {
    #[schema(value_type = NameText)]
    #[serde(deserialize_with = "sku")]
    sku: Sku,
    #[schema(value_type = u32, minimum = 1, maximum = 999_999)]
    #[serde(deserialize_with = "quantity")]
    quantity: Quantity,
}

fn yes() -> bool {
    true
}

/// What has come back of an order so far.
#[derive(Debug, Serialize, ToSchema)]
struct Returned {
    order: String,
    /// Units by SKU.
    returned: BTreeMap<String, u64>,
}

/// Takes units of an order back, all that are named or none, and puts them back into stock.
#[utoipa::path(
    post, path = "/v1/orders/{id}/returns", tag = "service: inventory", operation_id = "takeBack",
    params(("id" = String, Path, description = "The order.")),
    request_body(content = ReturnBody, example = json!({"lines": [{"sku": "MUG-BLUE", "quantity": 1}]})),
    responses((status = 200, description = "What has come back so far.", body = Returned)),
)]
async fn take_back(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    incoming.caller.require(Scope::Orders)?;
    let (order, key) = (parse(&id)?, required_key(&incoming)?);
    let body: ReturnBody = incoming.json()?;
    let mut units: BTreeMap<Sku, u64> = BTreeMap::new();
    for line in body.lines {
        *units.entry(line.sku).or_default() += u64::from(line.quantity.get());
    }
    if units.is_empty() {
        return Err(Problem::invalid("/lines", "must name what comes back"));
    }
    let request = Return { order, units, restock: body.restock, key };
    let returned = state.service.take_back(&request).await.map_err(problem)?;
    let returned = returned.into_iter().map(|(sku, units)| (sku.to_string(), units)).collect();
    Ok(json(StatusCode::OK, private(), &Returned { order: order.to_string(), returned }))
}

/// The key of a request, where it has one.
pub(super) fn named_key(incoming: &Incoming) -> Result<Option<String>, Problem> {
    Ok(match incoming.identity()? {
        Identity::Key { key, .. } => Some(key),
        Identity::Client(dot) => Some(format!("op {:x}.{}", dot.writer.0, dot.seq)),
        Identity::Unnamed => None,
    })
}

/// The key that makes a change of stock happen once: without it a retry would count twice.
pub(super) fn required_key(incoming: &Incoming) -> Result<String, Problem> {
    match named_key(incoming)? {
        Some(key) => Ok(key),
        None => Err(Problem::new(
            kind::BAD_HEADER,
            "`Idempotency-Key`: a change of stock needs one, so that it happens once",
        )),
    }
}
