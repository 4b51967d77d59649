//! A shop in memory that speaks as much of the HTTP API as the replay uses, for tests of the replay itself.
//!
//! Always holds: carts are what the API promises, unless a [`Planted`] bug or [`Faults`] say otherwise.
//! Deliberately absent: authentication; a bearer token is `guest-…`, `shopper-…` or `service`, and is believed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use parking_lot::Mutex;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::wire;

mod selling;

/// A promise that the stub breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Planted {
    #[default]
    Nothing,
    /// A repeated request takes effect again.
    IgnoresKeys,
    /// Each tenth add is acknowledged and forgotten.
    LosesAdds,
    /// A claim brings one of each line only.
    ClaimsOneOfEach,
    /// A claim is acknowledged, and shows from the second read on. No broken promise, but a late one.
    ClaimsLate,
    /// Items have no title when a guest's cart is read for the first time. No broken promise either.
    ItemsLate,
    /// A clear is acknowledged and not done.
    ClearsNothing,
    /// Guests' carts are empty when they are read for the second time.
    ForgetsLater,
    /// Free lines cost a penny.
    RoundsUp,
    /// One item of the catalogue is refused.
    RefusesAnItem,
    /// A repeated checkout makes another order.
    SellsTwice,
    /// Some orders are not listed.
    HidesOrders,
    /// What is sold is not counted as sold.
    ForgetsSales,
    /// What comes back is not restocked.
    KeepsReturns,
    /// Orders cost a penny more than was agreed.
    Overcharges,
    /// Orders have another country.
    ForgetsFields,
    /// Carts keep what was bought.
    KeepsCarts,
    /// The first checkout of each cart stands still, as after a crash, until it is cancelled. No broken promise.
    LeavesCheckouts,
}

/// How often requests fail; 0 is never.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    /// Each n-th request is refused with 503 before anything is applied.
    pub(super) refuse_each: u64,
    /// Each n-th request is applied, and its answer is lost: 500 comes back.
    pub(super) lose_answer_each: u64,
}

#[derive(Default)]
struct Shop {
    planted: Planted,
    titles: HashMap<String, String>,
    carts: HashMap<String, Cart>,
    keys: HashSet<String>,
    adds: u64,
    counter: selling::Counter,
}

#[derive(Default)]
struct Cart {
    lines: BTreeMap<(String, BTreeMap<String, String>), (i64, i64)>,
    fields: BTreeMap<String, String>,
    merged: HashSet<String>,
    /// The guest whose lines the read after the next one brings.
    late: Option<(u64, String)>,
    version: u64,
    reads: u64,
}

type Shared = Arc<Mutex<Shop>>;

/// Starts the stub on a free port.
pub(super) async fn start(planted: Planted, faults: Faults) -> Url {
    let shop: Shared = Arc::new(Mutex::new(Shop { planted, ..Shop::default() }));
    let count = Arc::new(AtomicU64::new(0));
    let router = Router::new()
        .route("/v1/catalog/items", put(put_items))
        .route("/v1/sessions", post(open_session))
        .route("/v1/sessions/claim", post(claim))
        .route("/v1/carts/{id}/lines", post(add))
        .route("/v1/cart", get(read).delete(clear).patch(change))
        .merge(selling::routes())
        .with_state(shop)
        .layer(middleware::from_fn(move |request, next| fail(faults, count.clone(), request, next)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn fail(faults: Faults, count: Arc<AtomicU64>, request: Request, next: Next) -> Response {
    let count = count.fetch_add(1, Ordering::Relaxed) + 1;
    let is_due = |each: u64| each > 0 && count.is_multiple_of(each);
    if is_due(faults.refuse_each) {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")], "busy").into_response();
    }
    let answer = next.run(request).await;
    if is_due(faults.lose_answer_each) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "lost").into_response();
    }
    answer
}

async fn put_items(State(shop): State<Shared>, body: String) -> String {
    let mut shop = shop.lock();
    let mut results = String::new();
    for line in body.lines() {
        let item: Value = serde_json::from_str(line).unwrap();
        let sku = item["sku"].as_str().unwrap().to_owned();
        let refused = shop.planted == Planted::RefusesAnItem && shop.titles.is_empty();
        let status = if refused { "rejected" } else { "stored" };
        results += &format!("{}\n", json!({"sku": sku, "status": status, "code": "invalid"}));
        shop.titles.insert(sku, item["title"].as_str().unwrap().to_owned());
    }
    results
}

async fn open_session(State(shop): State<Shared>) -> Response {
    let mut shop = shop.lock();
    let id = format!("guest-{}", shop.carts.len());
    shop.carts.insert(id.clone(), Cart::default());
    let body = json!({"token": id, "cart": shop.show(&id)});
    (StatusCode::CREATED, Json(body)).into_response()
}

async fn add(
    State(shop): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<wire::AddLine>,
) -> Response {
    let mut shop = shop.lock();
    if bearer(&headers) != "service" {
        return refuse(StatusCode::FORBIDDEN, "forbidden");
    }
    if !shop.titles.contains_key(&body.sku) {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "unknown_sku");
    }
    if !(1..=999_999).contains(&body.quantity) || body.price.amount < 0 || body.price.currency != "GBP" {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "limit_exceeded");
    }
    if shop.is_replay(&headers) {
        return (StatusCode::NO_CONTENT, [("idempotent-replayed", "true")]).into_response();
    }
    shop.adds += 1;
    if shop.planted == Planted::LosesAdds && shop.adds.is_multiple_of(10) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let surcharge = i64::from(shop.planted == Planted::RoundsUp && body.price.amount == 0);
    let cart = shop.carts.get_mut(&id).unwrap();
    let line = cart.lines.entry((body.sku, body.options)).or_insert((0, body.price.amount + surcharge));
    line.0 += body.quantity;
    cart.version += 1;
    (StatusCode::NO_CONTENT, [("evercart-context", format!("{id}@{}", cart.version))]).into_response()
}

async fn read(State(shop): State<Shared>, headers: HeaderMap) -> Response {
    let id = bearer(&headers);
    let mut shop = shop.lock();
    let forgets = shop.planted == Planted::ForgetsLater && id.starts_with("guest-");
    let cart = shop.carts.entry(id.clone()).or_default();
    cart.reads += 1;
    if forgets && cart.reads > 1 {
        cart.lines.clear();
    }
    if let Some((_, guest)) = cart.late.take_if(|(due, _)| *due <= cart.reads) {
        shop.merge(&id, &guest);
    }
    if let Some(context) = headers.get("evercart-context") {
        assert!(context.to_str().unwrap().starts_with(&id), "{context:?} is not of cart {id}");
    }
    Json(shop.show(&id)).into_response()
}

async fn claim(State(shop): State<Shared>, headers: HeaderMap, Json(body): Json<wire::Claim>) -> Response {
    let id = bearer(&headers);
    let mut shop = shop.lock();
    let late = shop.planted == Planted::ClaimsLate;
    let account = shop.carts.entry(id.clone()).or_default();
    if late {
        account.late = Some((account.reads + 2, body.guest_token));
    } else {
        shop.merge(&id, &body.guest_token);
    }
    let context = [("evercart-context", format!("{id}@{}", shop.carts[&id].version))];
    (context, Json(json!({"merge": {}, "cart": shop.show(&id)}))).into_response()
}

async fn clear(
    State(shop): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    assert!(query["seen"].len() <= 4_096, "a long token belongs into a PATCH");
    let mut shop = shop.lock();
    let cart = shop.clear(&headers, &query["seen"]);
    Json(cart).into_response()
}

async fn change(State(shop): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mut shop = shop.lock();
    if body["ops"][0]["op"] == "annotate" {
        let fields: BTreeMap<String, String> =
            serde_json::from_value(body["ops"][0]["fields"].clone()).unwrap();
        let cart = shop.carts.get_mut(&bearer(&headers)).unwrap();
        cart.fields.extend(fields);
        return StatusCode::NO_CONTENT.into_response();
    }
    assert_eq!((&body["ops"][0]["op"], &body["ops"][0]["list"]), (&json!("clear"), &json!("cart")));
    let cart = shop.clear(&headers, body["ops"][0]["seen"].as_str().unwrap());
    Json(json!({"results": [{"status": "applied"}], "cart": cart})).into_response()
}

impl Shop {
    /// True when the key of this request was used before.
    fn is_replay(&mut self, headers: &HeaderMap) -> bool {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        !self.is_new(&key)
    }

    /// True when a key was not used before.
    fn is_new(&mut self, key: &str) -> bool {
        self.keys.insert(key.to_owned()) || self.planted == Planted::IgnoresKeys
    }

    /// Merges a guest's cart into an account's, once.
    fn merge(&mut self, account: &str, guest: &str) {
        let lines = self.carts[guest].lines.clone();
        let account = self.carts.get_mut(account).unwrap();
        if !account.merged.insert(guest.to_owned()) {
            return;
        }
        account.version += 1;
        for (key, (quantity, price)) in lines {
            let brought = if self.planted == Planted::ClaimsOneOfEach { 1 } else { quantity };
            account.lines.entry(key).or_insert((0, price)).0 += brought;
        }
    }

    fn clear(&mut self, headers: &HeaderMap, seen: &str) -> Value {
        let id = bearer(headers);
        let replay = self.is_replay(headers);
        let clears = self.planted != Planted::ClearsNothing && !replay;
        let cart = self.carts.get_mut(&id).unwrap();
        if clears && seen.trim_end_matches('+') == format!("seen&{}", cart.version) {
            cart.lines.clear();
            cart.version += 1;
        }
        self.show(&id)
    }

    fn show(&self, id: &str) -> Value {
        let money = |amount: i64| json!({"amount": amount, "currency": "GBP"});
        let cart = &self.carts[id];
        let late = self.planted == Planted::ItemsLate && id.starts_with("guest-") && cart.reads < 2;
        let title = |sku: &String| self.titles.get(sku).filter(|_| !late).cloned();
        let show_line = |((sku, options), (quantity, price)): (&(String, BTreeMap<_, _>), &(i64, i64))| {
            json!({
                "id": "l_1", "sku": sku, "options": options, "quantity": quantity, "notices": [],
                "item": {"title": title(sku)}, "unit_price": money(*price),
                "total": money(price * quantity),
            })
        };
        // A token of several lines is longer than a query may be, as a real one would be of many; it needs encoding.
        let padding = if cart.lines.len() > 2 { 5_000 } else { 0 };
        let subtotal = cart.lines.values().map(|(quantity, price)| quantity * price).sum();
        json!({
            "id": id, "currency": "GBP", "saved": [], "fields": cart.fields, "seen": format!("seen&{}{}", cart.version, "+".repeat(padding)),
            "lines": cart.lines.iter().map(show_line).collect::<Vec<_>>(),
            "totals": {"subtotal": money(subtotal)},
        })
    }
}

fn bearer(headers: &HeaderMap) -> String {
    headers["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned()
}

fn refuse(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({"code": code, "title": "refused"}))).into_response()
}
