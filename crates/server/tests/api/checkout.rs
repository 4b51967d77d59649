//! Checkout, orders and stock over HTTP: what is bought, what is refused, and what callers are told.

use crate::harness::Caller;
use crate::harness::{
    Shop,
    reply::{Reply, codes},
};
use serde_json::{Value, json};

fn yes_to(pence: i64) -> Value {
    json!({"accept_total": {"amount": pence, "currency": "GBP"}})
}

/// Buys under a key, saying yes to a total.
async fn buy(shopper: &Caller, key: &str, pence: i64) -> Reply {
    shopper.post("/v1/cart/checkout", yes_to(pence)).header("idempotency-key", key).await
}

async fn restock(shop: &Shop, sku: &str, quantity: i64) -> Reply {
    let body = json!({"quantity": quantity, "reason": "delivery"});
    let path = format!("/v1/inventory/{sku}/adjustments");
    let stock = shop.service(&["inventory"]);
    stock.post(&path, body).header("idempotency-key", &shop.unique("delivery")).await
}

async fn level(shop: &Shop, sku: &str) -> [i64; 3] {
    let level = shop.service(&["inventory"]).get(&format!("/v1/inventory/{sku}")).await.is(200).body;
    ["available", "held", "sold"].map(|member| level[member].as_i64().unwrap())
}

fn id(reply: &Reply) -> String {
    reply.body["id"].as_str().unwrap().to_owned()
}

/// A shop of one's own, with units of A.
async fn stocked(units: i64) -> Shop {
    let shop = Shop::with(|_| ());
    restock(&shop, "A", units).await.is(200);
    shop
}

#[tokio::test]
async fn a_cart_is_bought_once_under_a_key_and_is_an_order_from_then_on() {
    let shop = stocked(5).await;
    let ann = shop.account("ann");
    ann.add("A", 2).await;
    ann.add("B", 1).await;
    let bought = buy(&ann, "k", 400).await.is(201);
    assert_eq!(
        (bought.body["state"].as_str(), bought.body["total"]["amount"].as_i64()),
        (Some("committed"), Some(400))
    );
    assert_eq!(bought.shown(), "", "the cart comes with it, as it is after it");
    let again = buy(&ann, "k", 400).await.is(200);
    assert_eq!((id(&again), again.header("idempotent-replayed")), (id(&bought), Some("true")));
    buy(&ann, "k", 401).await.is_problem(422, "idempotency_key_reused");
    assert_eq!(level(&shop, "A").await, [3, 0, 2]);
    let listed = ann.get("/v1/orders").await.is(200).body;
    assert_eq!(
        listed["orders"].as_array().unwrap().iter().map(|order| &order["id"]).collect::<Vec<_>>(),
        [&bought.body["id"]]
    );
    let order = ann.get(&format!("/v1/orders/{}", id(&bought))).await.is(200).body;
    // Lines that were added within one millisecond stand in the order of their keys.
    let mut titles: Vec<&str> =
        order["lines"].as_array().unwrap().iter().map(|line| line["title"].as_str().unwrap()).collect();
    titles.sort_unstable();
    assert_eq!((titles, order["subtotal"]["amount"].as_i64()), (vec!["Thing A", "Thing B"], Some(400)));
    let shown = ann.get(&format!("/v1/checkouts/{}", id(&bought))).await.is(200).body;
    assert_eq!(shown["state"], "committed");
}

#[tokio::test]
async fn an_order_is_its_buyers_alone_and_any_services_that_may() {
    let shop = stocked(5).await;
    let ann = shop.guest().await;
    ann.add("A", 1).await;
    let bought = buy(&ann, "k", 100).await.is(201);
    let paths = ["orders", "checkouts"].map(|resource| format!("/v1/{resource}/{}", id(&bought)));
    for other in [shop.guest().await, shop.account("eve")] {
        for path in &paths {
            other.get(path).await.is_problem(404, "unknown_checkout");
        }
        other.post(&format!("{}/cancel", paths[1]), json!({})).await.is_problem(404, "unknown_checkout");
    }
    shop.nobody().get(&paths[0]).await.is_problem(401, "unauthenticated");
    shop.service(&["carts"]).get(&paths[0]).await.is_problem(403, "insufficient_scope");
    shop.service(&["orders"]).get(&paths[0]).await.is(200);
    ann.get("/v1/orders/o_AAAAAAAAAAAAAAAAAAAAAA").await.is_problem(404, "unknown_checkout");
    ann.get("/v1/orders/nonsense").await.is_problem(404, "unknown_checkout");
}

#[tokio::test]
async fn a_refusal_says_what_there_is_and_holds_nothing() {
    let shop = stocked(2).await;
    let ann = shop.account("ann");
    buy(&ann, "k1", 0).await.is_problem(422, "empty_checkout");
    ann.add("A", 3).await;
    ann.add("B", 1).await;
    let short = buy(&ann, "k2", 500).await.is_problem(409, "out_of_stock");
    assert_eq!(short.body["shortages"], json!([{"sku": "A", "wanted": 3, "available": 2, "by": "stock"}]));
    assert_eq!(short.shown(), "A 3, B 1");
    assert_eq!(level(&shop, "A").await, [2, 0, 0]);
    let dear = buy(&ann, "k3", 499).await.is_problem(409, "price_changed");
    assert_eq!(dear.body["total"], json!({"amount": 500, "currency": "GBP"}));
    ann.post("/v1/cart/checkout", json!({})).await.is_problem(422, "consent_required");
    ann.post("/v1/cart/checkout", json!({"accept": 1})).await.is_problem(422, "invalid_request");
    shop.nobody().post("/v1/cart/checkout", yes_to(1)).await.is_problem(401, "unauthenticated");
    shop.service(&["carts"])
        .post("/v1/cart/checkout", yes_to(1))
        .await
        .is_problem(403, "service_has_no_cart");
    ann.post("/v1/checkouts/o_AAAAAAAAAAAAAAAAAAAAAA/confirm", json!({}))
        .await
        .is_problem(404, "unknown_checkout");
}

#[tokio::test]
async fn quantities_out_of_bounds_are_a_refusal_and_withdrawn_items_stay() {
    let shop = Shop::with(|_| ());
    let price = json!({"amount": 255, "currency": "GBP"});
    shop.put_items(&[json!({"sku": "TEA", "title": "Tea", "price": price, "max": 3})]).await;
    let ann = shop.account("ann");
    let line = ann.add("TEA", 5).await;
    let clamped = buy(&ann, "k1", 765).await.is_problem(409, "quantity_clamped");
    assert_eq!(clamped.body["quantities"], json!([{"line": line.line("TEA")["id"], "sellable": 3}]));
    ann.put(&line.path("TEA"), json!({"quantity": 3})).await.is(200);
    ann.add("B", 1).await;
    shop.put_items(&[json!({"sku": "TEA", "title": "Tea", "price": price, "available": false})]).await;
    assert_eq!(codes(&ann.cart().await.line("TEA")["notices"]), ["withdrawn"]);
    let bought = buy(&ann, "k2", 200).await.is(201);
    assert_eq!(bought.shown(), "TEA 3", "what is not sold stays, and comes back by itself");
    shop.put_items(&[json!({"sku": "TEA", "title": "Tea", "price": price})]).await;
    buy(&ann, "k3", 765).await.is(201);
}

#[tokio::test]
async fn stock_is_counted_adjusted_and_shown() {
    let shop = Shop::with(|_| ());
    let stock = shop.service(&["inventory"]);
    stock.get("/v1/inventory/A").await.is_problem(404, "not_found");
    let seen = async || shop.nobody().get("/v1/catalog/items/A/availability").await.is(200);
    assert_eq!(seen().await.body["availability"], "untracked");
    stock.put("/v1/inventory/A", json!({"on_hand": 100, "buckets": 4, "customer_limit": 2})).await.is(200);
    let adjust = |key: &str, quantity: i64| {
        let body = json!({"quantity": quantity, "reason": "count"});
        stock.post("/v1/inventory/A/adjustments", body).header("idempotency-key", key)
    };
    assert_eq!(adjust("a", 20).await.is(200).body["added"], 20);
    assert_eq!(adjust("a", 20).await.is(200).body["added"], 20, "once by its key");
    assert_eq!(adjust("b", -116).await.is(200).body["taken"], 116);
    let shown = stock.get("/v1/inventory/A").await.is(200).body;
    assert_eq!(
        shown,
        json!({
            "sku": "A", "available": 4, "held": 0, "sold": 0, "restocked": 4, "short": 0, "buckets": 4,
            "customer_limit": 2,
        })
    );
    let public = seen().await;
    assert_eq!(
        (public.body["availability"].as_str(), public.body["available"].as_i64()),
        (Some("low_stock"), Some(4))
    );
    assert!(public.header("cache-control").unwrap().starts_with("public"));
    for wrong in [
        json!({"quantity": 2_000_000_000_i64, "reason": "x"}),
        json!({"quantity": 1}),
        json!({"quantity": 1.5, "reason": "x"}),
    ] {
        let asked = stock.post("/v1/inventory/A/adjustments", wrong).header("idempotency-key", "w");
        asked.await.is_problem(422, "invalid_request");
    }
    let unnamed = stock.post("/v1/inventory/A/adjustments", json!({"quantity": 1, "reason": "x"}));
    unnamed.await.is_problem(400, "bad_header");
    shop.service(&["carts"]).get("/v1/inventory/A").await.is_problem(403, "insufficient_scope");
    let ann = shop.account("ann");
    ann.add("A", 3).await;
    let limited = buy(&ann, "k", 300).await.is_problem(409, "out_of_stock");
    assert_eq!(limited.body["shortages"][0]["by"], "customer_limit");
}

#[tokio::test]
async fn stock_comes_by_the_line_and_bad_lines_never_stop_good_ones() {
    let shop = Shop::with(|_| ());
    let stock = shop.service(&["inventory"]);
    let lines = [
        json!({"sku": "A", "on_hand": 7, "key": "1"}).to_string(),
        "{".to_owned(),
        json!({"sku": "B", "quantity": 3, "reason": "delivery", "key": "2"}).to_string(),
        json!({"sku": "C", "on_hand": 1, "quantity": 1, "key": "3"}).to_string(),
    ];
    let reply = stock.put_ndjson("/v1/inventory", lines.join("\n")).await.is(200);
    let results: Vec<Value> = reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["changed", "rejected", "changed", "rejected"]);
    assert_eq!((level(&shop, "A").await, level(&shop, "B").await), ([7, 0, 0], [3, 0, 0]));
}

#[tokio::test]
async fn what_comes_back_of_an_order_is_never_more_than_was_sold() {
    let shop = stocked(5).await;
    let ann = shop.account("ann");
    ann.add("A", 3).await;
    let order = id(&buy(&ann, "k", 300).await.is(201));
    let orders = shop.service(&["orders"]);
    let take_back = |key: &str, quantity: u32| {
        let body = json!({"lines": [{"sku": "A", "quantity": quantity}]});
        orders.post(&format!("/v1/orders/{order}/returns"), body).header("idempotency-key", key)
    };
    assert_eq!(take_back("r1", 2).await.is(200).body["returned"], json!({"A": 2}));
    assert_eq!(take_back("r1", 2).await.is(200).body["returned"], json!({"A": 2}));
    let refused = take_back("r2", 2).await.is_problem(409, "return_exceeds_order");
    assert_eq!(refused.body["left"], 1);
    assert_eq!(level(&shop, "A").await, [4, 0, 3]);
    take_back("r3", 1).await.is(200);
    assert_eq!(level(&shop, "A").await, [5, 0, 3]);
}

#[tokio::test]
async fn nothing_is_held_once_checkouts_have_ended() {
    let shop = stocked(5).await;
    let ann = shop.account("ann");
    ann.add("A", 1).await;
    let bought = buy(&ann, "k", 100).await.is(201);
    let stock = shop.service(&["inventory"]);
    assert_eq!(stock.get("/v1/holds").await.is(200).body["holds"], json!([]));
    let release = |id: &str| stock.post(&format!("/v1/holds/{id}/release"), json!({"reason": "a call"}));
    assert_eq!(release(&id(&bought)).await.is(200).body["released"], false, "an order keeps what it took");
    release("o_AAAAAAAAAAAAAAAAAAAAAA").await.is_problem(404, "unknown_checkout");
    let cancelled = ann.post(&format!("/v1/checkouts/{}/cancel", id(&bought)), json!({})).await.is(200);
    assert_eq!(cancelled.body["state"], "committed");
}
