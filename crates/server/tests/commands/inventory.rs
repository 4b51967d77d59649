//! `evercart inventory`, and why a restored shop takes no checkout before somebody has counted.

use crate::{harness::evercart, shop::Shop};
use reqwest::{Method, StatusCode};
use serde_json::json;
use server::auth;
use std::path::Path;

fn stock_file(shop: &Shop, lines: &[&str]) -> String {
    let file = shop.file("stock.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

async fn item(shop: &Shop) {
    let token = auth::issue_service(shop.data(), &["catalog"]).unwrap();
    let line = json!({"sku": "TEA", "title": "Tea", "price": {"amount": 250, "currency": "GBP"}});
    let put = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .put(format!("{}/v1/catalog/items", shop.url()));
    let put = put.bearer_auth(token).header("content-type", "application/x-ndjson").body(line.to_string());
    assert_eq!(put.send().await.unwrap().status(), StatusCode::OK);
}

/// Puts TEA into a new cart and buys it; the status and code.
async fn buy(shop: &Shop) -> (StatusCode, String) {
    let guest = shop.guest().await;
    shop.add(&guest, "TEA", 1).await;
    let body = json!({"accept_total": {"amount": 250, "currency": "GBP"}});
    let (status, answer) = shop.ask(Method::POST, "/v1/cart/checkout", &guest, Some(body)).await;
    (status, answer["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn stock_is_counted_from_a_file_and_shown() {
    let shop = Shop::open().await;
    let good = r#"{"sku":"TEA","on_hand":7,"key":"1"}"#;
    let ran = shop.run(&["inventory", "count", &stock_file(&shop, &[good]), "--json"]).await.exits(0);
    assert_eq!(ran.json(), json!({"changed": 1, "rejected": 0}));
    let bad =
        shop.run(&["inventory", "count", &stock_file(&shop, &[good, r#"{"sku":"TEA"}"#])]).await.exits(1);
    assert!(bad.err.contains("line 2"), "{}", bad.err);
    let shown = shop.run(&["inventory", "show", "TEA", "--json"]).await.exits(0);
    assert_eq!(shown.json()["available"], 7);
    let unknown = shop.run(&["inventory", "show", "NOTHING"]).await.exits(1);
    assert!(unknown.err.contains("refused (404)"), "{}", unknown.err);
}

/// One unit is there; it is sold after the backup, and the backup is restored.
async fn restored_after_a_sale() -> Shop {
    let backups = tempfile::tempdir().unwrap();
    let shop = Shop::open_with(tempfile::tempdir().unwrap(), |config| {
        config.backup.directory = backups.path().to_owned();
    })
    .await;
    item(&shop).await;
    let one = stock_file(&shop, &[r#"{"sku":"TEA","on_hand":1,"key":"1"}"#]);
    shop.run(&["inventory", "count", &one]).await.exits(0);
    let folder = backups.path().join("a");
    shop.run(&["backup", folder.to_str().unwrap()]).await.exits(0);
    assert_eq!(buy(&shop).await.0, StatusCode::CREATED);
    drop(shop.stop().await);
    let data = tempfile::tempdir().unwrap();
    evercart(&["restore", path(&folder), "--data", path(data.path())]).await.exits(0);
    Shop::open_with(data, |_| ()).await
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_restored_shop_sells_nothing_twice_because_it_sells_nothing_before_a_count() {
    let shop = restored_after_a_sale().await;
    let off = (StatusCode::SERVICE_UNAVAILABLE, "checkout_unavailable".to_owned());
    assert_eq!(buy(&shop).await, off, "the backup says that one is left; it was sold since");
    let none = stock_file(&shop, &[r#"{"sku":"TEA","on_hand":0,"key":"recount"}"#]);
    shop.run(&["inventory", "recount", &none]).await.exits(0);
    assert_eq!(buy(&shop).await.1, "out_of_stock", "what is sold out leaves the subtotal");
    let two = stock_file(&shop, &[r#"{"sku":"TEA","on_hand":1,"key":"recount 2"}"#]);
    shop.run(&["inventory", "recount", &two]).await.exits(0);
    assert_eq!(buy(&shop).await.0, StatusCode::CREATED);
    // It was counted, and a start later it still is.
    let shop = Shop::open_with(shop.stop().await, |_| ()).await;
    assert_eq!(buy(&shop).await.1, "out_of_stock");
}

#[tokio::test]
async fn old_stock_stays_frozen_even_where_somebody_turned_checkout_on_without_counting() {
    let shop = restored_after_a_sale().await;
    shop.run(&["inventory", "recount"]).await.exits(0);
    assert_eq!(buy(&shop).await.1, "out_of_stock", "what a former life of the store had is nobody's to sell");
}
