//! `POST /v1/sessions/claim` and its undo: a guest's cart goes to the account, and can be taken back for a day.

use crate::harness::{Caller, Reply, Shop, reply::text};
use serde_json::{Value, json};

/// A guest with `lines`, and the token for their cart.
async fn guest_with(shop: &Shop, lines: &[(&str, u32)]) -> (Caller, String) {
    let token = shop.guest_token().await;
    let guest = shop.holder(&token);
    fill(&guest, lines).await;
    (guest, token)
}

async fn fill(caller: &Caller, lines: &[(&str, u32)]) {
    for (sku, quantity) in lines {
        caller.add(sku, *quantity).await;
    }
}

async fn claim(account: &Caller, token: &str) -> Reply {
    account.post("/v1/sessions/claim", json!({"guest_token": token})).await.is(200)
}

/// What a receipt says of each line: guest, account, result.
fn counted(claimed: &Reply) -> Vec<[u64; 3]> {
    let lines = claimed.body["merge"]["lines"].as_array().unwrap();
    let number = |line: &Value, name: &str| line[name].as_u64().unwrap();
    let mut lines: Vec<_> =
        lines.iter().map(|line| ["guest", "account", "result"].map(|name| number(line, name))).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_claim_brings_the_guests_lines_and_says_how() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    fill(&ann, &[("A", 1), ("B", 2)]).await;
    let (_, token) = guest_with(&shop, &[("A", 2), ("C", 3)]).await;
    let claimed = claim(&ann, &token).await;
    assert_eq!(claimed.shown(), "A 3, B 2, C 3");
    assert_eq!(claimed.cart()["kind"], "account");
    assert_eq!(counted(&claimed), [[2, 1, 3], [3, 0, 3]]);
    let merge = &claimed.body["merge"];
    assert_eq!((&merge["policy"], &merge["already_merged"]), (&json!("sum"), &json!(false)));
    assert!(text(&merge["id"]).starts_with("m_") && text(&merge["undo_until"]).ends_with('Z'));
    let line = &merge["lines"][0];
    assert!(text(&line["line"]).starts_with("l_") && text(&line["rule"]).contains("added as a guest"));
    assert_eq!(ann.shows().await, "A 3, B 2, C 3");
}

#[tokio::test]
async fn a_preview_changes_nothing() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    fill(&ann, &[("A", 1)]).await;
    let (guest, token) = guest_with(&shop, &[("A", 2)]).await;
    for policy in ["sum", "max", "keep_account", "keep_guest"] {
        let before = (ann.cart().await.etag(), guest.cart().await.etag());
        let body = json!({"guest_token": token, "policy": policy, "dry_run": true});
        let preview = ann.post("/v1/sessions/claim", body).await.is(200);
        assert_eq!(
            (&preview.body["merge"]["policy"], &preview.body["merge"]["undo_until"]),
            (&json!(policy), &Value::Null)
        );
        let result = match policy {
            "sum" => 3,
            "keep_account" => 1,
            _ => 2,
        };
        assert_eq!(counted(&preview), [[2, 1, result]], "{policy}");
        assert_eq!((ann.cart().await.etag(), guest.cart().await.etag()), before);
    }
}

#[tokio::test]
async fn each_policy_settles_what_both_have_and_keeps_what_one_has() {
    let shop = Shop::open();
    for (policy, expected) in [
        ("sum", "A 5, B 1, C 3"),
        ("max", "A 3, B 1, C 3"),
        ("keep_account", "A 2, B 1, C 3"),
        ("keep_guest", "A 3, B 1, C 3"),
    ] {
        let ann = shop.account(&shop.unique("ann"));
        fill(&ann, &[("A", 2), ("B", 1)]).await;
        let (_, token) = guest_with(&shop, &[("A", 3), ("C", 3)]).await;
        let body = json!({"guest_token": token, "policy": policy});
        let claimed = ann.post("/v1/sessions/claim", body).await.is(200);
        assert_eq!((claimed.shown().as_str(), ann.shows().await.as_str()), (expected, expected), "{policy}");
        let again =
            ann.post("/v1/sessions/claim", json!({"guest_token": token, "policy": "sum"})).await.is(200);
        assert_eq!(again.body["merge"]["policy"], policy, "decided once");
        assert_eq!(again.shown(), expected);
    }
}

#[tokio::test]
async fn a_repeated_login_changes_nothing_and_says_so() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let (_, token) = guest_with(&shop, &[("A", 2)]).await;
    let first = claim(&ann, &token).await;
    assert_eq!(first.header("idempotent-replayed"), None);
    for _ in 0..3 {
        let again = claim(&ann, &token).await;
        assert_eq!((again.shown().as_str(), &again.body["merge"]["already_merged"]), ("A 2", &json!(true)));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.body["merge"]["id"], first.body["merge"]["id"]);
    }
    ann.delete("/v1/cart").await.is(200);
    assert_eq!(claim(&ann, &token).await.shown(), "", "what was removed after a merge stays removed");
}

#[tokio::test]
async fn a_claim_takes_the_session_cookie_where_no_token_is_named() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let (_, token) = guest_with(&shop, &[("A", 2)]).await;
    let browser = ann.with("cookie", &format!("evercart_session={token}"));
    assert_eq!(
        browser.get("/v1/cart").await.is(200).cart()["kind"],
        "account",
        "the login wins over the cookie"
    );
    let claimed = browser.ask(reqwest::Method::POST, "/v1/sessions/claim").await.is(200);
    assert_eq!(claimed.shown(), "A 2");
    let nothing = ann.post("/v1/sessions/claim", json!({})).await.is_problem(422, "invalid_request");
    assert_eq!(nothing.pointer(), "/guest_token");
}

#[tokio::test]
async fn a_claim_needs_a_login_and_proof_of_the_guests_cart() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let (guest, token) = guest_with(&shop, &[("A", 2)]).await;
    let body = json!({"guest_token": token});
    guest.post("/v1/sessions/claim", body.clone()).await.is_problem(401, "unauthenticated");
    shop.nobody().post("/v1/sessions/claim", body).await.is_problem(401, "unauthenticated");
    let cart = guest.cart().await;
    for forged in [cart.id(), "g1.AAAA", ""] {
        let body = json!({"guest_token": forged});
        ann.post("/v1/sessions/claim", body).await.is_problem(422, "bad_guest_token");
    }
    assert_eq!(ann.shows().await, "");
}

#[tokio::test]
async fn the_guests_own_token_leads_to_a_fresh_cart_afterwards() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let (guest, token) = guest_with(&shop, &[("A", 2)]).await;
    claim(&ann, &token).await;
    let late = guest.add("B", 1).await;
    assert_eq!((late.shown().as_str(), late.notices()), ("B 1", vec!["cart_merged"]));
    let fresh = late.header("evercart-session").unwrap();
    assert_eq!(shop.holder(fresh).shows().await, "B 1");
    assert_eq!(ann.shows().await, "A 2");
}

#[tokio::test]
async fn an_undo_gives_both_back_what_they_had_and_doing_it_twice_is_once() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    fill(&ann, &[("A", 5), ("B", 1)]).await;
    let (_, token) = guest_with(&shop, &[("A", 2), ("C", 1)]).await;
    let body = json!({"guest_token": token, "policy": "keep_guest"});
    let claimed = ann.post("/v1/sessions/claim", body).await.is(200);
    assert_eq!(claimed.shown(), "A 2, B 1, C 1");
    let path = format!("/v1/sessions/claim/{}/undo", text(&claimed.body["merge"]["id"]));
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let undone = ann.post(&path, json!({})).await.is(200);
        assert_eq!(undone.shown(), "A 5, B 1");
        let guest = shop.holder(text(&undone.body["guest_token"])).cart().await;
        assert_eq!(guest.shown(), "A 2, C 1");
        tokens.push(guest.id().to_owned());
    }
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(ann.shows().await, "A 5, B 1");
}

#[tokio::test]
async fn only_the_own_merges_can_be_undone() {
    let shop = Shop::open();
    let (ann, bob) = (shop.account(&shop.unique("ann")), shop.account(&shop.unique("bob")));
    let (guest, token) = guest_with(&shop, &[("A", 2)]).await;
    let claimed = claim(&ann, &token).await;
    let path = format!("/v1/sessions/claim/{}/undo", text(&claimed.body["merge"]["id"]));
    bob.post(&path, json!({})).await.is_problem(404, "unknown_merge");
    guest.post(&path, json!({})).await.is_problem(401, "unauthenticated");
    for id in ["m_", "nonsense", "m_AAAAAAAAAAAAAAAAAAAAAA"] {
        ann.post(&format!("/v1/sessions/claim/{id}/undo"), json!({})).await.is_problem(404, "unknown_merge");
    }
    assert_eq!(ann.shows().await, "A 2");
}

#[tokio::test]
async fn two_currencies_are_both_kept_shown_and_named() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let euro = shop.unique("tee");
    shop.put_items(&[json!({"sku": euro, "title": "Tee", "price": {"amount": 300, "currency": "EUR"}})])
        .await;
    let first = ann.add("A", 1).await;
    // The oldest line says the cart's currency: the guest's has to be of a later millisecond.
    let token = loop {
        let (guest, token) = guest_with(&shop, &[(euro.as_str(), 2)]).await;
        let read = guest.get("/v1/cart").await;
        if text(&read.line(&euro)["added_at"]) > text(&first.line("A")["added_at"]) {
            break token;
        }
    };
    let claimed = claim(&ann, &token).await;
    assert_eq!(claimed.line(&euro)["quantity"], 2);
    assert_eq!(claimed.line(&euro)["notices"][0]["code"], "currency_mismatch");
    assert_eq!(claimed.cart()["totals"]["subtotal"], json!({"amount": 100, "currency": "GBP"}));
}

#[tokio::test]
async fn a_claim_into_a_named_cart_leaves_the_active_one() {
    let shop = Shop::open();
    let ann = shop.account(&shop.unique("ann"));
    let (_, token) = guest_with(&shop, &[("A", 2)]).await;
    ann.post("/v1/sessions/claim?name=office", json!({"guest_token": token})).await.is(200);
    assert_eq!(ann.shows().await, "");
    assert_eq!(ann.get("/v1/cart?name=office").await.is(200).shown(), "A 2");
}
