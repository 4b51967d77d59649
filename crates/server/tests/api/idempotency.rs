//! A request that is sent twice has one effect: `Idempotency-Key` and `Evercart-Op`.

use crate::harness::Shop;
use serde_json::json;

#[tokio::test]
async fn a_repeat_under_one_key_changes_nothing_and_says_so() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 1).await;
    let path = shown.path("A");
    let requests = [
        ("add", "/v1/cart/lines", "POST", json!({"sku": "A", "quantity": 2}), "A 3"),
        ("set", path.as_str(), "PUT", json!({"quantity": 7}), "A 7"),
        ("move", &format!("{path}/move"), "POST", json!({"to": "saved"}), " | saved A 7"),
        (
            "bulk",
            "/v1/cart",
            "PATCH",
            json!({"ops": [{"op": "add", "sku": "B", "quantity": 1}]}),
            "B 1 | saved A 7",
        ),
        ("clear", "/v1/cart", "DELETE", json!({}), " | saved A 7"),
    ];
    for (name, path, method, body, expected) in requests {
        let keyed = guest.with("idempotency-key", &shop.unique(name));
        let send = || keyed.ask(method.parse().unwrap(), path).json(&body);
        let first = send().await.is(200);
        assert_eq!((first.header("idempotent-replayed"), first.shown().as_str()), (None, expected), "{name}");
        for _ in 0..2 {
            let again = send().await.is(200);
            assert_eq!(again.header("idempotent-replayed"), Some("true"), "{name}");
            assert_eq!((again.shown().as_str(), again.etag()), (expected, first.etag()), "{name}");
        }
    }
}

#[tokio::test]
async fn a_replay_is_said_in_a_minimal_answer_too() {
    let shop = Shop::open();
    let guest =
        shop.guest().await.with("idempotency-key", &shop.unique("key")).with("prefer", "return=minimal");
    let add = || guest.post("/v1/cart/lines", json!({"sku": "A", "quantity": 2}));
    assert_eq!(add().await.is(204).header("idempotent-replayed"), None);
    assert_eq!(add().await.is(204).header("idempotent-replayed"), Some("true"));
    assert_eq!(guest.shows().await, "A 2");
}

#[tokio::test]
async fn a_key_is_the_same_quoted_and_bare() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let key = shop.unique("key");
    guest.with("idempotency-key", &key).add("A", 2).await;
    let quoted = guest.with("idempotency-key", &format!("\"{key}\"")).add("A", 2).await;
    assert_eq!((quoted.header("idempotent-replayed"), quoted.shown().as_str()), (Some("true"), "A 2"));
}

#[tokio::test]
async fn a_key_with_another_payload_is_refused() {
    let shop = Shop::open();
    let guest = shop.guest().await.with("idempotency-key", &shop.unique("key"));
    let shown = guest.add("A", 2).await;
    let others = [
        guest.post("/v1/cart/lines", json!({"sku": "A", "quantity": 3})),
        guest.post("/v1/cart/lines?name=active", json!({"sku": "A", "quantity": 2})),
        guest.put(&shown.path("A"), json!({"quantity": 2})),
        guest.delete("/v1/cart"),
    ];
    for other in others {
        other.await.is_problem(422, "idempotency_key_reused");
    }
    assert_eq!(guest.shows().await, "A 2");
}

#[tokio::test]
async fn a_key_is_its_callers_own() {
    let shop = Shop::open();
    let key = shop.unique("key");
    let (ann, bob) = (shop.guest().await, shop.guest().await);
    for guest in [&ann, &bob] {
        let added = guest.with("idempotency-key", &key).add("A", 2).await;
        assert_eq!((added.header("idempotent-replayed"), added.shown().as_str()), (None, "A 2"));
    }
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key_up() {
    let shop = Shop::open();
    let guest = shop.guest().await.with("idempotency-key", &shop.unique("key"));
    let add = |sku: &str| guest.post("/v1/cart/lines", json!({"sku": sku, "quantity": 1}));
    add("NOT-SOLD-HERE").await.is_problem(422, "unknown_sku");
    assert_eq!(add("A").await.is(200).shown(), "A 1");
}

#[tokio::test]
async fn a_retry_after_the_login_has_one_effect() {
    let shop = Shop::open();
    let token = shop.guest_token().await;
    let key = shop.unique("key");
    let guest = shop.holder(&token).with("idempotency-key", &key);
    let added = guest.add("A", 2).await;
    let ann = shop.account(&shop.unique("ann"));
    ann.post("/v1/sessions/claim", json!({"guest_token": token})).await.is(200);
    let retry = ann.with("idempotency-key", &key);
    for retry in [retry.clone(), retry.with("evercart-cart", added.id())] {
        let again = retry.add("A", 2).await;
        assert_eq!((again.header("idempotent-replayed"), again.shown().as_str()), (Some("true"), "A 2"));
    }
    let late = guest.add("A", 2).await;
    assert_eq!(late.header("idempotent-replayed"), Some("true"), "nor has one with the guest's token");
    assert_eq!(ann.shows().await, "A 2");
}

#[tokio::test]
async fn a_retry_that_names_the_cart_first_addressed_has_one_effect_though_the_first_try_never_came() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let first_addressed = guest.cart().await.id().to_owned();
    let ann = shop.account(&shop.unique("ann"));
    let retry = ann.with("idempotency-key", &shop.unique("key")).with("evercart-cart", &first_addressed);
    assert_eq!(retry.add("A", 2).await.shown(), "A 2");
    assert_eq!(retry.add("A", 2).await.shown(), "A 2");
}

#[tokio::test]
async fn a_clients_own_counter_names_operations_too() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let today =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let writer = format!("{today:04x}{:012x}", rand::random::<u64>() >> 16);
    for seq in [1, 2, 1, 4, 2] {
        guest.with("evercart-op", &format!("{writer}.{seq}")).add("A", 1).await;
    }
    assert_eq!(guest.shows().await, "A 3");
    let again = guest.with("evercart-op", &format!("{writer}.4")).add("A", 1).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let old = format!("{:04x}{:012x}.1", today - 40, rand::random::<u64>() >> 16);
    let add = json!({"sku": "A", "quantity": 1});
    guest
        .with("evercart-op", &old)
        .post("/v1/cart/lines", add.clone())
        .await
        .is_problem(422, "writer_too_old");
    for wrong in ["1", "x.1", "1.0", "1.x", "11111111111111111.1", "", "1.4294967296"] {
        let refused = guest.with("evercart-op", wrong).post("/v1/cart/lines", add.clone()).await;
        refused.is_problem(400, "bad_header");
    }
    assert_eq!(guest.shows().await, "A 3");
}

#[tokio::test]
async fn keys_that_are_none_are_named() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let add = || guest.post("/v1/cart/lines", json!({"sku": "A", "quantity": 1}));
    for wrong in ["", "\"\"", &"k".repeat(256)] {
        add().header("idempotency-key", wrong).await.is_problem(400, "bad_header");
    }
    add()
        .header("idempotency-key", "k")
        .header("evercart-cart", "nonsense")
        .await
        .is_problem(400, "bad_header");
    add().header("idempotency-key", &"k".repeat(255)).await.is(200);
}
