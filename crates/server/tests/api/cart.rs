//! The caller's cart as a whole: reading with entity tags, clearing, fields, named carts, what every answer says.

use crate::harness::{Shop, reply::text};
use serde_json::{Value, json};

#[tokio::test]
async fn a_cart_that_was_not_changed_is_not_sent_again() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let tag = guest.add("A", 2).await.etag();
    let again = guest.get("/v1/cart").header("if-none-match", &tag).await.is(304);
    assert_eq!((again.etag(), again.header("cache-control")), (tag.clone(), Some("private, no-cache")));
    for known in [format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        guest.get("/v1/cart").header("if-none-match", &known).await.is(304);
    }
    guest.add("A", 1).await;
    let changed = guest.get("/v1/cart").header("if-none-match", &tag).await.is(200);
    assert_ne!(changed.etag(), tag);
}

#[tokio::test]
async fn a_new_price_changes_the_second_half_of_the_tag_alone() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let sku = shop.unique("tea");
    let item = |amount: u32| {
        let price = json!({"amount": amount, "currency": "GBP"});
        json!({"sku": sku, "title": "Tea", "price": price, "revision": amount})
    };
    shop.put_items(&[item(200)]).await;
    let before = guest.add(&sku, 1).await.etag();
    shop.put_items(&[item(300)]).await;
    let after = guest.get("/v1/cart").header("if-none-match", &before).await.is(200).etag();
    let half = |tag: &str| tag.split_once('.').unwrap().0.to_owned();
    assert_ne!(before, after);
    assert_eq!(half(&before), half(&after));
    guest.delete("/v1/cart").header("if-match", &before).await.is(200);
}

#[tokio::test]
async fn a_change_on_a_condition_that_does_not_hold_answers_the_current_cart() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let old = guest.add("A", 2).await;
    let current = guest.add("B", 1).await;
    let path = old.path("A");
    let requests = || {
        [
            guest.post("/v1/cart/lines", json!({"sku": "C", "quantity": 1})),
            guest.put(&path, json!({"quantity": 9})),
            guest.delete(&path),
            guest.post(&format!("{path}/move"), json!({"to": "saved"})),
            guest.patch("/v1/cart", json!({"ops": [{"op": "clear"}]})),
            guest.delete("/v1/cart"),
        ]
    };
    for request in requests() {
        let refused = request.header("if-match", &old.etag()).await.is_problem(412, "precondition_failed");
        assert_eq!((refused.shown().as_str(), refused.etag()), ("A 2, B 1", current.etag()));
    }
    assert_eq!(guest.cart().await.body, current.body, "nothing was done");
    let accepted = format!("\"other\", {}", current.etag());
    let added = guest.post("/v1/cart/lines", json!({"sku": "C", "quantity": 1}));
    assert_eq!(added.header("if-match", &accepted).await.is(200).shown(), "A 2, B 1, C 1");
}

#[tokio::test]
async fn clearing_takes_what_was_seen() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    guest.add("A", 2).await;
    let shown = guest.add("B", 1).await;
    guest.add("A", 1).await;
    let path = format!("/v1/cart?seen={}", shown.seen_whole());
    assert_eq!(guest.delete(&path).await.is(200).shown(), "A 1");
    assert_eq!(guest.delete(&path).await.is(200).shown(), "A 1");
    assert_eq!(guest.delete("/v1/cart").await.is(200).shown(), "");
}

#[tokio::test]
async fn clearing_the_cart_leaves_what_is_saved_for_later() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    guest.add("A", 2).await;
    let shown = guest.add("B", 1).await;
    guest.post(&format!("{}/move", shown.path("A")), json!({"to": "saved"})).await.is(200);
    assert_eq!(guest.delete("/v1/cart").await.is(200).shown(), " | saved A 2");
}

#[tokio::test]
async fn a_token_of_a_large_cart_is_taken_in_the_body_of_a_patch() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let lines =
        (0..120).map(|n| json!({"op": "add", "sku": "A", "quantity": 1, "options": {"n": n.to_string()}}));
    let shown = guest.patch("/v1/cart", json!({"ops": lines.collect::<Vec<_>>()})).await.is(200);
    assert!(shown.seen_whole().len() > 4096, "{}", shown.seen_whole().len());
    let body = json!({"ops": [{"op": "clear", "list": "cart", "seen": shown.seen_whole()}]});
    assert_eq!(guest.patch("/v1/cart", body).await.is(200).shown(), "");
}

#[tokio::test]
async fn an_accounts_carts_of_different_names_are_different_carts() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    ann.add("A", 1).await;
    let body = json!({"sku": "B", "quantity": 2});
    let wish = ann.post("/v1/cart/lines?name=wishlist", body).await.is(200);
    let by_name = |name: &str| ann.get(&format!("/v1/cart?name={name}"));
    assert_eq!(by_name("wishlist").await.is(200).shown(), "B 2");
    assert_eq!(
        (ann.shows().await.as_str(), by_name("active").await.is(200).shown().as_str()),
        ("A 1", "A 1")
    );
    assert_eq!(by_name("office").await.is(200).shown(), "");
    let path = wish.path("B");
    ann.put(&path, json!({"quantity": 5})).await.is_problem(404, "unknown_line");
    ann.put(&format!("{path}?name=wishlist"), json!({"quantity": 5})).await.is(200);
    ann.post(&format!("{path}/move?name=wishlist"), json!({"to": "saved"})).await.is(200);
    assert_eq!(by_name("wishlist").await.is(200).shown(), " | saved B 5");
    ann.patch("/v1/cart?name=wishlist", json!({"ops": [{"op": "clear", "list": "saved"}]})).await.is(200);
    ann.delete("/v1/cart?name=active").await.is(200);
    assert_eq!((ann.shows().await.as_str(), by_name("wishlist").await.is(200).shown().as_str()), ("", ""));
}

#[tokio::test]
async fn accounts_and_their_carts_are_kept_apart() {
    let shop = Shop::open();
    let (ann, bob) = (shop.account(&shop.unique("ann")), shop.account(&shop.unique("bob")));
    let shown = ann.add("A", 1).await;
    bob.add("A", 2).await;
    assert_eq!((ann.shows().await.as_str(), bob.shows().await.as_str()), ("A 1", "A 2"));
    let set = json!({"quantity": 5, "seen": shown.seen("A")});
    bob.put(&shown.path("A"), set).await.is_problem(422, "bad_seen");
    assert_eq!(bob.shows().await, "A 2");
}

#[tokio::test]
async fn fields_and_attributes_are_set_replaced_and_removed() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 1).await;
    let line = text(&shown.line("A")["id"]);
    let annotate = |fields: Value| json!({"ops": [{"op": "annotate", "fields": fields}]});
    let email = json!({"email": "ann@shop.example", "note": "ring twice"});
    let cart = guest.patch("/v1/cart", annotate(email.clone())).await.is(200);
    assert_eq!(cart.cart()["fields"], email);
    let cart =
        guest.patch("/v1/cart", annotate(json!({"note": null, "email": "b@shop.example"}))).await.is(200);
    assert_eq!(cart.cart()["fields"], json!({"email": "b@shop.example"}));
    let gift = json!({"ops": [{"op": "annotate", "line": line, "attributes": {"gift_note": "hi"}}]});
    let cart = guest.patch("/v1/cart", gift).await.is(200);
    assert_eq!(cart.line("A")["attributes"], json!({"gift_note": "hi"}));
}

#[tokio::test]
async fn a_currency_named_for_the_cart_is_the_one_it_is_shown_in() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    guest.add("A", 1).await;
    let body = json!({"ops": [{"op": "annotate", "fields": {"currency": "EUR"}}]});
    let cart = guest.patch("/v1/cart", body).await.is(200);
    assert_eq!(cart.cart()["currency"], "EUR");
    assert_eq!(cart.cart()["totals"]["subtotal"], json!({"amount": 0, "currency": "EUR"}));
    assert_eq!(cart.line("A")["notices"][0]["code"], "currency_mismatch");
    let body = json!({"ops": [{"op": "annotate", "fields": {"currency": "euros"}}]});
    let refused = guest.patch("/v1/cart", body).await.is_problem(422, "invalid_request");
    assert_eq!(refused.pointer(), "/ops/0/fields/currency");
}

#[tokio::test]
async fn every_answer_says_region_durability_and_context() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let added = guest.add("A", 1).await;
    let answers = [
        guest.cart().await,
        guest.put(&added.path("A"), json!({"quantity": 3})).await.is(200),
        guest.patch("/v1/cart", json!({"ops": []})).await.is(200),
        guest.get("/v1/cart").header("if-none-match", "*").await.is(304),
        guest.delete("/v1/cart").await.is(200),
        added,
    ];
    for answer in answers {
        assert_eq!(answer.header("evercart-region"), Some("local"));
        assert_eq!(answer.header("evercart-durability"), Some("region"));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        let context = answer.header("evercart-context").unwrap();
        assert!((20..=512).contains(&context.len()), "{context}");
        let with_context = guest.with("evercart-context", context);
        assert_eq!(with_context.cart().await.body["freshness"], "current");
    }
}

#[tokio::test]
async fn a_context_of_another_cart_is_no_hindrance_and_a_forged_one_is_named() {
    let shop = Shop::open();
    let (ann, bob) = (shop.guest().await, shop.guest().await);
    let context = ann.add("A", 1).await.header("evercart-context").unwrap().to_owned();
    assert_eq!(bob.with("evercart-context", &context).cart().await.body["freshness"], "current");
    bob.with("evercart-context", "forged").get("/v1/cart").await.is_problem(400, "bad_header");
}

#[tokio::test]
async fn a_minimal_answer_has_headers_and_no_body() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let path = guest.add("A", 1).await.path("A");
    let minimal = guest.with("prefer", "respond-async, return=minimal; wait=5");
    let requests = [
        minimal.post("/v1/cart/lines", json!({"sku": "B", "quantity": 1})),
        minimal.put(&path, json!({"quantity": 9})),
        minimal.post(&format!("{path}/move"), json!({"to": "saved"})),
        minimal.patch("/v1/cart", json!({"ops": [{"op": "add", "sku": "C", "quantity": 1}]})),
        minimal.delete("/v1/cart"),
    ];
    for (number, request) in requests.into_iter().enumerate() {
        let answer = request.await.is(204);
        // An add may be done without looking at the cart.
        if number > 0 || answer.header("etag").is_some() {
            assert_eq!(answer.etag(), guest.cart().await.etag());
        }
        assert_eq!(answer.header("evercart-durability"), Some("region"));
        assert!(answer.header("evercart-context").is_some());
    }
    assert_eq!(guest.shows().await, " | saved A 9");
    let opened = shop.nobody().with("prefer", "return=minimal");
    let opened = opened.post("/v1/cart/lines", json!({"sku": "A", "quantity": 2})).await.is(204);
    assert_eq!(shop.holder(opened.header("evercart-session").unwrap()).shows().await, "A 2");
}
