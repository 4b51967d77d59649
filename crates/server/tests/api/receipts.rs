//! `Evercart-Receipt`: what was acknowledged outlives a disaster that took the store, as long as its caller kept the
//! receipt.

use crate::{
    harness::{Caller, Reply, Shop, process::Process, reply::text},
    over,
};
use serde_json::json;
use std::fs;
use tempfile::TempDir;

/// The shop after a disaster: its keys are there, its store is not.
async fn without_the_store(mut process: Process, folder: &TempDir) -> (Process, Shop) {
    process.kill();
    match folder.path().join(over::FILE) {
        file if file.exists() => fs::remove_file(file).unwrap(),
        _ => fs::remove_dir_all(folder.path().join("store")).unwrap(),
    }
    let process = Process::serve(folder.path());
    let shop = process.shop().await;
    (process, shop)
}

fn receipt(reply: &Reply) -> String {
    reply.header("evercart-receipt").unwrap().to_owned()
}

async fn add_under(key: &str, guest: &Caller, sku: &str, quantity: u32) -> Reply {
    let body = json!({"sku": sku, "quantity": quantity});
    guest.post("/v1/cart/lines", body).header("idempotency-key", key).await.is(200)
}

#[tokio::test]
async fn an_add_that_a_disaster_took_comes_back_with_its_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path());
    let guest = process.shop().await.guest().await;
    let added = add_under("k1", &guest, "A", 2).await;
    let (_process, shop) = without_the_store(process, &folder).await;
    let guest = shop.holder(&guest.token());
    assert_eq!(guest.shows().await, "");
    let read = guest.get("/v1/cart").header("evercart-receipt", &receipt(&added)).await.is(200);
    assert_eq!(read.shown(), "A 2");
    assert_eq!(guest.shows().await, "", "reads never write");
    let more = json!({"sku": "B", "quantity": 1});
    let wrote = guest.post("/v1/cart/lines", more).header("evercart-receipt", &receipt(&added)).await.is(200);
    assert_eq!((wrote.shown().as_str(), guest.shows().await.as_str()), ("A 2, B 1", "A 2, B 1"));
}

#[tokio::test]
async fn a_retry_with_its_receipt_has_one_effect_and_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path());
    let guest = process.shop().await.guest().await;
    let added = add_under("k1", &guest, "A", 2).await;
    let (_process, shop) = without_the_store(process, &folder).await;
    let guest = shop.holder(&guest.token()).with("evercart-receipt", &receipt(&added));
    let again = add_under("k1", &guest, "A", 2).await;
    assert_eq!((again.shown().as_str(), again.header("idempotent-replayed")), ("A 2", Some("true")));
    assert_eq!(shop.holder(&guest.token()).shows().await, "A 2");
}

#[tokio::test]
async fn a_receipt_of_what_was_removed_since_brings_nothing_back() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let added = guest.add("A", 2).await;
    guest.delete(&added.path("A")).await.is(200);
    let with_receipt = guest.with("evercart-receipt", &receipt(&added));
    assert_eq!(with_receipt.shows().await, "");
    assert_eq!(with_receipt.add("B", 1).await.shown(), "B 1");
}

#[tokio::test]
async fn a_guests_receipt_counts_for_the_account_that_took_the_cart_in_and_for_no_other() {
    let shop = Shop::open();
    let (guest, ann, bob) = (shop.guest().await, shop.account("ann"), shop.account("bob"));
    guest.add("A", 1).await;
    let last = guest.add("A", 1).await;
    ann.post("/v1/sessions/claim", json!({"guest_token": guest.token()})).await.is(200);
    assert_eq!(ann.with("evercart-receipt", &receipt(&last)).add("B", 1).await.shown(), "A 2, B 1");
    assert_eq!(bob.with("evercart-receipt", &receipt(&last)).add("B", 1).await.shown(), "B 1");
}

#[tokio::test]
async fn a_receipt_too_long_for_a_header_is_a_member_of_the_body() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path());
    let guest = process.shop().await.guest().await;
    let note = "n".repeat(900);
    let line = |n: usize| json!({"op": "add", "sku": "A", "quantity": 1, "options": {"n": n.to_string()}, "attributes": {"note": note}});
    let body = json!({"ops": (0..5).map(line).collect::<Vec<_>>()});
    let done = guest.patch("/v1/cart", body.clone()).await.is(200);
    assert_eq!(done.header("evercart-receipt"), None);
    let receipt = text(&done.body["receipt"]).to_owned();
    assert!(receipt.len() > 4096, "{}", receipt.len());
    let minimal = guest.patch("/v1/cart", body).header("prefer", "return=minimal").await.is(200);
    assert!(minimal.body["receipt"].is_string(), "a body after all: {}", minimal.text);
    let (_process, shop) = without_the_store(process, &folder).await;
    let guest = shop.holder(&guest.token());
    let back = guest.patch("/v1/cart", json!({"ops": [], "receipt": receipt})).await.is(200);
    assert_eq!(back.cart()["totals"]["quantity"], 5);
    assert_eq!(guest.cart().await.body["totals"]["quantity"], 5);
}

#[tokio::test]
async fn a_forged_receipt_is_refused_and_nothing_is_done() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let added = guest.add("A", 1).await;
    let mut forged = receipt(&added);
    forged.replace_range(40..41, if &forged[40..41] == "A" { "B" } else { "A" });
    guest.get("/v1/cart").header("evercart-receipt", &forged).await.is_problem(400, "bad_header");
    let body = json!({"ops": [{"op": "add", "sku": "B", "quantity": 1}], "receipt": forged});
    let refused = guest.patch("/v1/cart", body).await.is_problem(422, "invalid_request");
    assert_eq!((refused.pointer(), guest.shows().await.as_str()), ("/receipt", "A 1"));
    let wanting =
        guest.with("evercart-ack", "planets").post("/v1/cart/lines", json!({"sku": "B", "quantity": 1}));
    wanting.await.is_problem(400, "bad_header");
}

#[tokio::test]
async fn reads_and_replays_have_no_receipt() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let added = add_under("k1", &guest, "A", 1).await;
    assert!(added.header("evercart-receipt").is_some());
    assert_eq!(add_under("k1", &guest, "A", 1).await.header("evercart-receipt"), None);
    assert_eq!(guest.cart().await.header("evercart-receipt"), None);
}
