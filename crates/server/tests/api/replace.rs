//! `PUT /v1/cart`: the whole cart put back, as a three-way merge with what was shown.

use crate::harness::{Reply, Shop, reply::text};
use serde_json::{Value, json};

fn put(lines: &[(&str, u32)], shown: &Reply) -> Value {
    let lines: Vec<Value> = lines.iter().map(|(sku, n)| json!({"sku": sku, "quantity": n})).collect();
    json!({"lines": lines, "seen": shown.body["seen"]})
}

#[tokio::test]
async fn a_whole_cart_is_what_was_put() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    guest.add("A", 2).await;
    let shown = guest.add("B", 3).await;
    let done = guest.put("/v1/cart", put(&[("A", 5), ("C", 1)], &shown)).await.is(200);
    assert_eq!(done.shown(), "A 5, C 1");
    assert_eq!(guest.cart().await.body, done.body);
    let done = guest.put("/v1/cart", put(&[("A", 1), ("C", 1)], &done)).await.is(200);
    assert_eq!(done.shown(), "A 1, C 1");
    assert_eq!(guest.put("/v1/cart", put(&[], &done)).await.is(200).shown(), "");
}

#[tokio::test]
async fn what_others_did_meanwhile_stays() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    guest.add("A", 2).await;
    let shown = guest.add("B", 1).await;
    guest.add("A", 3).await;
    guest.add("C", 4).await;
    // The copy knows nothing of the three more, nor of C.
    let done = guest.put("/v1/cart", put(&[("A", 1), ("B", 2)], &shown)).await.is(200);
    assert_eq!(done.shown(), "A 4, B 2, C 4");
}

#[tokio::test]
async fn what_another_removed_comes_back_only_if_more_of_it_is_asked_for() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    guest.add("A", 2).await;
    let shown = guest.add("B", 1).await;
    for sku in ["A", "B"] {
        let line = text(&shown.line(sku)["id"]).to_owned();
        guest.delete(&format!("/v1/cart/lines/{line}")).await.is(200);
    }
    let done = guest.put("/v1/cart", put(&[("A", 2), ("B", 3)], &shown)).await.is(200);
    assert_eq!(done.shown(), "B 2", "two more of B than were shown; A as it was shown");
}

#[tokio::test]
async fn two_tabs_that_put_the_same_new_line_mean_it_once() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 1).await;
    let body = put(&[("A", 1), ("B", 2)], &shown);
    guest.put("/v1/cart", body.clone()).await.is(200);
    assert_eq!(guest.put("/v1/cart", body).await.is(200).shown(), "A 1, B 2");
}

#[tokio::test]
async fn a_retry_under_its_key_changes_nothing_more() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 1).await;
    let body = put(&[("A", 4)], &shown);
    guest.put("/v1/cart", body.clone()).header("idempotency-key", "k1").await.is(200);
    guest.add("A", 1).await;
    let again = guest.put("/v1/cart", body).header("idempotency-key", "k1").await.is(200);
    assert_eq!((again.shown().as_str(), again.header("idempotent-replayed")), ("A 5", Some("true")));
}

#[tokio::test]
async fn without_seen_nothing_is_replaced() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 1).await;
    let line_only = json!({"lines": [], "seen": shown.seen("A")});
    guest.put("/v1/cart", json!({"lines": []})).await.is_problem(428, "seen_required");
    guest.put("/v1/cart", json!({"lines": [], "seen": null})).await.is_problem(428, "seen_required");
    guest.put("/v1/cart", json!({"lines": [], "seen": "forged"})).await.is_problem(422, "bad_seen");
    guest.put("/v1/cart", line_only).await.is_problem(422, "bad_seen");
    let foreign = shop.guest().await.add("A", 1).await;
    guest.put("/v1/cart", put(&[], &foreign)).await.is_problem(422, "bad_seen");
    assert_eq!(guest.shows().await, "A 1");
}

#[tokio::test]
async fn lines_that_do_not_fit_are_pointed_at_and_nothing_is_done() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 1).await;
    let seen = &shown.body["seen"];
    let cases = [
        (json!([{"sku": "B", "quantity": 1}, {"sku": "B", "quantity": 2}]), "/lines/1"),
        (json!([{"sku": "B", "quantity": 0}]), "/lines/0/quantity"),
        (json!([{"sku": "B", "quantity": 1, "price": {"amount": 1, "currency": "GBP"}}]), "/lines/0/price"),
        (json!([{"sku": "B", "quantity": 1, "colour": "red"}]), "/lines/0/colour"),
        (json!("all"), "/lines"),
        (json!([["B", 1]]), "/lines/0"),
    ];
    for (lines, pointer) in cases {
        let refused = guest.put("/v1/cart", json!({"lines": lines, "seen": seen})).await;
        let refused = refused.is_problem(422, "invalid_request");
        assert_eq!(refused.pointer(), pointer, "{lines}: {}", refused.text);
    }
    let unknown = json!({"lines": [{"sku": "A", "quantity": 3}, {"sku": "NOT-SOLD-HERE", "quantity": 1}], "seen": seen});
    guest.put("/v1/cart", unknown).await.is_problem(422, "unknown_sku");
    assert_eq!(guest.cart().await.etag(), shown.etag());
}

#[tokio::test]
async fn notes_are_replaced_where_they_are_said_and_stay_where_not() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let line = |quantity: u32, attributes: Value| json!([{"sku": "A", "quantity": quantity, "attributes": attributes}]);
    let note = json!({"gift_note": "For Ann"});
    let shown = guest.post("/v1/cart/lines", line(1, note.clone())[0].clone()).await.is(200);
    let kept = guest.put("/v1/cart", put(&[("A", 2)], &shown)).await.is(200);
    assert_eq!(kept.line("A")["attributes"], note);
    let other = json!({"gift_note": "For Bob"});
    let body = json!({"lines": line(2, other.clone()), "seen": kept.body["seen"]});
    let changed = guest.put("/v1/cart", body).await.is(200);
    assert_eq!((changed.shown().as_str(), &changed.line("A")["attributes"]), ("A 2", &other));
    let body = json!({"lines": line(2, json!({})), "seen": changed.body["seen"]});
    assert_eq!(guest.put("/v1/cart", body).await.is(200).line("A")["attributes"], json!({}));
}

#[tokio::test]
async fn the_saved_list_is_not_replaced() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let line = text(&guest.add("A", 2).await.line("A")["id"]).to_owned();
    let shown = guest.post(&format!("/v1/cart/lines/{line}/move"), json!({"to": "saved"})).await.is(200);
    let done = guest.put("/v1/cart", put(&[("B", 1)], &shown)).await.is(200);
    assert_eq!(done.shown(), "B 1 | saved A 2");
}

#[tokio::test]
async fn a_service_replaces_any_cart_and_may_name_prices() {
    let shop = Shop::open();
    let (guest, service) = (shop.guest().await, shop.service(&["carts"]));
    let shown = guest.add("A", 2).await;
    let gbp = json!({"amount": 90, "currency": "GBP"});
    let body = json!({"lines": [{"sku": "B", "quantity": 1, "price": gbp}], "seen": shown.body["seen"]});
    let done = service.put(&format!("/v1/carts/{}", shown.id()), body).await.is(200);
    assert_eq!((done.shown().as_str(), &done.body["totals"]["subtotal"]), ("B 1", &gbp));
}
