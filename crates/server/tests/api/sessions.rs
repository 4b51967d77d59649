//! `POST /v1/sessions`, and what becomes of guest tokens.

use crate::harness::{Shop, reply::text};
use cart::{CartId, Timestamp, token::GuestToken};
use serde_json::json;
use server::keys::Keys;

#[tokio::test]
async fn a_session_is_a_token_a_cookie_and_an_empty_cart() {
    let shop = Shop::open();
    let opened = shop.nobody().post("/v1/sessions", json!({})).await.is(201);
    let token = text(&opened.body["token"]);
    assert!(token.starts_with("g1.") && token.len() > 40, "{token}");
    let cookie = opened.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("evercart_session={token}; ")), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute} in {cookie}");
    }
    assert_eq!(opened.body["expires_at"], opened.cart()["expires_at"]);
    assert_eq!((opened.shown(), opened.cart()["kind"].clone()), (String::new(), json!("guest")));
    let cart = shop.holder(token).cart().await;
    assert_eq!((cart.id(), cart.etag()), (opened.id(), opened.etag()));
}

#[tokio::test]
async fn a_session_can_be_opened_without_a_body() {
    let shop = Shop::open();
    let opened = shop.nobody().ask(reqwest::Method::POST, "/v1/sessions").await.is(201);
    assert!(opened.body["token"].is_string());
}

#[tokio::test]
async fn two_sessions_are_two_carts() {
    let shop = Shop::open();
    let (ann, bob) = (shop.guest().await, shop.guest().await);
    ann.add("A", 2).await;
    assert_eq!((ann.shows().await.as_str(), bob.shows().await.as_str()), ("A 2", ""));
}

#[tokio::test]
async fn a_change_by_nobody_opens_a_session() {
    let shop = Shop::open();
    let added = shop.nobody().add("A", 2).await;
    let token = added.header("evercart-session").unwrap();
    assert!(added.header("set-cookie").unwrap().contains(token));
    assert_eq!(shop.holder(token).shows().await, "A 2");
}

#[tokio::test]
async fn nobody_has_no_cart_to_read() {
    let shop = Shop::open();
    let refused = shop.nobody().get("/v1/cart").await.is_problem(401, "unauthenticated");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
}

/// A genuine token of the shop for a new cart, given out and ending so many days from now.
fn token(shop: &Shop, issued_in_days: i64, ends_in_days: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let at = |days: i64| Timestamp((i64::try_from(now).unwrap() + days * 86_400_000).try_into().unwrap());
    let cart = CartId(rand::random());
    let token = GuestToken { cart, issued_at: at(issued_in_days), expires_at: at(ends_in_days) };
    token.to_text(&Keys::open(shop.data()).unwrap().tokens)
}

#[tokio::test]
async fn whoever_comes_with_an_ended_token_gets_a_fresh_cart_and_a_notice() {
    let shop = Shop::open();
    let ended = token(&shop, -31, -1);
    let returning = shop.holder(&ended);
    let read = returning.cart().await;
    assert_eq!((read.shown().as_str(), read.notices()), ("", vec!["session_expired"]));
    let added = returning.add("A", 3).await;
    assert_eq!((added.shown().as_str(), added.notices()), ("A 3", vec!["session_expired"]));
    let fresh = added.header("evercart-session").unwrap();
    assert_ne!(fresh, ended);
    let later = shop.holder(fresh).cart().await;
    assert_eq!((later.shown().as_str(), later.notices()), ("A 3", vec![]), "the notice is said once");
}

#[tokio::test]
async fn an_ended_token_in_the_cookie_is_renewed_in_the_cookie() {
    let shop = Shop::open();
    let ended = token(&shop, -31, -1);
    let browser = shop.nobody().with("cookie", &format!("theme=dark; evercart_session={ended}"));
    let read = browser.cart().await;
    assert_eq!(read.notices(), ["session_expired"]);
    assert_eq!(read.header("evercart-session"), None, "scripts of a page must not see it");
    let cookie = read.header("set-cookie").unwrap();
    assert!(cookie.starts_with("evercart_session=g1.") && !cookie.contains(&ended), "{cookie}");
}

#[tokio::test]
async fn a_token_slides_while_it_is_used_and_keeps_its_cart() {
    let shop = Shop::open();
    let older = token(&shop, -10, 20);
    let added = shop.holder(&older).add("A", 1).await;
    let renewed = added.header("evercart-session").unwrap();
    let cart = shop.holder(renewed).cart().await;
    assert_eq!((cart.id(), cart.shown().as_str()), (added.id(), "A 1"));
    assert_eq!(cart.header("evercart-session"), None, "it is new already");
    assert!(text(&cart.body["expires_at"]) > text(&shop.holder(&older).cart().await.body["updated_at"]));
    assert_eq!(shop.holder(&older).shows().await, "A 1", "the older one is good until it ends");
}

#[tokio::test]
async fn a_forged_or_foreign_token_is_refused() {
    let (shop, other_shop) = (Shop::open(), Shop::with(|_| ()));
    let genuine = shop.guest_token().await;
    let mut forged = genuine.clone().into_bytes();
    forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let foreign = other_shop.guest_token().await;
    let foreign_account = server::auth::issue_shopper(other_shop.data(), "ann").unwrap();
    for wrong in [forged.as_str(), &foreign, &foreign_account, "g1.", "nonsense", "a.b.c", &genuine[..30]] {
        let caller = shop.holder(wrong);
        caller.get("/v1/cart").await.is_problem(401, "bad_token");
        caller.post("/v1/cart/lines", json!({"sku": "A", "quantity": 1})).await.is_problem(401, "bad_token");
        caller.post("/v1/sessions", json!({})).await.is_problem(401, "bad_token");
    }
    for header in ["", "Bearer", "Basic QTpC", &format!("Token {genuine}")] {
        let caller = shop.nobody().with("authorization", header);
        caller.get("/v1/cart").await.is_problem(401, "bad_token");
    }
    assert_eq!(shop.nobody().with("authorization", &format!("bearer {genuine}")).shows().await, "");
}
