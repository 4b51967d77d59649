//! Changes by cookie: only pages of the shop may send them, and only as JSON.

use crate::harness::{Caller, Shop};
use reqwest::Method;
use serde_json::json;

/// A browser that holds a session cookie with one A in its cart, and the address of the server.
async fn browser(shop: &Shop) -> Caller {
    let token = shop.guest_token().await;
    shop.holder(&token).add("A", 1).await;
    shop.nobody().with("cookie", &format!("other=1; evercart_session={token}"))
}

/// Requests that change something.
fn changes(browser: &Caller) -> Vec<crate::harness::Ask> {
    vec![
        browser.post("/v1/cart/lines", json!({"sku": "A", "quantity": 1})),
        browser.patch("/v1/cart", json!({"ops": [{"op": "clear"}]})),
        browser.delete("/v1/cart"),
        browser.post("/v1/sessions", json!({})),
    ]
}

#[tokio::test]
async fn a_page_of_the_shop_changes_the_cart_by_cookie() {
    let shop = Shop::with(|config| config.auth.origins = vec!["https://shop.example".to_owned()]);
    for (header, value) in [
        ("origin", format!("http://{}", shop.address())),
        ("origin", "https://shop.example".to_owned()),
        ("sec-fetch-site", "same-origin".to_owned()),
    ] {
        let page = browser(&shop).await.with(header, &value);
        assert_eq!(page.add("A", 2).await.shown(), "A 3");
        assert_eq!(page.delete("/v1/cart").await.is(200).shown(), "");
    }
}

#[tokio::test]
async fn another_page_changes_nothing_by_cookie() {
    let shop = Shop::with(|config| config.auth.origins = vec!["https://shop.example".to_owned()]);
    let browser = browser(&shop).await;
    let foreign = [
        ("x-nothing", "said"),
        ("origin", "https://evil.example"),
        ("origin", "https://shop.example.evil.example"),
        ("origin", "http://shop.example"),
        ("origin", "https://shop.example:8443"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
    ];
    for (header, value) in foreign {
        for change in changes(&browser.with(header, value)) {
            change.await.is_problem(403, "foreign_origin");
        }
    }
    let lying = browser.with("origin", "https://evil.example").with("sec-fetch-site", "same-origin");
    lying.delete("/v1/cart").await.is_problem(403, "foreign_origin");
    assert_eq!(browser.shows().await, "A 1");
}

#[tokio::test]
async fn reading_by_cookie_needs_no_origin() {
    let shop = Shop::open();
    let browser = browser(&shop).await;
    assert_eq!(browser.shows().await, "A 1");
    assert_eq!(
        browser.with("origin", "https://evil.example").shows().await,
        "A 1",
        "but no other page can see it"
    );
}

#[tokio::test]
async fn a_form_cannot_change_the_cart() {
    let shop = Shop::open();
    let page = browser(&shop).await.with("origin", &format!("http://{}", shop.address()));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let body = json!({"sku": "A", "quantity": 1}).to_string().into_bytes();
        let sent = page.ask(Method::POST, "/v1/cart/lines").header("content-type", kind).bytes(body).await;
        assert!(sent.status == 403 || sent.status == 415, "{}", sent.text);
    }
    assert_eq!(page.shows().await, "A 1");
}

#[tokio::test]
async fn a_token_in_the_header_wins_over_the_cookie_and_needs_no_origin() {
    let shop = Shop::open();
    let browser = browser(&shop).await;
    let token = shop.guest_token().await;
    let both = browser.with("authorization", &format!("Bearer {token}"));
    assert_eq!(both.add("B", 1).await.shown(), "B 1");
    assert_eq!(browser.shows().await, "A 1");
}

#[tokio::test]
async fn a_cookie_that_is_none_of_ours_is_as_none() {
    let shop = Shop::open();
    let old = shop.nobody().with("cookie", "evercart_session=g1.old").with("sec-fetch-site", "same-origin");
    old.get("/v1/cart").await.is_problem(401, "unauthenticated");
    let added = old.add("A", 1).await;
    assert!(added.header("set-cookie").unwrap().starts_with("evercart_session=g1."));
}
