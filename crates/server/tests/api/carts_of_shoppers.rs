//! `GET /v1/carts`: which carts there are, for the shopper who has them and for services that support them.

use crate::harness::{
    Caller, Reply, Shop,
    process::{Process, until},
    reply::text,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The listed carts as text: `active 2 of 1, office 5 of 2`.
fn listed(reply: &Reply) -> String {
    let cart = |cart: &Value| format!("{} {} of {}", text(&cart["name"]), cart["quantity"], cart["lines"]);
    reply.body["carts"].as_array().unwrap().iter().map(cart).collect::<Vec<_>>().join(", ")
}

async fn list(caller: &Caller) -> Reply {
    caller.get("/v1/carts").await.is(200)
}

async fn add(caller: &Caller, name: &str, sku: &str, quantity: u32) -> Reply {
    caller.post(&format!("/v1/cart/lines?name={name}"), json!({"sku": sku, "quantity": quantity})).await
}

#[tokio::test]
async fn a_guest_has_one_cart_and_no_name_for_another() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    let add = json!({"sku": "A", "quantity": 1});
    guest.post("/v1/cart/lines?name=wishlist", add.clone()).await.is_problem(403, "login_needed");
    guest.get("/v1/cart?name=wishlist").await.is_problem(403, "login_needed");
    shop.nobody().post("/v1/cart/lines?name=wishlist", add.clone()).await.is_problem(403, "login_needed");
    guest.post("/v1/cart/lines?name=active", add).await.is(200);
    assert_eq!(guest.shows().await, "A 1");
}

#[tokio::test]
async fn a_guest_has_one_cart() {
    let shop = Shop::open();
    let guest = shop.guest().await;
    assert_eq!(listed(&list(&guest).await), "active 0 of 0");
    let cart = guest.add("A", 2).await;
    let reply = list(&guest).await;
    assert_eq!(listed(&reply), "active 2 of 1");
    let only = &reply.body["carts"][0];
    assert_eq!((text(&only["id"]), text(&only["kind"])), (cart.id(), "guest"));
    assert_eq!(
        (&only["updated_at"], &only["expires_at"]),
        (&cart.body["updated_at"], &cart.body["expires_at"])
    );
    assert_eq!((&reply.body["next"], &reply.body["freshness"]), (&Value::Null, &json!("current")));
    assert_eq!(reply.header("cache-control"), Some("private, no-cache"));
    shop.nobody().get("/v1/carts").await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_account_has_the_active_cart_and_every_named_one_that_was_ever_changed() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    assert_eq!(listed(&list(&ann).await), "active 0 of 0");
    ann.get("/v1/cart?name=looked-at").await.is(200);
    add(&ann, "refused", "no-such-sku", 1).await.is_problem(422, "unknown_sku");
    add(&ann, "wishlist", "A", 3).await.is(200);
    add(&ann, "office", "B", 1).await.is(200);
    add(&ann, "office", "C", 1).await.is(200);
    ann.delete("/v1/cart?name=wishlist").await.is(200);
    let reply = list(&ann).await;
    assert_eq!(listed(&reply), "active 0 of 0, office 2 of 2, wishlist 0 of 0");
    let office = ann.get("/v1/cart?name=office").await.is(200);
    let summary = &reply.body["carts"][1];
    assert_eq!((text(&summary["id"]), &summary["updated_at"]), (office.id(), &office.body["updated_at"]));
    assert_eq!((&summary["kind"], summary.get("expires_at")), (&json!("account"), None));
    assert_eq!(listed(&list(&shop.account(&shop.unique("bob"))).await), "active 0 of 0");
}

#[tokio::test]
async fn a_claim_into_a_named_cart_lists_it() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let token = shop.guest_token().await;
    shop.holder(&token).add("A", 2).await;
    ann.post("/v1/sessions/claim?name=office", json!({"guest_token": token})).await.is(200);
    assert_eq!(listed(&list(&ann).await), "active 0 of 0, office 2 of 1");
}

#[tokio::test]
async fn pages_show_each_cart_once() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    for name in ["b", "d", "a", "c%20%C3%BC", "zz"] {
        add(&ann, name, "A", 1).await.is(200);
    }
    for limit in [1, 2, 5, 6, 100] {
        let (mut names, mut after) = (Vec::new(), String::new());
        loop {
            let page = ann.get(&format!("/v1/carts?limit={limit}{after}")).await.is(200);
            let carts = page.body["carts"].as_array().unwrap();
            assert!(!carts.is_empty() && carts.len() <= limit);
            names.extend(carts.iter().map(|cart| text(&cart["name"]).to_owned()));
            let Some(next) = page.body["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(names, ["active", "a", "b", "c ü", "d", "zz"], "{limit} a page");
    }
    for wrong in ["limit=0", "limit=101", "limit=x", "limit=-1", "after=%21", "after=_w"] {
        ann.get(&format!("/v1/carts?{wrong}")).await.is_problem(400, "bad_header");
    }
}

#[tokio::test]
async fn a_service_finds_the_carts_of_a_subject() {
    let shop = Shop::open();
    let subject = shop.unique("ann");
    let ann = shop.account(&subject);
    add(&ann, "office", "A", 2).await.is(200);
    let service = shop.service(&["carts"]);
    // Names of carts are remembered behind their first change.
    let found = async || service.get(&format!("/v1/carts?subject={subject}")).await.is(200);
    until(async || listed(&found().await) == "active 0 of 0, office 2 of 1").await;
    let found = found().await;
    let id = text(&found.body["carts"][1]["id"]);
    assert_eq!(service.get(&format!("/v1/carts/{id}")).await.is(200).shown(), "A 2");
    service.get("/v1/carts").await.is_problem(400, "bad_header");
    service.get("/v1/carts?subject=").await.is_problem(400, "bad_header");
    let elsewhere = shop.service(&["catalog"]);
    elsewhere.get(&format!("/v1/carts?subject={subject}")).await.is_problem(403, "insufficient_scope");
    ann.get(&format!("/v1/carts?subject={subject}")).await.is_problem(403, "insufficient_scope");
    shop.nobody().get(&format!("/v1/carts?subject={subject}")).await.is_problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_outlive_the_server_that_heard_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path());
    let shop = process.shop().await;
    let ann = shop.account("ann");
    let names = ["one", "two", "three"];
    let adding: Vec<_> = names
        .map(|name| {
            let ann = ann.clone();
            tokio::spawn(async move { add(&ann, name, "A", 1).await.is(200).status })
        })
        .into();
    for added in adding {
        added.await.unwrap();
    }
    process.terminate();
    assert!(process.wait().success());
    let process = Process::serve(folder.path());
    let again = process.shop().await.account("ann");
    assert_eq!(listed(&list(&again).await), "active 0 of 0, one 1 of 1, three 1 of 1, two 1 of 1");
}

#[tokio::test]
async fn one_cart_too_many_is_refused_and_those_that_are_there_go_on() {
    let shop = Shop::with(|config| config.limits.named_carts_max = 2);
    let ann = shop.account("ann");
    for name in ["one", "two"] {
        add(&ann, name, "A", 1).await.is(200);
    }
    let refused = add(&ann, "three", "A", 1).await.is_problem(422, "limit_exceeded");
    assert!(text(&refused.body["detail"]).contains("2 named carts"), "{refused:?}");
    add(&ann, "two", "A", 1).await.is(200);
    ann.add("A", 1).await;
    assert_eq!(ann.get("/v1/cart?name=three").await.is(200).shown(), "");
    assert_eq!(listed(&list(&ann).await), "active 1 of 1, one 1 of 1, two 2 of 1");
    add(&shop.account("bob"), "three", "A", 1).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_heard_at_once_are_all_listed() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let tasks = (0..24).map(|n| {
        let ann = ann.clone();
        tokio::spawn(async move { add(&ann, &format!("cart-{n:02}"), "A", n + 1).await.is(200).status })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let names = async || {
        let carts = ann.get("/v1/carts?limit=100").await.is(200).body["carts"].clone();
        let carts = carts.as_array().unwrap().iter().map(|cart| text(&cart["name"]).to_owned());
        carts.collect::<BTreeSet<_>>().len()
    };
    assert_eq!(names().await, 25);
    until(async || names().await == 25).await;
}
