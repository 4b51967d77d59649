//! `GET` and `POST /v1/admin/carts`: whole carts out of one shop and into another.

use crate::harness::{Caller, Reply, Shop, reply::text};
use reqwest::Method;
use serde_json::{Value, json};

fn values(reply: &Reply) -> Vec<Value> {
    reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All carts, a line each, over pages of 3.
async fn exported(admin: &Caller) -> Vec<String> {
    let (mut lines, mut path) = (Vec::new(), "/v1/admin/carts?limit=3".to_owned());
    loop {
        let page = admin.get(&path).await.is(200);
        lines.extend(page.text.lines().map(str::to_owned));
        let Some(link) = page.header("link") else { return lines };
        path = link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
    }
}

async fn import(admin: &Caller, lines: &[String]) -> Vec<Value> {
    let body = lines.join("\n").into_bytes();
    let post = admin.ask(Method::POST, "/v1/admin/carts").header("content-type", "application/x-ndjson");
    values(&post.bytes(body).await.is(200))
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| text(&result["status"])).collect()
}

#[tokio::test]
async fn carts_go_to_another_shop_whole_and_twice_is_once() {
    let (from, to) = (Shop::with(|_| ()), Shop::with(|_| ()));
    let mut carts = Vec::new();
    for units in 1..=7 {
        let guest = from.guest().await;
        guest.add("A", units).await;
        guest.add("B", 1).await;
        let shown = guest.cart().await;
        guest.delete(&format!("{}?seen={}", shown.path("B"), shown.seen("B"))).await.is(200);
        carts.push((shown.id().to_owned(), format!("A {units}")));
    }
    let lines = exported(&from.service(&["admin"])).await;
    assert_eq!(lines.len(), 7);
    let admin = to.service(&["admin"]);
    assert_eq!(statuses(&import(&admin, &lines).await), ["joined"; 7]);
    assert_eq!(statuses(&import(&admin, &lines).await), ["unchanged"; 7]);
    assert_eq!(exported(&admin).await, lines);
    let service = to.service(&["carts"]);
    for (id, shows) in carts {
        assert_eq!(service.get(&format!("/v1/carts/{id}")).await.is(200).shown(), shows);
    }
}

#[tokio::test]
async fn adds_during_an_import_survive_it() {
    let (from, to) = (Shop::with(|_| ()), Shop::with(|_| ()));
    let mut carts = Vec::new();
    for _ in 0..20 {
        carts.push(format!("/v1/carts/{}", from.guest().await.add("A", 5).await.id()));
    }
    let lines = exported(&from.service(&["admin"])).await;
    let (service, admin) = (to.service(&["carts"]), to.service(&["admin"]));
    let adding = async {
        for _ in 0..5 {
            for cart in &carts {
                let one = json!({"sku": "A", "quantity": 1});
                service.post(&format!("{cart}/lines"), one).await.is(200);
            }
        }
    };
    let importing = async {
        for _ in 0..10 {
            let results = import(&admin, &lines).await;
            assert!(!statuses(&results).contains(&"rejected"), "{results:?}");
        }
    };
    tokio::join!(adding, importing);
    for cart in &carts {
        assert_eq!(service.get(cart).await.is(200).shown(), "A 10");
    }
}

#[tokio::test]
async fn a_line_that_is_not_as_it_was_written_is_rejected_alone() {
    let shop = Shop::with(|_| ());
    for units in 1..=4 {
        shop.guest().await.add("A", units).await;
    }
    let admin = shop.service(&["admin"]);
    let mut lines = exported(&admin).await;
    let state = lines[1].find("\"state\":\"").unwrap() + 30;
    let flipped = if lines[1].as_bytes()[state] == b'A' { "B" } else { "A" };
    lines[1].replace_range(state..=state, flipped);
    lines[2] = json!({"id": "c_AAAAAAAAAAAAAAAAAAAAAA", "damaged": true}).to_string();
    lines.push("nonsense".to_owned());
    let results = import(&admin, &lines).await;
    assert_eq!(statuses(&results), ["unchanged", "rejected", "rejected", "unchanged", "rejected"]);
    assert!(text(&results[1]["message"]).contains("`digest` does not match"), "{results:?}");
    assert_eq!((&results[1]["line"], &results[4]["code"]), (&json!(2), &json!("malformed_json")));
}

#[tokio::test]
async fn only_the_scope_admin_moves_carts() {
    let shop = Shop::open();
    for caller in [shop.service(&["carts", "catalog"]), shop.guest().await] {
        caller.get("/v1/admin/carts").await.is_problem(403, "insufficient_scope");
        let post = caller.ask(Method::POST, "/v1/admin/carts").header("content-type", "application/x-ndjson");
        post.await.is_problem(403, "insufficient_scope");
    }
    let admin = shop.service(&["admin"]);
    admin.post("/v1/admin/carts", json!({})).await.is_problem(415, "unsupported_media_type");
    for wrong in ["limit=0", "limit=1001", "after=x"] {
        admin.get(&format!("/v1/admin/carts?{wrong}")).await.is_problem(400, "bad_header");
    }
}
