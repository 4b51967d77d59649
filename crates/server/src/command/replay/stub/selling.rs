//! Stock, checkout, orders and returns of the shop in memory.
//!
//! Always holds: nothing is sold that is not there, and what is sold leaves the cart, unless a [`Planted`] bug says
//! otherwise. Deliberately absent: holds; a checkout happens at once.

use std::collections::{BTreeMap, HashMap};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Planted, Shared, Shop, bearer, refuse};

/// What was sold, and what is there to be sold.
#[derive(Default)]
pub(super) struct Counter {
    /// SKU → available and sold.
    stock: HashMap<String, (i64, i64)>,
    orders: Vec<Order>,
    by_key: HashMap<String, usize>,
    /// Cart → the key of its first checkout, which stands still until it is cancelled.
    stuck: HashMap<String, String>,
    cancelled: Vec<String>,
}

#[derive(Clone)]
struct Order {
    buyer: String,
    shown: Value,
    returned: BTreeMap<String, i64>,
}

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/v1/inventory", put(restock))
        .route("/v1/inventory/{sku}", get(stock))
        .route("/v1/cart/checkout", post(check_out))
        .route("/v1/checkouts/{id}/cancel", post(cancel))
        .route("/v1/orders", get(list))
        .route("/v1/orders/{id}/returns", post(take_back))
}

async fn restock(State(shop): State<Shared>, body: String) -> String {
    let mut shop = shop.lock();
    let mut results = String::new();
    for (number, line) in (1..).zip(body.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        if shop.is_new(line["key"].as_str().unwrap()) {
            let sku = line["sku"].as_str().unwrap().to_owned();
            shop.counter.stock.entry(sku).or_default().0 += line["quantity"].as_i64().unwrap();
        }
        results += &format!("{}\n", json!({"line": number, "status": "changed"}));
    }
    results
}

async fn stock(State(shop): State<Shared>, Path(sku): Path<String>) -> Response {
    match shop.lock().counter.stock.get(&sku) {
        None => refuse(StatusCode::NOT_FOUND, "not_found"),
        Some((available, sold)) => {
            Json(json!({"sku": sku, "available": available, "held": 0, "sold": sold})).into_response()
        }
    }
}

async fn check_out(State(shop): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let id = bearer(&headers);
    let mut shop = shop.lock();
    if let Some(refused) = shop.stands_still(&id, &key) {
        return refused;
    }
    if let Some(&known) = shop.counter.by_key.get(&key) {
        if shop.planted == Planted::SellsTwice {
            let again = shop.counter.orders[known].clone();
            shop.counter.orders.push(again);
        }
        return (StatusCode::OK, shop.shown(known, &id)).into_response();
    }
    let lines = shop.carts[&id].lines.clone();
    let total: i64 = lines.values().map(|(quantity, price)| quantity * price).sum();
    if body["accept_total"] != json!({"amount": total, "currency": "GBP"}) {
        return refuse(StatusCode::CONFLICT, "price_changed");
    }
    let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
    for ((sku, _), (quantity, _)) in &lines {
        *wanted.entry(sku.clone()).or_default() += quantity;
    }
    if wanted.iter().any(|(sku, units)| shop.counter.stock.get(sku).is_none_or(|stock| stock.0 < *units)) {
        return refuse(StatusCode::CONFLICT, "out_of_stock");
    }
    let number = shop.sell(&id, &wanted);
    shop.counter.by_key.insert(key, number);
    (StatusCode::CREATED, shop.shown(number, &id)).into_response()
}

async fn cancel(State(shop): State<Shared>, Path(id): Path<String>) -> Json<Value> {
    shop.lock().counter.cancelled.push(id);
    Json(json!({"state": "aborted"}))
}

async fn list(State(shop): State<Shared>, headers: HeaderMap) -> Json<Value> {
    let id = bearer(&headers);
    let shop = shop.lock();
    let hides = shop.planted == Planted::HidesOrders;
    let own = shop.counter.orders.iter().enumerate().filter(|(_, order)| order.buyer == id);
    let own = own.filter(|(number, _)| !hides || number % 4 != 1);
    let orders: Vec<Value> = own.map(|(_, order)| order.shown.clone()).collect();
    Json(json!({"orders": orders, "next": null}))
}

async fn take_back(
    State(shop): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let mut shop = shop.lock();
    let is_new = !shop.is_replay(&headers);
    let restocks = shop.planted != Planted::KeepsReturns;
    let number: usize = id.trim_start_matches("o_").parse().unwrap();
    for line in body["lines"].as_array().unwrap().iter().filter(|_| is_new) {
        let (sku, units) = (line["sku"].as_str().unwrap().to_owned(), line["quantity"].as_i64().unwrap());
        *shop.counter.orders[number].returned.entry(sku.clone()).or_default() += units;
        if restocks {
            shop.counter.stock.entry(sku).or_default().0 += units;
        }
    }
    Json(json!({"order": id, "returned": shop.counter.orders[number].returned})).into_response()
}

impl Shop {
    /// Refuses the first checkout of each cart until it was cancelled, and from then on says that it did not happen.
    fn stands_still(&mut self, cart: &str, key: &str) -> Option<Response> {
        if self.planted != Planted::LeavesCheckouts {
            return None;
        }
        // One of each cart at a time; the next invoice of an account comes with a key of its own.
        let checkout = format!("x_{key}");
        let stuck = self.counter.stuck.entry(cart.to_owned()).or_insert_with(|| key.to_owned());
        if stuck != key {
            return None;
        }
        if self.counter.cancelled.contains(&checkout) {
            return Some(refuse(StatusCode::CONFLICT, "checkout_aborted"));
        }
        let problem = json!({"code": "checkout_in_progress", "title": "refused", "checkout": checkout});
        Some((StatusCode::CONFLICT, Json(problem)).into_response())
    }

    /// Makes an order of a cart; returns its number.
    fn sell(&mut self, id: &str, wanted: &BTreeMap<String, i64>) -> usize {
        for (sku, units) in wanted {
            let stock = self.counter.stock.entry(sku.clone()).or_default();
            stock.0 -= units;
            stock.1 += units * i64::from(self.planted != Planted::ForgetsSales);
        }
        let number = self.counter.orders.len();
        let mut shown = self.show(id);
        let total = shown["totals"]["subtotal"]["amount"].as_i64().unwrap();
        let surcharge = i64::from(self.planted == Planted::Overcharges);
        for line in shown["lines"].as_array_mut().unwrap() {
            // An order names what a line is itself; its lines have no item.
            line["title"] = line["item"]["title"].take();
            line.as_object_mut().unwrap().remove("item");
        }
        shown["id"] = json!(format!("o_{number}"));
        shown["state"] = json!("committed");
        shown["total"] = json!({"amount": total + surcharge, "currency": "GBP"});
        if self.planted == Planted::ForgetsFields {
            shown["fields"]["country"] = json!("Utopia");
        }
        self.counter.orders.push(Order { buyer: id.to_owned(), shown, returned: BTreeMap::new() });
        let cart = self.carts.get_mut(id).unwrap();
        if self.planted != Planted::KeepsCarts {
            cart.lines.clear();
        }
        cart.version += 1;
        number
    }

    fn shown(&self, number: usize, id: &str) -> Json<Value> {
        let mut shown = self.counter.orders[number].shown.clone();
        shown["cart"] = self.show(id);
        Json(shown)
    }
}
