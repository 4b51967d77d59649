//! A cart whose stored bytes cannot be read is one cart's misfortune: it is told with an incident, logged once for
//! each, counted, and never written over.

use crate::{
    harness::{Reply, Shop, process::Process, reply::text},
    operations::counted,
};
use fjall::{Database, KeyspaceCreateOptions};
use serde_json::{Value, json};
use std::path::Path;
use storage_embedded::{Embedded, EmbeddedOptions};

const GARBAGE: &[u8] = b"\x01not a row";

/// Folds all carts of a shop that is closed into the base of its store.
fn fold(data: &Path) {
    let store = Embedded::open(&data.join("store"), EmbeddedOptions::default()).unwrap();
    store.fold().unwrap();
}

/// The stored row of a cart, where there is one; and garbage in its place, where that is wanted.
fn row(data: &Path, cart: &str, replace: bool) -> Vec<u8> {
    let database = Database::builder(data.join("store/base")).open().unwrap();
    let rows = database.keyspace("rows", KeyspaceCreateOptions::default).unwrap();
    let id = cart::CartId::parse(cart).unwrap();
    let keys: Vec<_> = rows.iter().map(|row| row.key().unwrap()).collect();
    let key =
        keys.into_iter().find(|key| key.windows(16).any(|part| part == id.0)).expect("the cart is folded");
    if replace {
        rows.insert(&*key, GARBAGE).unwrap();
        database.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    rows.get(&key).unwrap().unwrap().to_vec()
}

#[tokio::test]
async fn a_damaged_cart_is_an_incident_of_its_own_and_no_other_cart_is_harmed() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path());
    let shop = process.shop().await;
    let tokens = [shop.guest_token().await, shop.guest_token().await];
    let damaged = shop.holder(&tokens[0]).add("A", 1).await.id().to_owned();
    shop.holder(&tokens[1]).add("A", 2).await;
    process.terminate();
    process.wait();
    fold(folder.path());
    row(folder.path(), &damaged, true);

    let mut process = Process::serve(folder.path());
    let shop = Shop::at(process.address, folder.path());
    let unlucky = shop.holder(&tokens[0]);
    let before = counted(&shop, "evercart_corrupt_records_total", &[]).await;
    let service = shop.service(&["carts"]);
    let answers: Vec<Reply> = vec![
        unlucky.get("/v1/cart").await,
        unlucky.post("/v1/cart/lines", json!({"sku": "B", "quantity": 1})).await,
        unlucky.patch("/v1/cart", json!({"ops": [{"op": "clear"}]})).await,
        unlucky.delete("/v1/cart").await,
        service.get(&format!("/v1/carts/{damaged}")).await,
    ];
    assert_eq!(counted(&shop, "evercart_corrupt_records_total", &[]).await, before + answers.len() as u64);
    let exported = shop.service(&["admin"]).get("/v1/admin/carts").await.is(200);
    assert_eq!(exported.text.lines().count(), 2, "{}", exported.text);
    assert!(
        exported.text.contains(&format!("{{\"id\":\"{damaged}\",\"damaged\":true}}")),
        "{}",
        exported.text
    );
    let lucky = shop.holder(&tokens[1]);
    assert_eq!(lucky.add("B", 1).await.shown(), "A 2, B 1");
    assert_eq!(shop.guest().await.add("A", 1).await.shown(), "A 1");
    assert_eq!(shop.nobody().get("/readyz").await.status, 200);

    process.terminate();
    process.wait();
    let log = process.log();
    for answer in answers {
        let answer = answer.is_problem(500, "corrupt_record");
        let incident = text(&answer.body["incident"]);
        assert!(text(&answer.body["detail"]).contains(incident));
        assert!(!answer.text.contains(&damaged), "the operator's log names the cart: {}", answer.text);
        let told: Vec<&String> = log.iter().filter(|line| line.contains(incident)).collect();
        let told: Value =
            serde_json::from_str(told.first().unwrap_or_else(|| panic!("not logged: {log:?}"))).unwrap();
        assert_eq!(
            (&told["level"], log.iter().filter(|line| line.contains(incident)).count()),
            (&json!("ERROR"), 1)
        );
        assert!(told.to_string().contains(&damaged), "{told}");
    }
    fold(folder.path());
    assert_eq!(row(folder.path(), &damaged, false), GARBAGE);
}
