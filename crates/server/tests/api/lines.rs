//! Lines of the caller's cart: add, set, remove and move, with and without `seen`.

use crate::harness::{Shop, reply::codes};
use serde_json::json;

#[tokio::test]
async fn an_added_item_is_shown_with_all_that_a_page_needs() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let options = json!({"colour": "white"});
    let body = json!({"sku": "B", "quantity": 2, "options": options, "attributes": {"gift_note": "for Zoë"}});
    let added = guest.post("/v1/cart/lines", body).await.is(200);
    let line = added.line("B");
    let gbp = |amount: u32| json!({"amount": amount, "currency": "GBP"});
    assert_eq!((&line["quantity"], &line["options"]), (&json!(2), &options));
    assert_eq!(line["attributes"], json!({"gift_note": "for Zoë"}));
    assert_eq!(line["item"]["title"], "Thing B");
    assert_eq!((&line["unit_price"], &line["unit_price_then"]), (&gbp(200), &gbp(200)));
    assert_eq!((&line["total"], &line["notices"]), (&gbp(400), &json!([])));
    let totals = json!({"subtotal": gbp(400), "quantity": 2, "lines": 1});
    assert_eq!((&added.body["totals"], &added.body["currency"]), (&totals, &json!("GBP")));
    assert_eq!(guest.cart().await.body, added.body);
}

#[tokio::test]
async fn adds_of_one_line_count_together_and_options_make_another() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    guest.add("A", 2).await;
    guest.add("A", 3).await;
    let other = json!({"sku": "A", "quantity": 1, "options": {"size": "L"}});
    let cart = guest.post("/v1/cart/lines", other).await.is(200);
    assert_eq!(cart.shown(), "A 1, A 5");
    assert_eq!(cart.body["totals"]["lines"], 2);
}

#[tokio::test]
async fn a_quantity_is_set_up_and_down_and_to_nothing() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let mut shown = guest.add("A", 3).await;
    for (to, expected) in [(7, "A 7"), (2, "A 2"), (2, "A 2"), (999_999, "A 999999"), (0, "")] {
        let body = json!({"quantity": to, "seen": shown.seen("A")});
        let set = guest.put(&shown.path("A"), body).await.is(200);
        assert_eq!(set.shown(), expected);
        if to > 0 {
            shown = set;
        }
    }
}

#[tokio::test]
async fn set_and_remove_work_without_seen_too() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let path = guest.add("A", 3).await.path("A");
    assert_eq!(guest.put(&path, json!({"quantity": 5})).await.is(200).shown(), "A 5");
    assert_eq!(guest.delete(&path).await.is(200).shown(), "");
    guest.delete(&path).await.is_problem(404, "unknown_line");
    guest.put(&path, json!({"quantity": 5})).await.is_problem(404, "unknown_line");
}

#[tokio::test]
async fn a_remove_takes_what_was_seen_and_leaves_what_came_since() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 3).await;
    guest.add("A", 2).await;
    let path = format!("{}?seen={}", shown.path("A"), shown.seen("A"));
    assert_eq!(guest.delete(&path).await.is(200).shown(), "A 2");
    assert_eq!(guest.delete(&path).await.is(200).shown(), "A 2", "a repeat takes nothing more");
}

#[tokio::test]
async fn a_set_is_compared_with_what_was_seen() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 3).await;
    guest.add("A", 2).await;
    let set = |to: u32| json!({"quantity": to, "seen": shown.seen("A")});
    assert_eq!(guest.put(&shown.path("A"), set(5)).await.is(200).shown(), "A 7", "two more than was seen");
    assert_eq!(guest.put(&shown.path("A"), set(1)).await.is(200).shown(), "A 5", "two fewer than was seen");
}

#[tokio::test]
async fn saving_for_later_and_back_keeps_the_units() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 3).await;
    let to = |list: &str, seen: &str| json!({"to": list, "seen": seen});
    let path = format!("{}/move", shown.path("A"));
    let saved = guest.post(&path, to("saved", shown.seen("A"))).await.is(200);
    assert_eq!((saved.shown().as_str(), &saved.body["totals"]["quantity"]), (" | saved A 3", &json!(0)));
    assert_ne!(saved.path("A"), shown.path("A"), "the id names the list");
    let path = format!("{}/move", saved.path("A"));
    assert_eq!(guest.post(&path, to("cart", saved.seen("A"))).await.is(200).shown(), "A 3");
    assert_eq!(guest.post(&path, to("cart", saved.seen("A"))).await.is(200).shown(), "A 3");
    let unnamed = guest.add("A", 1).await;
    let path = format!("{}/move", unnamed.path("A"));
    assert_eq!(guest.post(&path, json!({"to": "saved"})).await.is(200).shown(), " | saved A 4");
}

#[tokio::test]
async fn one_line_in_both_lists_is_two_lines() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let shown = guest.add("A", 3).await;
    let path = format!("{}/move", shown.path("A"));
    guest.post(&path, json!({"to": "saved", "seen": shown.seen("A")})).await.is(200);
    assert_eq!(guest.add("A", 1).await.shown(), "A 1 | saved A 3");
    let cart = guest.cart().await;
    let saved = format!("/v1/cart/lines/{}", cart.body["saved"][0]["id"].as_str().unwrap());
    assert_eq!(guest.delete(&saved).await.is(200).shown(), "A 1");
}

#[tokio::test]
async fn a_price_that_changed_is_shown_with_both_and_a_notice() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let sku = shop.unique("tea");
    let item = |amount: u32| {
        let price = json!({"amount": amount, "currency": "GBP"});
        json!({"sku": sku, "title": "Tea", "price": price, "revision": amount})
    };
    shop.put_items(&[item(255)]).await;
    guest.add(&sku, 2).await;
    shop.put_items(&[item(275)]).await;
    let cart = guest.cart().await;
    let line = cart.line(&sku);
    assert_eq!(
        (&line["unit_price"]["amount"], &line["unit_price_then"]["amount"]),
        (&json!(275), &json!(255))
    );
    assert_eq!((&line["notices"][0]["was"], &line["notices"][0]["now"]), (&json!(255), &json!(275)));
    assert_eq!(codes(&line["notices"]), ["price_changed"]);
    assert_eq!(cart.body["totals"]["subtotal"]["amount"], 550, "what is due is the price now");
}

#[tokio::test]
async fn an_item_that_is_withdrawn_stays_leaves_the_subtotal_and_comes_back() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let sku = shop.unique("tea");
    let item = |revision: u32, available: bool| {
        let price = json!({"amount": 255, "currency": "GBP"});
        json!({"sku": sku, "title": "Tea", "price": price, "revision": revision, "available": available})
    };
    shop.put_items(&[item(1, true)]).await;
    guest.add(&sku, 1).await;
    guest.add("A", 1).await;
    shop.put_items(&[item(2, false)]).await;
    let cart = guest.cart().await;
    assert_eq!(codes(&cart.line(&sku)["notices"]), ["withdrawn"]);
    assert_eq!(
        (&cart.line(&sku)["quantity"], &cart.body["totals"]["subtotal"]["amount"]),
        (&json!(1), &json!(100))
    );
    shop.put_items(&[item(3, true)]).await;
    assert_eq!(guest.cart().await.body["totals"]["subtotal"]["amount"], 355);
}

#[tokio::test]
async fn a_shopper_never_names_a_price_a_title_or_an_image() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let given = [
        ("price", json!({"amount": 1, "currency": "GBP"})),
        ("title", json!("Free")),
        ("image", json!("https://elsewhere.example/a.png")),
        ("url", json!("https://elsewhere.example/")),
        ("unit_price", json!({"amount": 1, "currency": "GBP"})),
    ];
    for (member, value) in given {
        let mut body = json!({"sku": "A", "quantity": 1});
        body[member] = value;
        let refused = guest.post("/v1/cart/lines", body.clone()).await.is_problem(422, "invalid_request");
        assert_eq!(refused.pointer(), format!("/{member}"));
        body["op"] = json!("add");
        guest.patch("/v1/cart", json!({"ops": [body]})).await.is_problem(422, "invalid_request");
    }
    assert_eq!(guest.shows().await, "");
}
