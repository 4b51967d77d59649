//! `GET /v1/carts/{id}/entries`: where each unit of a cart came from.

use crate::harness::{Reply, Shop, reply::text};
use serde_json::{Value, json};

/// `sku list counted/quantity how`, of every entry.
fn told(reply: &Reply) -> Vec<String> {
    let entries = reply.body["entries"].as_array().unwrap().iter();
    let mut told: Vec<String> = entries
        .map(|entry| {
            let words = ["sku", "list", "how"].map(|name| text(&entry[name]));
            format!("{} {} {}/{} {}", words[0], words[1], entry["counted"], entry["quantity"], words[2])
        })
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn each_unit_says_how_it_came_and_from_which_cart() {
    let shop = Shop::open();
    let (guest, ann) = (shop.guest().await, shop.account(&shop.unique("ann")));
    let guests_cart = guest.add("A", 2).await.id().to_owned();
    let shown = ann.add("A", 1).await;
    ann.post("/v1/sessions/claim", json!({"guest_token": guest.token()})).await.is(200);
    let shown_after = ann.cart().await;
    for quantity in [5, 6] {
        let set = json!({"quantity": quantity, "seen": shown_after.seen("A")});
        ann.put(&shown_after.path("A"), set).await.is(200);
    }
    let b = ann.add("B", 1).await;
    ann.post(&format!("{}/move", b.path("B")), json!({"to": "saved", "seen": b.seen("B")})).await.is(200);
    let path = format!("/v1/carts/{}/entries", shown.id());
    let service = shop.service(&["carts"]);
    let entries = service.get(&path).await.is(200);
    let expected =
        ["A cart 0/2 raise", "A cart 1/1 add", "A cart 2/2 merge", "A cart 3/3 raise", "B saved 1/1 add"];
    assert_eq!(told(&entries), expected);
    assert_eq!(entries.body["merged"][0]["id"], guests_cart);
    let of = |how: &str| -> Value {
        let mut all = entries.body["entries"].as_array().unwrap().iter();
        all.find(|entry| entry["how"] == how && entry["sku"] == "A").unwrap().clone()
    };
    assert_eq!((&of("merge")["origin"], &of("merge")["group"]), (&json!(guests_cart), &Value::Null));
    assert_eq!((&of("add")["origin"], text(&of("raise")["group"]).len()), (&json!(shown.id()), 16));
    assert_eq!(of("add")["unit_price_then"], json!({"amount": 100, "currency": "GBP"}));
    assert!(text(&of("add")["added_at"]).ends_with('Z'));
    // What is counted is what the cart shows.
    let counted: u64 = entries.body["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["counted"].as_u64().unwrap())
        .sum();
    assert_eq!((ann.shows().await.as_str(), counted), ("A 6 | saved B 1", 7));
    let same = service.get(&path).header("if-none-match", &entries.etag()).await;
    same.is(304);
    let guests = service.get(&format!("/v1/carts/{guests_cart}/entries")).await.is(200);
    assert_eq!(guests.body["merged_into"], shown.id());
    ann.delete("/v1/cart").await.is(200);
    assert_eq!(told(&service.get(&path).await.is(200)), ["B saved 1/1 add"], "what is gone is not told");
}

#[tokio::test]
async fn only_services_are_told_where_units_came_from() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let path = format!("/v1/carts/{}/entries", guest.add("A", 1).await.id());
    for caller in [guest, shop.service(&["catalog"])] {
        caller.get(&path).await.is_problem(403, "insufficient_scope");
    }
    let service = shop.service(&["carts"]);
    service.get("/v1/carts/nonsense/entries").await.is_problem(404, "not_found");
    let unused = service.get("/v1/carts/c_AAAAAAAAAAAAAAAAAAAAAA/entries").await.is(200);
    assert_eq!((&unused.body["entries"], &unused.body["updated_at"]), (&json!([]), &Value::Null));
}
