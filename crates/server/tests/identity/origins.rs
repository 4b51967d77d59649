//! Pages of other origins: CORS for those that are listed, and no change by cookie from any other.

use crate::shop::{Shop, bearer, header};
use reqwest::Method;

const SHOP: &str = "https://shop.example";
const ADD: &str = r#"{"sku":"A","quantity":1}"#;

async fn shop() -> Shop {
    Shop::with(|config| {
        config.auth.origins = vec![SHOP.to_owned()];
        config.catalog.unknown_sku = server::config::UnknownSkuSetting::AcceptUnpriced;
    })
    .await
}

async fn preflight(shop: &Shop, origin: &str) -> reqwest::Response {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "content-type,idempotency-key"),
    ];
    shop.ask(Method::OPTIONS, "/v1/cart", &headers).await
}

#[tokio::test]
async fn a_listed_page_may_ask_with_credentials_and_read_the_headers() {
    let shop = shop().await;
    let answer = preflight(&shop, SHOP).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "access-control-allow-origin"), Some(SHOP));
    assert_eq!(header(&answer, "access-control-allow-credentials"), Some("true"));
    assert!(header(&answer, "access-control-allow-methods").unwrap().contains("PATCH"));
    let allowed = header(&answer, "access-control-allow-headers").unwrap();
    for name in ["content-type", "idempotency-key", "evercart-context", "if-match"] {
        assert!(allowed.split(',').any(|own| own == name), "{name} in {allowed}");
    }
    let guest = bearer(&shop.guest().await);
    let read = shop.ask(Method::GET, "/v1/cart", &[("origin", SHOP), ("authorization", &guest)]).await;
    assert_eq!((read.status().as_u16(), header(&read, "vary")), (200, Some("origin")));
    let exposed = header(&read, "access-control-expose-headers").unwrap();
    for name in
        ["etag", "evercart-context", "evercart-session", "idempotent-replayed", "retry-after", "ratelimit"]
    {
        assert!(exposed.split(',').any(|own| own == name), "{name} in {exposed}");
    }
    let refused = shop.ask(Method::GET, "/v1/cart", &[("origin", SHOP), ("authorization", "Bearer x")]).await;
    assert_eq!(
        (refused.status().as_u16(), header(&refused, "access-control-allow-origin")),
        (401, Some(SHOP))
    );
}

#[tokio::test]
async fn no_other_page_is_told_anything() {
    let shop = shop().await;
    for origin in ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"]
    {
        let answer = preflight(&shop, origin).await;
        assert_eq!(header(&answer, "access-control-allow-origin"), None, "{origin}");
        assert_eq!(header(&answer, "access-control-allow-credentials"), None, "{origin}");
        assert_eq!(header(&answer, "vary"), Some("origin"), "caches must not mix them up");
    }
    let closed = Shop::with(|_| ()).await;
    let answer = preflight(&closed, SHOP).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "access-control-allow-origin")), (405, None));
}

/// The status of an add, by cookie or by nobody, with these headers.
async fn add(shop: &Shop, headers: &[(&str, &str)]) -> u16 {
    shop.send(Method::POST, "/v1/cart/lines", headers, Some(ADD)).await.status().as_u16()
}

#[tokio::test]
async fn a_change_by_cookie_needs_a_page_of_the_shop_and_json() {
    let shop = shop().await;
    let cookie = format!("evercart_session={}", shop.guest().await);
    let (cookie, json) = (("cookie", &*cookie), ("content-type", "application/json"));
    let own = shop.url();
    for from in [("origin", SHOP), ("origin", &own), ("sec-fetch-site", "same-origin")] {
        assert_eq!(add(&shop, &[cookie, json, from]).await, 200, "{from:?}");
        assert_eq!(add(&shop, &[cookie, ("content-type", "text/plain"), from]).await, 415, "{from:?}");
    }
    let foreign = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("referer", SHOP),
    ];
    for from in foreign {
        assert_eq!(add(&shop, &[cookie, json, from]).await, 403, "{from:?}");
        let cleared = shop.ask(Method::DELETE, "/v1/cart?seen=x", &[cookie, from]).await;
        assert_eq!(cleared.status(), 403, "{from:?}");
    }
    assert_eq!(shop.ask(Method::GET, "/v1/cart", &[cookie]).await.status(), 200, "reading changes nothing");
}

#[tokio::test]
async fn a_foreign_page_cannot_put_another_session_in_place_of_the_shoppers() {
    // A browser leaves the cookie out of such a request, and would take the cookie of the answer.
    let shop = shop().await;
    for from in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let opened = shop.ask(Method::POST, "/v1/sessions", &[from]).await;
        assert_eq!((opened.status().as_u16(), header(&opened, "set-cookie")), (403, None), "{from:?}");
        assert_eq!(add(&shop, &[("content-type", "application/json"), from]).await, 403, "{from:?}");
    }
    assert_eq!(shop.ask(Method::POST, "/v1/sessions", &[("origin", SHOP)]).await.status(), 201);
    assert_eq!(shop.ask(Method::POST, "/v1/sessions", &[]).await.status(), 201, "no browser");
}
