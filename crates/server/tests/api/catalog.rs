//! `PUT /v1/catalog/items`: the shop's items, one a line, a result a line.

use crate::harness::Shop;
use reqwest::Method;
use serde_json::{Value, json};

fn item(sku: &str, amount: u32) -> Value {
    json!({"sku": sku, "title": format!("Thing {sku}"), "price": {"amount": amount, "currency": "GBP"}})
}

/// The results, a line each.
fn results(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn bad_lines_never_stop_good_ones() {
    let shop = Shop::open();
    let sku = |n: u32| format!("{n}-{}", std::process::id());
    let lines = [
        item(&sku(1), 100).to_string(),
        "not json".to_owned(),
        json!({"sku": sku(2), "title": "x", "price": {"amount": 1.5, "currency": "GBP"}}).to_string(),
        json!({"title": "without sku"}).to_string(),
        String::new(),
        json!({"sku": sku(3), "title": "x", "colour": "red"}).to_string(),
        json!({"sku": "", "title": "x"}).to_string(),
        json!({"sku": sku(4), "title": "x", "min": 5, "max": 2}).to_string(),
        json!({"sku": sku(4), "title": "x", "min": 0}).to_string(),
        "[".repeat(10_000),
        "x".repeat(300_000),
        item(&sku(5), 500).to_string(),
    ];
    let reply = shop.service(&["catalog"]).put_ndjson("/v1/catalog/items", lines.join("\n")).await.is(200);
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    let results = results(&reply.text);
    let codes: Vec<&str> =
        results.iter().map(|result| result["code"].as_str().or(result["status"].as_str()).unwrap()).collect();
    let invalid = "invalid_request";
    let expected = [
        "stored",
        "malformed_json",
        invalid,
        invalid,
        invalid,
        invalid,
        invalid,
        invalid,
        "malformed_json",
        "body_too_large",
        "stored",
    ];
    assert_eq!(codes, expected);
    for result in results.iter().filter(|result| result["status"] == "rejected") {
        assert!(result["message"].as_str().is_some_and(|message| message.len() < 300), "{result}");
    }
    let numbers: Vec<u64> = results.iter().map(|result| result["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12], "lines as an editor counts them");
    let guest = shop.guest().await;
    assert_eq!(guest.add(&sku(5), 1).await.body["totals"]["subtotal"]["amount"], 500);
    guest.add(&sku(1), 1).await;
}

#[tokio::test]
async fn twenty_thousand_items_go_in_at_once() {
    let shop = Shop::with(|_| ());
    let lines: Vec<String> = (0..20_000).map(|n| item(&format!("bulk-{n}"), n + 1).to_string()).collect();
    let reply = shop.service(&["catalog"]).put_ndjson("/v1/catalog/items", lines.join("\n")).await.is(200);
    assert_eq!(reply.text.matches("\"stored\"").count(), 20_000);
    let guest = shop.guest().await;
    for n in [0, 999, 1_000, 19_999] {
        let line = guest.add(&format!("bulk-{n}"), 1).await.line(&format!("bulk-{n}")).clone();
        assert_eq!(line["unit_price"]["amount"], n + 1);
    }
}

#[tokio::test]
async fn an_older_revision_does_not_overtake_a_newer_one() {
    let shop = Shop::open();
    let sku = shop.unique("tea");
    let revision = |revision: u32, amount: u32| {
        let mut item = item(&sku, amount);
        item["revision"] = json!(revision);
        item
    };
    let outcome = async |item| results(&shop.put_items(&[item]).await.text)[0]["status"].clone();
    assert_eq!(outcome(revision(5, 500)).await, "stored");
    assert_eq!(outcome(revision(4, 400)).await, "older");
    assert_eq!(shop.guest().await.add(&sku, 1).await.body["totals"]["subtotal"]["amount"], 500);
}

#[tokio::test]
async fn an_item_without_a_price_is_sold_unpriced_and_named_so() {
    let shop = Shop::open();
    let sku = shop.unique("tea");
    shop.put_items(&[json!({"sku": sku, "title": "Tea"})]).await;
    let cart = shop.guest().await.add(&sku, 2).await;
    assert_eq!(cart.line(&sku)["notices"][0]["code"], "unpriced");
    assert_eq!((&cart.line(&sku)["unit_price"], &cart.line(&sku)["total"]), (&Value::Null, &Value::Null));
    assert_eq!(cart.body["totals"]["subtotal"]["amount"], 0);
}

#[tokio::test]
async fn a_quantity_beyond_what_can_be_bought_at_once_is_kept_and_named() {
    let shop = Shop::open();
    let sku = shop.unique("kettle");
    let mut kettle = item(&sku, 100);
    kettle["max"] = json!(2);
    shop.put_items(&[kettle]).await;
    let cart = shop.guest().await.add(&sku, 5).await;
    assert_eq!(cart.line(&sku)["quantity"], 5);
    let notice = &cart.line(&sku)["notices"][0];
    assert_eq!((&notice["code"], &notice["sellable"]), (&json!("quantity_clamped"), &json!(2)));
}

#[tokio::test]
async fn only_a_service_with_the_scope_changes_items() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let body = item("A", 1).to_string();
    for caller in [shop.service(&["carts"]), guest.clone(), shop.account("ann")] {
        caller.put_ndjson("/v1/catalog/items", body.clone()).await.is_problem(403, "insufficient_scope");
    }
    shop.nobody().put_ndjson("/v1/catalog/items", body).await.is_problem(401, "unauthenticated");
    assert_eq!(guest.add("A", 1).await.body["totals"]["subtotal"]["amount"], 100);
}

#[tokio::test]
async fn a_body_that_is_no_list_of_lines_is_refused_as_a_whole() {
    let shop = Shop::open();
    let put = || shop.service(&["catalog"]).ask(Method::PUT, "/v1/catalog/items");
    let body = item("A", 1).to_string().into_bytes();
    put().bytes(body.clone()).await.is_problem(415, "unsupported_media_type");
    for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
        let refused = put().header("content-type", kind).bytes(body.clone()).await;
        refused.is_problem(415, "unsupported_media_type");
    }
    let small = Shop::with(|config| config.http.bulk_bytes_max = 2048);
    let large = small.service(&["catalog"]).put_ndjson("/v1/catalog/items", "\n".repeat(2049)).await;
    large.is_problem(413, "body_too_large");
}

#[tokio::test]
async fn an_unknown_sku_is_accepted_unpriced_where_the_shop_decided_so() {
    let shop = Shop::with(|config| {
        config.catalog.unknown_sku = server::config::UnknownSkuSetting::AcceptUnpriced;
    });
    let sku = shop.unique("new");
    let guest = shop.guest().await;
    let cart = guest.add(&sku, 2).await;
    assert_eq!(cart.line(&sku)["notices"][0]["code"], "unpriced");
    shop.put_items(&[item(&sku, 300)]).await;
    assert_eq!(guest.cart().await.body["totals"]["subtotal"]["amount"], 600, "filled in when it is known");
}

#[tokio::test]
async fn all_items_come_out_page_by_page_as_they_went_in() {
    let shop = Shop::with(|_| ());
    let services = shop.service(&["catalog"]);
    let odd = json!({
        "sku": "¼ \"x\"", "title": "Tea,\nsecond line", "price": {"amount": 0, "currency": "EUR"}, "image": "/i",
        "url": "/u", "available": false, "min": 2, "max": 3, "attributes": {"a b": "ü"}, "revision": u64::MAX,
    });
    let mut items: Vec<Value> = (0..7).map(|n| item(&format!("listed-{n}"), n)).collect();
    items.iter_mut().zip(0..).for_each(|(item, revision)| item["revision"] = json!(revision / 4));
    items.push(odd.clone());
    shop.put_items(&items).await;
    let (mut listed, mut path, mut pages) = (Vec::new(), "/v1/catalog/items?limit=3".to_owned(), 0);
    loop {
        let page = services.get(&path).await.is(200);
        assert_eq!(page.header("content-type"), Some("application/x-ndjson"));
        listed.extend(results(&page.text));
        pages += 1;
        let Some(link) = page.header("link") else { break };
        let (next, relation) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(relation, "; rel=\"next\"");
        path = next.to_owned();
    }
    assert_eq!(pages, 7, "18 items, 3 at a time, and one page that finds no more");
    for mut item in items {
        if item["sku"] != odd["sku"] {
            item["available"] = json!(true);
        }
        assert_eq!(listed.iter().filter(|listed| **listed == item).count(), 1, "{item}: {listed:?}");
    }
    let outcomes = results(&shop.put_items(&listed).await.text);
    assert!(outcomes.iter().all(|outcome| outcome["status"] == "stored"), "{outcomes:?}");
}

#[tokio::test]
async fn items_are_found_by_sku() {
    let shop = Shop::open();
    let services = shop.service(&["catalog"]);
    let found = services.get("/v1/catalog/items?sku=B&sku=no-such-sku&sku=A").await.is(200);
    let skus: Vec<Value> = results(&found.text).into_iter().map(|item| item["sku"].clone()).collect();
    assert_eq!(skus, ["B", "A"]);
    for wrong in ["sku=", "limit=0", "limit=1001", "limit=x", "after=x", "after=AAAA"] {
        services.get(&format!("/v1/catalog/items?{wrong}")).await.is_problem(400, "bad_header");
    }
    shop.service(&["carts"]).get("/v1/catalog/items").await.is_problem(403, "insufficient_scope");
    shop.guest().await.get("/v1/catalog/items").await.is_problem(403, "insufficient_scope");
}
