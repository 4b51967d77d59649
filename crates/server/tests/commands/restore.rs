//! Why a restore begins anew: writers of lanes, and the owner of rows. With the old ones what was acknowledged before
//! the disaster and what comes after it get the same names, and one is taken for the other.

use crate::{
    backup::{back_up, restored, shop},
    shop::Shop,
};
use bytes::Bytes;
use cart::planted::{Bug, plant};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use server::{config::Config, wiring::phase_0};
use std::path::Path;
use storage::LinearTable;

/// One request with one more header, and what came back.
async fn ask(shop: &Shop, token: &str, header: (&str, &str), add: Option<&str>) -> (HeaderMap, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = match add {
        None => http.request(Method::GET, format!("{}/v1/cart", shop.url())),
        Some(sku) => {
            let body = json!({"sku": sku, "quantity": 1});
            http.request(Method::POST, format!("{}/v1/cart/lines", shop.url())).json(&body)
        }
    };
    let answer = request.bearer_auth(token).header(header.0, header.1).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    (answer.headers().clone(), answer.json().await.unwrap())
}

const NOTHING: (&str, &str) = ("x-nothing", "");

fn skus(cart: &Value) -> Vec<&str> {
    let mut skus: Vec<&str> =
        cart["lines"].as_array().unwrap().iter().map(|line| line["sku"].as_str().unwrap()).collect();
    skus.sort_unstable();
    skus
}

/// A shop with TEA in the cart of a guest, backed up into `folder`, and the guest's token.
async fn backed_up_with_tea(backups: &Path, folder: &Path) -> (Shop, String) {
    let shop = shop(backups).await;
    let token = shop.guest().await;
    shop.add(&token, "TEA", 1).await;
    back_up(&shop, folder).await.exits(0);
    (shop, token)
}

/// TEA, backup, MUG, disaster, restore, CUP by another device; then the first device presents its receipt for MUG.
async fn tea_mug_cup_jam() -> Value {
    let backups = tempfile::tempdir().unwrap();
    let folder = backups.path().join("a");
    let (before, token) = backed_up_with_tea(backups.path(), &folder).await;
    let (headers, _) = ask(&before, &token, NOTHING, Some("MUG")).await;
    let receipt = headers["evercart-receipt"].to_str().unwrap().to_owned();
    drop(before.stop().await);
    let after = Shop::open_with(restored(&folder).await, |_| ()).await;
    after.add(&token, "CUP", 1).await;
    ask(&after, &token, ("evercart-receipt", &receipt), Some("JAM")).await;
    let (_, cart) = ask(&after, &token, NOTHING, None).await;
    drop(after.stop().await);
    cart
}

#[tokio::test]
async fn after_a_restore_nothing_acknowledged_is_lost_that_a_receipt_brings_back() {
    assert_eq!(skus(&tea_mug_cup_jam().await), ["CUP", "JAM", "MUG", "TEA"]);
}

#[tokio::test]
async fn the_planted_bug_p10_loses_an_add_after_a_restore() {
    let _planted = plant(Bug::P10LaneWriterReused);
    let cart = tea_mug_cup_jam().await;
    assert_ne!(skus(&cart), ["CUP", "JAM", "MUG", "TEA"], "a reused writer must be found");
}

/// Somebody was shown two writes; one of them is lost, and another one comes. What a read with their context says.
async fn freshness_after_a_restore(reuses_owner: bool) -> Value {
    let backups = tempfile::tempdir().unwrap();
    let folder = backups.path().join("a");
    let (before, token) = backed_up_with_tea(backups.path(), &folder).await;
    before.add(&token, "MUG", 1).await;
    // Read from the journal, the change is counted in the row's version and named no more.
    let before = Shop::open_with(before.stop().await, |_| ()).await;
    let (shown, _) = ask(&before, &token, NOTHING, None).await;
    let context = shown["evercart-context"].to_str().unwrap().to_owned();
    drop(before.stop().await);
    let data = restored(&folder).await;
    if reuses_owner {
        let config = Config { data: data.path().to_owned(), ..Config::default() };
        let linear = phase_0::open(&config).await.unwrap().stores().linear;
        let record = linear.read(LinearTable::Shop, b"incarnation").await.unwrap().unwrap();
        let first = Bytes::from_static(&[1, 1, 0, 0, 0]);
        linear.replace(LinearTable::Shop, b"incarnation", record.version, first, None).await.unwrap();
    }
    let after = Shop::open_with(data, |_| ()).await;
    after.add(&token, "CUP", 1).await;
    let (_, cart) = ask(&after, &token, ("evercart-context", &context), None).await;
    assert_eq!(skus(&cart), ["CUP", "TEA"]);
    drop(after.stop().await);
    cart["freshness"].clone()
}

#[tokio::test]
async fn who_was_shown_what_is_lost_is_told_so_and_under_the_old_owner_would_not_be() {
    assert_eq!(freshness_after_a_restore(false).await, "lagging");
    assert_eq!(freshness_after_a_restore(true).await, "current", "this is why an owner is not used again");
}
