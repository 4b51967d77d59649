//! Rate limits over real connections.

use crate::shop::{Shop, bearer, header};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back() {
    let shop = Shop::with(|config| config.rate.principal_per_minute = 3).await;
    let (eager, calm) = (bearer(&shop.guest().await), bearer(&shop.guest().await));
    for remaining in [2, 1, 0] {
        let read = shop.ask(Method::GET, "/v1/cart", &[("authorization", &eager)]).await;
        assert_eq!(read.status(), 200);
        let standing = header(&read, "ratelimit").unwrap();
        assert!(standing.starts_with(&format!("\"principal\";r={remaining};t=")), "{standing}");
        assert!(header(&read, "ratelimit-policy").unwrap().starts_with("\"principal\";q=3;w=60"));
    }
    let refused = shop.ask(Method::GET, "/v1/cart", &[("authorization", &eager)]).await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = header(&refused, "retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert!(header(&refused, "ratelimit").unwrap().starts_with("\"principal\";r=0;t="));
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "rate_limited");
    let read = shop.ask(Method::GET, "/v1/cart", &[("authorization", &calm)]).await;
    assert_eq!(read.status(), 200, "another shopper is not concerned");
}

#[tokio::test]
async fn sessions_are_limited_by_the_address_that_a_trusted_proxy_names() {
    let shop = Shop::with(|config| {
        config.rate.sessions_per_minute = 2;
        config.rate.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let open = async |from: &str| {
        shop.ask(Method::POST, "/v1/sessions", &[("x-forwarded-for", from)]).await.status().as_u16()
    };
    assert_eq!((open("192.0.2.1").await, open("192.0.2.1").await, open("192.0.2.1").await), (201, 201, 429));
    assert_eq!(open("192.0.2.2").await, 201, "another address");
    assert_eq!(
        open("192.0.2.2, 192.0.2.1").await,
        429,
        "what the caller wrote before the proxy is not believed"
    );
    let add = shop.send(
        Method::POST,
        "/v1/cart/lines",
        &[("x-forwarded-for", "192.0.2.1"), ("content-type", "application/json")],
        Some(r#"{"sku":"A","quantity":1}"#),
    );
    assert_eq!(add.await.status(), 429, "a change by nobody opens a session too");
}

#[tokio::test]
async fn nobody_can_name_an_address_that_no_trusted_proxy_wrote() {
    let shop = Shop::with(|config| config.rate.sessions_per_minute = 1).await;
    let open = async |from: &str| {
        shop.ask(Method::POST, "/v1/sessions", &[("x-forwarded-for", from)]).await.status().as_u16()
    };
    assert_eq!((open("192.0.2.1").await, open("192.0.2.2").await), (201, 429));
}

#[tokio::test]
async fn guessing_tokens_is_limited_and_services_are_not() {
    let shop = Shop::with(|config| config.rate.address_per_minute = 3).await;
    let statuses = [
        shop.status_of("x").await,
        shop.status_of("y").await,
        shop.status_of("z").await,
        shop.status_of("w").await,
    ];
    assert_eq!(statuses, [401, 401, 401, 429]);
    let service = bearer(&server::auth::issue_service(shop.data(), &["carts"]).unwrap());
    for _ in 0..5 {
        let path = "/v1/carts/c_00000000000000000000000000000000";
        let read = shop.ask(Method::GET, path, &[("authorization", &service)]).await;
        assert_ne!(read.status(), 429);
        assert_eq!(header(&read, "ratelimit"), None);
    }
    assert_eq!(shop.ask(Method::GET, "/readyz", &[]).await.status(), 200, "probes are not counted");
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let shop = Shop::with(|config| {
        config.rate.principal_per_minute = 0;
        config.rate.address_per_minute = 0;
        config.rate.sessions_per_minute = 0;
    })
    .await;
    let opened = shop.ask(Method::POST, "/v1/sessions", &[]).await;
    assert_eq!((opened.status().as_u16(), header(&opened, "ratelimit")), (201, None));
}
