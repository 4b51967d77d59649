//! Checking out: `POST /v1/cart/checkout`, and what becomes of it under `/v1/checkouts/{id}`.

use super::{
    AppState,
    answer::{Reply, etag, json},
    headers::REPLAYED,
    incoming::{Addressed, Incoming},
    openapi::schema::{CartIdText, PriceBody},
    order_json::{OrderJson, money},
    values::price,
    wire::CartJson,
};
use crate::{
    auth::{Scope, SessionOrigin},
    problem::{Problem, kind},
};
use ::cart::CartId;
use ::cart::money::Money;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use checkout::TxId;
use serde::Deserialize;
use serde_json::{Map, Value, json as value};
use service::{
    CartAddress, CartAnswer, Identity, Principal,
    checkout::{CheckoutError, CheckoutRequest, Progress, Refusal},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(check_out))
        .routes(routes!(check_out_by_id))
        .routes(routes!(show))
        .routes(routes!(cancel))
        .routes(routes!(confirm))
}

/// What the shopper says yes to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CheckoutBody {
    /// The total as it was shown, with tax and shipping.
    #[schema(value_type = Option<PriceBody>)]
    #[serde(default, deserialize_with = "price")]
    accept_total: Option<Money>,
}

/// A checkout with the cart as it is after it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct CheckoutAnswer<'a> {
    #[schema(inline)]
    #[serde(flatten)]
    order: OrderJson,
    cart: CartJson<'a>,
    /// What the shopper must do first, as the payment hook said it.
    #[schema(nullable = false)]
    action: Option<Value>,
}

/// Buys what the caller's cart shows as sellable: completely, or not at all.
#[utoipa::path(
    post, path = "/v1/cart/checkout", tag = "checkout", operation_id = "checkOut",
    request_body(content = CheckoutBody, example = json!({"accept_total": {"amount": 550, "currency": "GBP"}})),
    responses(
        (status = 201, description = "An order, or one that needs the shopper; with the cart.", body = CheckoutAnswer<'static>),
        (status = 200, description = "The same key, or the same lines, were bought before.", body = CheckoutAnswer<'static>),
    ),
)]
async fn check_out(State(state): State<AppState>, incoming: Incoming) -> Result<Response, Problem> {
    check_out_at(&state, &incoming, own(&incoming)?).await
}

/// The caller's own cart; of a caller who is somebody.
fn own(incoming: &Incoming) -> Result<Addressed, Problem> {
    let addressed = incoming.own_cart()?;
    if matches!(&addressed.address, CartAddress::Own { principal: Principal::Nobody, .. }) {
        return Err(Problem::unauthenticated());
    }
    Ok(addressed)
}

/// Buys what any cart shows as sellable.
#[utoipa::path(
    post, path = "/v1/carts/{id}/checkout", tag = "service: carts", operation_id = "checkOutById",
    params(("id" = CartIdText, Path, description = "The cart.")),
    request_body(content = CheckoutBody, example = json!({"accept_total": {"amount": 550, "currency": "GBP"}})),
    responses(
        (status = 201, description = "An order, or one that needs the shopper; with the cart.", body = CheckoutAnswer<'static>),
        (status = 200, description = "The same key, or the same lines, were bought before.", body = CheckoutAnswer<'static>),
    ),
)]
async fn check_out_by_id(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    incoming.caller.require(Scope::Carts)?;
    let cart = CartId::parse(&id).ok_or_else(Problem::not_found)?;
    let addressed = Addressed { address: CartAddress::Id(cart), origin: SessionOrigin::Header };
    check_out_at(&state, &incoming, addressed).await
}

async fn check_out_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: Addressed,
) -> Result<Response, Problem> {
    let CheckoutBody { accept_total } = incoming.json_or_default()?;
    let key = match incoming.identity()? {
        Identity::Key { key, payload, .. } => Some((key, payload)),
        Identity::Client(dot) => Some((format!("op {:x}.{}", dot.writer.0, dot.seq), Vec::new())),
        Identity::Unnamed => None,
    };
    let presented = incoming.presented(state)?;
    let reply = Reply { state, incoming, origin: addressed.origin };
    let request = CheckoutRequest { address: addressed.address, key, accept_total, presented };
    match state.service.check_out(&request).await {
        Ok((progress, cart)) => Ok(bought(&reply, &progress, &cart)),
        Err(error) => Ok(refused(&reply, error)),
    }
}

fn bought(reply: &Reply<'_>, progress: &Progress, cart: &CartAnswer) -> Response {
    let status = if progress.is_replayed { StatusCode::OK } else { StatusCode::CREATED };
    let mut response = reply.beside(status, shown(progress), cart);
    if progress.is_replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn shown(progress: &Progress) -> Map<String, Value> {
    let order = serde_json::to_value(OrderJson::of(&progress.order, progress.state)).unwrap_or_default();
    let mut members = match order {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let action = progress.action.as_deref().and_then(|action| serde_json::from_str(action).ok());
    members.extend(action.map(|action: Value| ("action".to_owned(), action)));
    members
}

/// A refusal, with the cart as it is now.
pub(super) fn refused(reply: &Reply<'_>, error: CheckoutError) -> Response {
    let CheckoutError::Refused(refused) = error else { return problem(error).into_response() };
    let (refusal, current) = *refused;
    let mut problem = of(refusal);
    let Some(current) = current else { return problem.into_response() };
    problem.members.insert("cart".to_owned(), reply.cart(&current, &current.view()));
    let mut response = problem.into_response();
    response.headers_mut().extend(reply.headers(&current, etag(&current)));
    response
}

/// The same without a cart.
pub(super) fn problem(error: CheckoutError) -> Problem {
    match error {
        CheckoutError::Service(error) => error.into(),
        CheckoutError::Refused(refused) => of(refused.0),
    }
}

fn of(refusal: Refusal) -> Problem {
    let plain = |kind, detail: &str| Problem::new(kind, detail);
    let named = |kind, detail: &str, tx: TxId| Problem::new(kind, detail).with("checkout", tx.to_string());
    match refusal {
        Refusal::Empty => plain(kind::EMPTY_CHECKOUT, "nothing in this cart can be bought now"),
        Refusal::NoConsent => Problem::new(kind::CONSENT_REQUIRED, "send `accept_total`"),
        Refusal::PriceChanged { total, tax, shipping } => {
            let amount = |amount| money(Money { amount, currency: total.currency });
            plain(kind::PRICE_CHANGED, "the cart does not cost `accept_total`; `total` is what it costs")
                .with("total", money(total))
                .with("tax", amount(tax))
                .with("shipping", amount(shipping))
        }
        Refusal::OutOfStock(shortages) => {
            let shortages: Vec<Value> = shortages
                .iter()
                .map(|short| {
                    value!({
                        "sku": &*short.sku, "wanted": short.wanted, "available": short.available,
                        "by": if short.is_limit { "customer_limit" } else { "stock" },
                    })
                })
                .collect();
            plain(kind::OUT_OF_STOCK, "`shortages` says what there is").with("shortages", shortages)
        }
        Refusal::QuantityClamped(lines) => {
            let quantities: Vec<Value> = lines
                .iter()
                .map(|(line, sellable)| value!({"line": line.to_string(), "sellable": sellable}))
                .collect();
            plain(kind::QUANTITY_CLAMPED, "`quantities` says how many can be bought")
                .with("quantities", quantities)
        }
        Refusal::LinesChanged => plain(kind::LINES_CHANGED, "the current cart is in `cart`"),
        Refusal::Busy(tx) => named(kind::BUSY, "`checkout` has this cart, and can be cancelled", tx),
        Refusal::InProgress(tx) => named(kind::CHECKOUT_IN_PROGRESS, "`checkout` is under way", tx),
        Refusal::CartMoved => plain(kind::CART_MOVED, "an account has taken this guest's cart in"),
        Refusal::Declined(tx) => named(kind::PAYMENT_DECLINED, "nothing was bought", tx),
        Refusal::Aborted(tx) => named(kind::CHECKOUT_ABORTED, "nothing was bought", tx),
        Refusal::KeyReused => plain(kind::IDEMPOTENCY_KEY_REUSED, "the key came with another body before"),
        Refusal::Unavailable(tx) => {
            let away = Problem::checkout_unavailable();
            match tx {
                Some(tx) => away.with("checkout", tx.to_string()),
                None => away,
            }
        }
        Refusal::Unknown => plain(kind::UNKNOWN_CHECKOUT, "the caller has no checkout of this id"),
        Refusal::Overflow => plain(kind::LIMIT_EXCEEDED, "the total is more than can be written down"),
        Refusal::ReturnExceeds(sku, left) => {
            let detail = format!("of `{sku}` at most {left} can still come back");
            Problem::new(kind::RETURN_EXCEEDS_ORDER, detail).with("sku", sku.to_string()).with("left", left)
        }
    }
}

/// Shows how far a checkout of the caller is.
#[utoipa::path(
    get, path = "/v1/checkouts/{id}", tag = "checkout", operation_id = "showCheckout",
    params(("id" = String, Path, description = "The checkout.")),
    responses((status = 200, description = "How far it is.", body = OrderJson)),
)]
async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let (address, tx) = (own(&incoming)?.address, parse(&id)?);
    let progress = state.service.checkout(&address, tx).await.map_err(problem)?;
    Ok(json(StatusCode::OK, private(), &shown(&progress)))
}

/// Ends a checkout that is not decided; one that is an order stays one, and is answered.
#[utoipa::path(
    post, path = "/v1/checkouts/{id}/cancel", tag = "checkout", operation_id = "cancelCheckout",
    params(("id" = String, Path, description = "The checkout.")),
    responses((status = 200, description = "How it ended.", body = OrderJson)),
)]
async fn cancel(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let (address, tx) = (own(&incoming)?.address, parse(&id)?);
    let progress = state.service.cancel_checkout(&address, tx).await.map_err(problem)?;
    Ok(json(StatusCode::OK, private(), &shown(&progress)))
}

/// Goes on with a checkout whose shopper has acted.
#[utoipa::path(
    post, path = "/v1/checkouts/{id}/confirm", tag = "checkout", operation_id = "confirmCheckout",
    params(("id" = String, Path, description = "The checkout.")),
    responses(
        (status = 201, description = "An order, or one that still needs the shopper; with the cart.", body = CheckoutAnswer<'static>),
        (status = 200, description = "It was one before.", body = CheckoutAnswer<'static>),
    ),
)]
async fn confirm(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let (addressed, tx) = (own(&incoming)?, parse(&id)?);
    let reply = Reply { state: &state, incoming: &incoming, origin: addressed.origin };
    match state.service.confirm_checkout(&addressed.address, tx).await {
        Ok((progress, cart)) => Ok(bought(&reply, &progress, &cart)),
        Err(error) => Ok(refused(&reply, error)),
    }
}

pub(super) fn parse(id: &str) -> Result<TxId, Problem> {
    TxId::parse(id).ok_or_else(|| of(Refusal::Unknown))
}

pub(super) fn private() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(axum::http::header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers
}

#[cfg(test)]
mod tests {
    use crate::http::order_json::name;
    use service::checkout::State as Progressed;

    #[test]
    fn every_state_has_a_name_of_its_own() {
        let all =
            [Progressed::Pending, Progressed::RequiresAction, Progressed::Committed, Progressed::Aborted];
        let names: std::collections::BTreeSet<_> = all.into_iter().map(name).collect();
        assert_eq!(names.len(), all.len());
    }
}
