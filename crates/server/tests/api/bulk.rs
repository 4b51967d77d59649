//! `PATCH /v1/cart`: many operations in one request, a result for each.

use crate::harness::{Reply, Shop, reply::text};
use serde_json::{Value, json};

fn add(sku: &str, quantity: u32) -> Value {
    json!({"op": "add", "sku": sku, "quantity": quantity})
}

/// The results as text: `applied, rejected unknown_sku`.
fn results(reply: &Reply) -> String {
    let result = |result: &Value| match result["code"].as_str() {
        Some(code) => format!("{} {code}", text(&result["status"])),
        None => text(&result["status"]).to_owned(),
    };
    reply.body["results"].as_array().unwrap().iter().map(result).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn each_operation_stands_alone_and_says_what_became_of_it() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 2).await;
    guest.add("B", 3).await;
    let line = text(&shown.line("A")["id"]);
    let gone = "l_AAAAAAAAAAAAAAAAAAAAAAA";
    let done = guest
        .patch(
            "/v1/cart",
            json!({"ops": [
                add("C", 1),
                {"op": "set", "line": line, "quantity": 5, "seen": shown.seen("A")},
                add("NOT-SOLD-HERE", 1),
                {"op": "remove", "line": gone},
                {"op": "remove", "line": "nonsense"},
                {"op": "set", "line": line, "quantity": 5, "seen": "forged"},
                add("C", 2),
                {"op": "annotate", "fields": {"note": "hi"}},
            ]}),
        )
        .await
        .is(200);
    let expected = "applied, applied, rejected unknown_sku, rejected unknown_line, rejected unknown_line, \
                    rejected bad_seen, applied, applied";
    assert_eq!((results(&done).as_str(), done.shown().as_str()), (expected, "A 5, B 3, C 3"));
    assert!(text(&done.body["results"][2]["message"]).contains("NOT-SOLD-HERE"));
    assert_eq!(guest.cart().await.body, *done.cart());
}

#[tokio::test]
async fn later_operations_see_what_earlier_ones_did() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let line = guest.add("A", 2).await.line("A")["id"].clone();
    let done = guest
        .patch(
            "/v1/cart",
            json!({"ops": [
                {"op": "remove", "line": line},
                add("A", 7),
                {"op": "move", "line": line, "to": "saved"},
                add("A", 1),
                {"op": "clear"},
                add("B", 1),
            ]}),
        )
        .await
        .is(200);
    assert_eq!(done.shown(), "B 1 | saved A 7");
}

#[tokio::test]
async fn all_or_nothing_is_nothing_when_one_is_rejected() {
    let shop = Shop::open();
    let guest = shop.guest().await.with("evercart-atomic", "true");
    let before = guest.add("A", 1).await;
    let body = json!({"ops": [add("B", 1), add("NOT-SOLD-HERE", 1), add("C", 1)]});
    let refused = guest.patch("/v1/cart", body).await.is_problem(422, "atomic_rejected");
    assert_eq!(results(&refused), "not_applied, rejected unknown_sku, not_applied");
    assert_eq!(refused.shown(), "A 1");
    assert_eq!(guest.cart().await.etag(), before.etag());
    let done = guest.patch("/v1/cart", json!({"ops": [add("B", 1), add("C", 1)]})).await.is(200);
    assert_eq!((results(&done).as_str(), done.shown().as_str()), ("applied, applied", "A 1, B 1, C 1"));
}

#[tokio::test]
async fn a_repeated_request_is_replayed_whole() {
    let shop = Shop::open();
    let guest = shop.guest().await.with("idempotency-key", &shop.unique("key"));
    let body = json!({"ops": [add("A", 1), add("NOT-SOLD-HERE", 1), add("A", 2)]});
    let first = guest.patch("/v1/cart", body.clone()).await.is(200);
    assert_eq!(results(&first), "applied, rejected unknown_sku, applied");
    let again = guest.patch("/v1/cart", body).await.is(200);
    assert_eq!(results(&again), "replayed, replayed, replayed");
    assert_eq!((again.header("idempotent-replayed"), again.shown().as_str()), (Some("true"), "A 3"));
}

#[tokio::test]
async fn a_request_of_which_nothing_was_applied_leaves_no_trace() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let before = guest.add("A", 1).await.etag();
    let keyed = guest.with("idempotency-key", &shop.unique("key"));
    let rejected = keyed.patch("/v1/cart", json!({"ops": [add("NOT-SOLD-HERE", 1)]})).await.is(200);
    assert_eq!(rejected.etag(), before);
    let other = keyed.patch("/v1/cart", json!({"ops": [add("A", 1)]})).await.is(200);
    assert_eq!(other.shown(), "A 2", "the key was not used up");
}

#[tokio::test]
async fn a_request_takes_so_many_operations_and_no_more() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let many = |count: usize| json!({"ops": vec![add("A", 1); count]});
    assert_eq!(guest.patch("/v1/cart", many(1000)).await.is(200).shown(), "A 1000");
    let refused = guest.patch("/v1/cart", many(1001)).await.is_problem(422, "invalid_request");
    assert_eq!(refused.pointer(), "/ops");
}

#[tokio::test]
async fn a_line_with_too_many_entries_is_mended_by_remove_and_add_in_one_request() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    guest.patch("/v1/cart", json!({"ops": vec![add("A", 1); 1000]})).await.is(200);
    let full = guest.patch("/v1/cart", json!({"ops": vec![add("A", 1); 25]})).await.is(200);
    assert!(results(&full).ends_with("applied, rejected limit_exceeded"), "{}", results(&full));
    assert_eq!(full.shown(), "A 1024");
    let line = &full.line("A")["id"];
    let mended = json!({"ops": [{"op": "remove", "line": line}, add("A", 1025)]});
    assert_eq!(guest.patch("/v1/cart", mended).await.is(200).shown(), "A 1025");
    assert_eq!(guest.add("A", 1).await.shown(), "A 1026");
}

#[tokio::test]
async fn what_was_rejected_is_said_though_a_minimal_answer_was_preferred() {
    let shop = Shop::open();
    let guest = shop.guest().await.with("prefer", "return=minimal");
    let body = json!({"ops": [add("A", 1), add("NOT-SOLD-HERE", 1)]});
    let done = guest.patch("/v1/cart", body).await.is(200);
    assert_eq!(results(&done), "applied, rejected unknown_sku");
}

#[tokio::test]
async fn an_operation_that_does_not_fit_is_pointed_at_and_nothing_is_done() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let before = guest.add("A", 1).await.etag();
    let line = "l_AAAAAAAAAAAAAAAAAAAAAAA";
    let cases = [
        (json!({"op": "add", "sku": "A", "quantity": 0}), "/ops/1/quantity"),
        (json!({"op": "add", "sku": "A", "quantity": 1, "colour": "red"}), "/ops/1/colour"),
        (json!({"op": "add", "sku": "A", "quantity": 1, "options": {"size": 5}}), "/ops/1/options/size"),
        (json!({"op": "add", "sku": "A"}), "/ops/1"),
        (json!({"op": "set", "line": line, "quantity": 1.5}), "/ops/1/quantity"),
        (json!({"op": "move", "line": line, "to": "attic"}), "/ops/1/to"),
        (json!({"op": "clear", "list": "attic"}), "/ops/1/list"),
        (json!({"op": "clear", "line": line}), "/ops/1/line"),
        (json!({"op": "annotate"}), "/ops/1"),
        (json!({"op": "annotate", "fields": {"": "x"}}), "/ops/1/fields/"),
        (json!({"op": "buy"}), "/ops/1/op"),
        (json!({"sku": "A", "quantity": 1}), "/ops/1"),
        (json!("add"), "/ops/1"),
    ];
    for (operation, pointer) in cases {
        let refused = guest.patch("/v1/cart", json!({"ops": [add("A", 1), operation.clone()]})).await;
        let refused = refused.is_problem(422, "invalid_request");
        assert_eq!(refused.pointer(), pointer, "{operation}: {}", refused.text);
    }
    assert_eq!(guest.cart().await.etag(), before);
}
