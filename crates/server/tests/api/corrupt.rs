//! A cart whose stored bytes cannot be read is one cart's misfortune: it is told with an incident, logged once for
//! each, counted, and never written over.

use crate::{
    harness::{Reply, Shop, process::Process, reply::text},
    operations::counted,
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use storage_embedded::{Embedded, EmbeddedOptions};

/// A byte of a row that is behind its version and checksum.
const ROW_BYTE: usize = 12;

/// Folds all carts of a shop that is closed into the base of its store.
fn fold(data: &Path) {
    let store = Embedded::open(&data.join("store"), EmbeddedOptions::default()).unwrap();
    store.fold().unwrap();
}

/// Where the log of rows names a cart, first in the head of its one record, and what stands there; with `flip`, after a bit
/// of the row was flipped.
fn named(data: &Path, cart: &str, flip: bool) -> Vec<Vec<u8>> {
    let id = cart::CartId::parse(cart).unwrap().0;
    let segment = data.join("store/rows/0000000000.rows");
    let mut bytes = fs::read(&segment).unwrap();
    let places: Vec<usize> = (0..bytes.len() - id.len()).filter(|at| bytes[*at..].starts_with(&id)).collect();
    if flip {
        bytes[places[0] + id.len() + ROW_BYTE] ^= 1;
        fs::write(&segment, &bytes).unwrap();
    }
    places.into_iter().map(|at| bytes[at..at + 32].to_vec()).collect()
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
    let damage = named(folder.path(), &damaged, true);

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
    // The index of SKUs, made anew after the start, may meet it too.
    let after = counted(&shop, "evercart_corrupt_records_total", &[]).await;
    assert!(after >= before + answers.len() as u64, "{before} before, {after} after");
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
    assert_eq!(named(folder.path(), &damaged, false), damage, "the row was not written again");
}
