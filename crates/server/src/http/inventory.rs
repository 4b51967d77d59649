//! The shop's stock: `/v1/inventory`, `/v1/holds` and what product pages show of it.

use super::{
    AppState,
    answer::json,
    body,
    checkout::{parse, private, problem},
    incoming::Incoming,
    ndjson::{self, NDJSON},
    openapi::schema::NameText,
    orders::{named_key, required_key},
    page::{self, Asked},
    values::optional_whole,
    wire::rfc3339,
};
use crate::{
    auth::{Caller, Scope},
    problem::Problem,
};
use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cart::{Timestamp, line::Sku};
use checkout::stock::{Change, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use service::inventory::{HeldUnits, Level, ShelfChange, StockChange};
use storage::DueCursor;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show, count))
        .routes(routes!(adjust))
        .routes(routes!(put_stock))
        .routes(routes!(list_holds))
        .routes(routes!(release))
        .routes(routes!(counted))
}

/// What product pages ask: anybody may.
pub(super) fn public() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(availability))
}

/// Units of one change at most: more is a mistake of whoever counted.
const UNITS_MAX: i64 = 1_000_000_000;
/// Seconds for which others may keep what a product page shows.
const SHOWN_S: u32 = 2;

/// Units of a SKU, over all parts of its stock.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stock)]
struct StockJson {
    sku: String,
    /// That can be bought now.
    available: u64,
    /// Put aside for checkouts under way.
    held: u64,
    /// Sold, ever.
    sold: u64,
    /// Put here by the shop, ever, less corrections.
    restocked: u64,
    /// That corrections should have taken and were held or sold.
    short: u64,
    /// Parts that sell at once.
    buckets: usize,
    /// Units that one customer may buy in all.
    customer_limit: Option<u64>,
}

impl StockJson {
    fn of(sku: &Sku, level: Level) -> Self {
        let Level { available, held, sold, restocked, short, buckets, limit } = level;
        let sku = sku.to_string();
        Self { sku, available, held, sold, restocked, short, buckets, customer_limit: limit }
    }
}

/// Shows the stock of a SKU; 404 where it is not tracked and sells freely.
#[utoipa::path(
    get, path = "/v1/inventory/{sku}", tag = "service: inventory", operation_id = "showStock",
    params(("sku" = NameText, Path, description = "The SKU.")),
    responses((status = 200, description = "Its stock.", body = StockJson)),
)]
async fn show(
    State(state): State<AppState>,
    Path(sku): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.require(Scope::Inventory)?;
    shown(&state, &sku_of(&sku)?).await
}

async fn shown(state: &AppState, sku: &Sku) -> Result<Response, Problem> {
    let level = state.service.stock_level(sku).await.map_err(|error| Problem::from(&error))?;
    let level = level.ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, private(), &StockJson::of(sku, level)))
}

fn sku_of(text: &str) -> Result<Sku, Problem> {
    Sku::parse(text).ok_or_else(Problem::not_found)
}

/// What somebody has counted, and what the shop decides. What is not named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CountBody {
    /// Units that are there, held ones among them.
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 1_000_000_000)]
    #[serde(default, deserialize_with = "optional_whole")]
    on_hand: Option<u32>,
    /// Parts that sell at once: more for what sells fast.
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 64)]
    #[serde(default, deserialize_with = "optional_whole")]
    buckets: Option<u16>,
    /// Units that one customer may buy in all; null for as many as there are.
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 1_000_000_000)]
    #[serde(default, deserialize_with = "named")]
    customer_limit: Option<Option<u32>>,
    #[serde(default)]
    reason: String,
}

fn named<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    optional_whole(deserializer).map(Some)
}

/// Sets what was counted of a SKU, which is tracked from then on.
#[utoipa::path(
    put, path = "/v1/inventory/{sku}", tag = "service: inventory", operation_id = "countStock",
    params(("sku" = NameText, Path, description = "The SKU.")),
    request_body(content = CountBody, example = json!({"on_hand": 100})),
    responses((status = 200, description = "Its stock.", body = StockJson)),
)]
async fn count(
    State(state): State<AppState>,
    Path(sku): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    incoming.caller.require(Scope::Inventory)?;
    let sku = sku_of(&sku)?;
    let body: CountBody = incoming.json()?;
    if body.on_hand.is_some_and(|units| i64::from(units) > UNITS_MAX) {
        return Err(Problem::invalid("/on_hand", format!("at most {UNITS_MAX}")));
    }
    if body.buckets.is_some_and(|buckets| !(1..=checkout::shelf::BUCKETS_MAX).contains(&buckets)) {
        return Err(Problem::invalid("/buckets", format!("1 to {}", checkout::shelf::BUCKETS_MAX)));
    }
    if body.customer_limit.flatten().is_some_and(|units| i64::from(units) > UNITS_MAX) {
        return Err(Problem::invalid("/customer_limit", format!("at most {UNITS_MAX}")));
    }
    let limit = body.customer_limit.map(|limit| limit.map(u64::from));
    let shelf = ShelfChange { buckets: body.buckets, limit };
    state.service.change_shelf(&sku, shelf).await.map_err(Problem::from)?;
    if let Some(units) = body.on_hand {
        // A count may be repeated: it says what is there. A key makes the repeat of an old one harmless.
        let key = match named_key(&incoming)? {
            Some(key) => key,
            None => format!("count {:032x}", rand::random::<u128>()),
        };
        let change = Change::Count(u64::from(units));
        let change = StockChange { sku: sku.clone(), change, reason: body.reason, key };
        state.service.change_stock(&change).await.map_err(Problem::from)?;
    }
    shown(&state, &sku).await
}

/// A delivery, or a correction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdjustmentBody {
    /// Units that came in; negative: that turned out not to be there.
    #[schema(value_type = i64, minimum = -1_000_000_000, maximum = 1_000_000_000)]
    #[serde(deserialize_with = "whole_number")]
    quantity: i64,
    /// Why, for the record.
    reason: String,
}

fn whole_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    optional_whole(deserializer)?.ok_or_else(|| serde::de::Error::custom("must be a whole number"))
}

/// What an adjustment came to.
#[derive(Debug, Serialize, ToSchema)]
struct Adjusted {
    sku: String,
    added: u64,
    taken: u64,
    /// That should have been taken and is held or sold.
    short: u64,
}

/// Brings units in, or takes what is available of those that are missing. Once by its key.
#[utoipa::path(
    post, path = "/v1/inventory/{sku}/adjustments", tag = "service: inventory", operation_id = "adjustStock",
    params(("sku" = NameText, Path, description = "The SKU.")),
    request_body(content = AdjustmentBody, example = json!({"quantity": 100, "reason": "restock"})),
    responses((status = 200, description = "What it came to.", body = Adjusted)),
)]
async fn adjust(
    State(state): State<AppState>,
    Path(sku): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    incoming.caller.require(Scope::Inventory)?;
    let (sku, key) = (sku_of(&sku)?, required_key(&incoming)?);
    let body: AdjustmentBody = incoming.json()?;
    let change = change_of(body.quantity)?;
    let change = StockChange { sku: sku.clone(), change, reason: body.reason, key };
    let Outcome { added, taken, short } = state.service.change_stock(&change).await.map_err(Problem::from)?;
    Ok(json(StatusCode::OK, private(), &Adjusted { sku: sku.to_string(), added, taken, short }))
}

fn change_of(quantity: i64) -> Result<Change, Problem> {
    match quantity {
        0..=UNITS_MAX => Ok(Change::Restock(quantity.unsigned_abs())),
        less if (-UNITS_MAX..0).contains(&less) => Ok(Change::Remove(less.unsigned_abs())),
        _ => Err(Problem::invalid("/quantity", format!("at most {UNITS_MAX} either way"))),
    }
}

/// A line of a bulk change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StockLine {
    sku: String,
    #[serde(default, deserialize_with = "optional_whole")]
    on_hand: Option<u32>,
    #[serde(default, deserialize_with = "optional_whole")]
    quantity: Option<i64>,
    #[serde(default)]
    reason: String,
    key: String,
}

/// Changes the stock of many SKUs, one JSON object a line; answers a result a line, and bad lines never stop good ones.
#[utoipa::path(
    put, path = "/v1/inventory", tag = "service: inventory", operation_id = "putStock",
    request_body(
        content = String,
        content_type = "application/x-ndjson",
        description = "A line has `sku`, `key`, and `on_hand` or `quantity`; `reason` where there is one.",
        example = "{\"sku\":\"MUG-BLUE\",\"on_hand\":100,\"key\":\"count 7\"}\n",
    ),
    responses(
        (
            status = 200,
            description = "A result a line: `line`, `sku`, `status` (`changed` or `rejected`), and what it came to.",
            body = String,
            content_type = "application/x-ndjson",
            example = "{\"line\":1,\"sku\":\"MUG-BLUE\",\"status\":\"changed\",\"added\":100,\"taken\":0,\"short\":0}\n",
        ),
    ),
)]
async fn put_stock(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Scope::Inventory)?;
    let lines = ndjson::lines(request, state.config.http.bulk_bytes_max).await?;
    let mut text = String::new();
    for (bytes, number) in lines {
        let result = match stock_line(&state, &bytes).await {
            Ok((sku, Outcome { added, taken, short })) => value!({
                "line": number, "sku": &*sku, "status": "changed", "added": added, "taken": taken, "short": short,
            }),
            Err(problem) => {
                value!({"line": number, "status": "rejected", "code": problem.code, "message": problem.detail()})
            }
        };
        text.push_str(&result.to_string());
        text.push('\n');
    }
    Ok(([(header::CONTENT_TYPE, NDJSON)], text).into_response())
}

async fn stock_line(state: &AppState, bytes: &[u8]) -> Result<(Sku, Outcome), Problem> {
    let line: StockLine = body::parse(bytes)?;
    let sku = Sku::parse(&line.sku)
        .ok_or_else(|| Problem::invalid("/sku", "1 to 128 bytes without control characters"))?;
    let change = match (line.on_hand, line.quantity) {
        (Some(units), None) if i64::from(units) <= UNITS_MAX => Change::Count(u64::from(units)),
        (None, Some(quantity)) => change_of(quantity)?,
        _ => return Err(Problem::invalid("", "one of `on_hand` and `quantity`")),
    };
    if line.key.is_empty() {
        return Err(Problem::invalid("/key", "must name the change"));
    }
    let change = StockChange { sku: sku.clone(), change, reason: line.reason, key: line.key };
    Ok((sku, state.service.change_stock(&change).await.map_err(Problem::from)?))
}

/// Records looked at for a page where nobody says otherwise, and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Some holds of checkouts under way.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HoldList)]
struct HoldListJson {
    #[schema(value_type = Vec<Hold>)]
    holds: Vec<Value>,
    /// For `after`; null at the end.
    next: Option<String>,
}

/// Units that a checkout has put aside.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Hold {
    sku: String,
    owner: String,
    checkout: String,
    cart: String,
    quantity: u64,
    #[schema(format = DateTime)]
    until: String,
}

/// Lists what checkouts under way have put aside, the earliest to be asked about first.
#[utoipa::path(
    get, path = "/v1/holds", tag = "service: inventory", operation_id = "listHolds",
    params(
        ("limit" = Option<u16>, Query, description = "Stock records on a page; 100 without.", minimum = 1, maximum = 1000),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "A page of holds.", body = HoldListJson)),
)]
async fn list_holds(
    State(state): State<AppState>,
    caller: Caller,
    asked: Asked,
) -> Result<Response, Problem> {
    caller.require(Scope::Inventory)?;
    let limit = asked.limit(LIMIT, LIMIT_MAX)?;
    let page = state.service.holds(asked.after(cursor_of)?, limit).await.map_err(Problem::from)?;
    let next = page.next.map(|cursor| text_of(&cursor));
    let mut headers = private();
    if let Some(next) = &next {
        page::next(&mut headers, "/v1/holds", &format!("limit={limit}&after={next}"));
    }
    let holds = page.holds.iter().map(held).collect();
    Ok(json(StatusCode::OK, headers, &HoldListJson { holds, next }))
}

fn held(hold: &HeldUnits) -> Value {
    value!({
        "sku": &*hold.sku, "owner": hold.owner, "checkout": hold.tx.to_string(), "cart": hold.cart.to_string(),
        "quantity": hold.quantity, "until": rfc3339(hold.until),
    })
}

fn text_of(cursor: &DueCursor) -> String {
    let bytes = [&cursor.due.0.to_be_bytes()[..], &cursor.key].concat();
    data_encoding::BASE64URL_NOPAD.encode(&bytes)
}

fn cursor_of(text: &str) -> Option<DueCursor> {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (due, key) = bytes.split_first_chunk()?;
    Some(DueCursor { due: Timestamp(u64::from_be_bytes(*due)), key: bytes::Bytes::copy_from_slice(key) })
}

/// Why somebody ends a checkout by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReleaseBody {
    #[schema(min_length = 1)]
    reason: String,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
struct Released {
    checkout: String,
    /// False where it is an order, which keeps what it holds.
    released: bool,
}

/// Releases what a checkout has put aside, by ending it; an order keeps what it holds.
#[utoipa::path(
    post, path = "/v1/holds/{checkout}/release", tag = "service: inventory", operation_id = "releaseHolds",
    params(("checkout" = String, Path, description = "The checkout.")),
    request_body(content = ReleaseBody, example = json!({"reason": "the shopper called"})),
    responses((status = 200, description = "What became of it.", body = Released)),
)]
async fn release(
    State(state): State<AppState>,
    Path(checkout): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    incoming.caller.require(Scope::Inventory)?;
    let tx = parse(&checkout)?;
    let body: ReleaseBody = incoming.json()?;
    if body.reason.is_empty() {
        return Err(Problem::invalid("/reason", "must say why"));
    }
    let released = state.service.release_holds(tx, &body.reason).await.map_err(problem)?;
    Ok(json(StatusCode::OK, private(), &Released { checkout: tx.to_string(), released }))
}

/// Says that everything was counted after a restore: checkouts are taken again.
#[utoipa::path(
    post, path = "/v1/inventory/counted", tag = "service: inventory", operation_id = "stockCounted",
    responses((status = 204, description = "Checkouts are taken.")),
)]
async fn counted(State(state): State<AppState>, caller: Caller) -> Result<StatusCode, Problem> {
    caller.require(Scope::Inventory)?;
    state.service.counted().await.map_err(Problem::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a product page shows.
#[derive(Debug, Serialize, ToSchema)]
struct Availability {
    sku: String,
    /// `in_stock`, `low_stock` or `out_of_stock`; `untracked` where it sells freely.
    availability: &'static str,
    /// Units, where there are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    available: Option<u64>,
}

/// Shows whether an item can be bought now. Anybody may ask, and keep the answer for a moment.
#[utoipa::path(
    get, path = "/v1/catalog/items/{sku}/availability", tag = "catalogue", operation_id = "showAvailability",
    params(("sku" = NameText, Path, description = "The SKU.")),
    responses((status = 200, description = "Whether it can be bought.", body = Availability)),
)]
async fn availability(State(state): State<AppState>, Path(sku): Path<String>) -> Result<Response, Problem> {
    let sku = sku_of(&sku)?;
    let few = state.service.settings().checkout.low_stock_max;
    let (availability, available) = match state.service.available(&sku).await {
        None => ("untracked", None),
        Some(0) => ("out_of_stock", Some(0)),
        Some(units) if units <= few => ("low_stock", Some(units)),
        Some(_) => ("in_stock", None),
    };
    let mut headers = HeaderMap::new();
    let cache = format!("public, max-age={SHOWN_S}");
    HeaderValue::from_str(&cache).map(|value| headers.insert(header::CACHE_CONTROL, value)).ok();
    Ok(json(StatusCode::OK, headers, &Availability { sku: sku.to_string(), availability, available }))
}
