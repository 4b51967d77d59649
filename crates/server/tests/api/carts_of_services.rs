//! `/v1/carts/{id}…`: any cart, for services of the shop with the scope `carts`. They may name prices.

use crate::harness::{Shop, reply::text};
use serde_json::json;

#[tokio::test]
async fn a_service_does_to_any_cart_what_its_shopper_can() {
    let shop = Shop::open();
    let (guest, service) = (shop.guest().await, shop.service(&["carts"]));
    let shown = guest.add("A", 2).await;
    let cart = format!("/v1/carts/{}", shown.id());
    let line = format!("{cart}/lines/{}", text(&shown.line("A")["id"]));
    let read = service.get(&cart).await.is(200);
    assert_eq!((read.id(), read.shown().as_str(), read.etag()), (shown.id(), "A 2", shown.etag()));
    service.get(&cart).header("if-none-match", &read.etag()).await.is(304);
    let added = service.post(&format!("{cart}/lines"), json!({"sku": "B", "quantity": 1})).await.is(200);
    assert_eq!(added.shown(), "A 2, B 1");
    let set = json!({"quantity": 5, "seen": added.seen("A")});
    assert_eq!(service.put(&line, set).await.is(200).shown(), "A 5, B 1");
    let moved = service.post(&format!("{line}/move"), json!({"to": "saved"})).await.is(200);
    assert_eq!(moved.shown(), "B 1 | saved A 5");
    let bulk = json!({"ops": [{"op": "add", "sku": "C", "quantity": 1}]});
    assert_eq!(service.patch(&cart, bulk).await.is(200).shown(), "B 1, C 1 | saved A 5");
    let refused = service.delete(&cart).header("if-match", &read.etag()).await;
    refused.is_problem(412, "precondition_failed");
    assert_eq!(service.delete(&cart).await.is(200).shown(), " | saved A 5");
    let saved = format!("{cart}/lines/{}", text(&moved.line("A")["id"]));
    service.delete(&saved).await.is(200);
    assert_eq!(guest.shows().await, "");
}

#[tokio::test]
async fn a_second_unit_can_have_a_second_price() {
    let shop = Shop::open();
    let (guest, service) = (shop.guest().await, shop.service(&["carts"]));
    let cart = format!("/v1/carts/{}", guest.cart().await.id());
    let gbp = |amount: u32| json!({"amount": amount, "currency": "GBP"});
    let add = |price: u32, offer: &str| {
        json!({"sku": "B", "quantity": 1, "price": gbp(price), "title": "B, by phone",
               "image": "https://shop.example/b.png", "url": "https://shop.example/b", "options": {"offer": offer}})
    };
    service.post(&format!("{cart}/lines"), add(150, "half")).await.is(200);
    let shown = service.post(&format!("{cart}/lines"), add(90, "staff")).await.is(200);
    let seen_by_shopper = guest.cart().await;
    assert_eq!(shown.body["lines"], seen_by_shopper.body["lines"]);
    assert_eq!(seen_by_shopper.body["totals"]["subtotal"], gbp(240), "the catalogue says 2.00 each");
    let line = &seen_by_shopper.body["lines"][0];
    assert_eq!(
        (&line["item"]["title"], &line["item"]["url"]),
        (&json!("B, by phone"), &json!("https://shop.example/b"))
    );
    assert_eq!(line["item"]["image"], "https://shop.example/b.png");
}

#[tokio::test]
async fn a_service_may_sell_what_the_catalogue_does_not_have_by_naming_its_price() {
    let shop = Shop::open();
    let (guest, service) = (shop.guest().await, shop.service(&["carts"]));
    let cart = format!("/v1/carts/{}", guest.cart().await.id());
    let add = |sku: &str| json!({"sku": sku, "quantity": 2});
    service.post(&format!("{cart}/lines"), add("ENGRAVING")).await.is_problem(422, "unknown_sku");
    let mut priced = add("ENGRAVING");
    priced["price"] = json!({"amount": 500, "currency": "GBP"});
    priced["title"] = json!("Engraving");
    let shown = service.post(&format!("{cart}/lines"), priced).await.is(200);
    assert_eq!(shown.body["totals"]["subtotal"]["amount"], 1000);
}

#[tokio::test]
async fn prices_are_whole_positive_amounts_in_a_currency() {
    let shop = Shop::open();
    let (guest, service) = (shop.guest().await, shop.service(&["carts"]));
    let lines = format!("/v1/carts/{}/lines", guest.cart().await.id());
    let wrong = [
        json!({"amount": 2.5, "currency": "GBP"}),
        json!({"amount": -1, "currency": "GBP"}),
        json!({"amount": "250", "currency": "GBP"}),
        json!({"amount": 250, "currency": "pounds"}),
        json!({"amount": 250, "currency": "gbp"}),
        json!({"amount": 250}),
        json!({"amount": 250, "currency": "GBP", "tax": 1}),
        json!({"amount": u64::MAX, "currency": "GBP"}),
        json!(250),
    ];
    for price in wrong {
        let body = json!({"sku": "A", "quantity": 1, "price": price});
        let refused = service.post(&lines, body).await.is_problem(422, "invalid_request");
        assert_eq!(refused.pointer(), "/price", "{price}");
    }
    let free = json!({"sku": "A", "quantity": 1, "price": {"amount": 0, "currency": "GBP"}});
    assert_eq!(service.post(&lines, free).await.is(200).body["totals"]["subtotal"]["amount"], 0);
}

#[tokio::test]
async fn only_a_service_with_the_scope_reaches_any_cart() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let cart = format!("/v1/carts/{}", guest.add("A", 1).await.id());
    let callers =
        [shop.service(&["catalog"]), shop.service(&["inventory"]), guest.clone(), shop.account("ann")];
    for caller in callers {
        caller.get(&cart).await.is_problem(403, "insufficient_scope");
        caller.delete(&cart).await.is_problem(403, "insufficient_scope");
        let add = json!({"sku": "A", "quantity": 1});
        caller.post(&format!("{cart}/lines"), add).await.is_problem(403, "insufficient_scope");
    }
    shop.nobody().get(&cart).await.is_problem(401, "unauthenticated");
    assert_eq!(guest.shows().await, "A 1");
}

#[tokio::test]
async fn a_service_has_no_cart_of_its_own() {
    let shop = Shop::open();
    let service = shop.service(&["carts", "catalog"]);
    service.get("/v1/cart").await.is_problem(403, "service_has_no_cart");
    let add = json!({"sku": "A", "quantity": 1});
    service.post("/v1/cart/lines", add).await.is_problem(403, "service_has_no_cart");
    service
        .post("/v1/sessions/claim", json!({"guest_token": "x"}))
        .await
        .is_problem(403, "service_has_no_cart");
}

#[tokio::test]
async fn an_id_that_no_cart_has_had_is_an_empty_cart_and_one_that_cannot_be_is_not_found() {
    let shop = Shop::open();
    let service = shop.service(&["carts"]);
    let id = cart::CartId(rand::random()).to_string();
    let read = service.get(&format!("/v1/carts/{id}")).await.is(200);
    assert_eq!((read.id(), read.shown().as_str()), (id.as_str(), ""));
    for wrong in ["c_", "nonsense", "c_zz", &id[..20], "%ff", "%00", "c_%F0%9F%98%80"] {
        service.get(&format!("/v1/carts/{wrong}")).await.is_problem(404, "not_found");
        let lines = format!("/v1/carts/{wrong}/lines");
        service.post(&lines, json!({"sku": "A", "quantity": 1})).await.is_problem(404, "not_found");
    }
}
