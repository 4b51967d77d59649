//! Service tokens: scopes, ends and revocation.

use crate::shop::{Shop, bearer};
use reqwest::Method;
use serde_json::Value;
use server::auth::{issue_service, service_token};
use std::process::Command;

async fn import(shop: &Shop, token: &str) -> u16 {
    let headers = [("authorization", &*bearer(token)), ("content-type", "application/x-ndjson")];
    let body = r#"{"sku":"A","title":"Thing A"}"#;
    shop.send(Method::PUT, "/v1/catalog/items", &headers, Some(body)).await.status().as_u16()
}

async fn revoke(shop: &Shop, admin: &str, id: &str) -> reqwest::Response {
    let path = format!("/v1/admin/tokens/{id}/revocation");
    shop.ask(Method::POST, &path, &[("authorization", &bearer(admin))]).await
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_others_are_not() {
    let shop = Shop::with(|_| ()).await;
    let stolen = service_token(shop.data(), &["catalog"], 1).unwrap();
    let other = issue_service(shop.data(), &["catalog"]).unwrap();
    let admin = issue_service(shop.data(), &["admin"]).unwrap();
    assert_eq!((import(&shop, &stolen.token).await, import(&shop, &other).await), (200, 200));
    let revoked = revoke(&shop, &admin, &stolen.id).await;
    assert_eq!(revoked.status(), 200);
    let first: Value = revoked.json().await.unwrap();
    assert_eq!((import(&shop, &stolen.token).await, import(&shop, &other).await), (401, 200));
    let again: Value = revoke(&shop, &admin, &stolen.id).await.json().await.unwrap();
    assert_eq!(again, first, "it is revoked since the first time");
}

#[tokio::test]
async fn only_an_administrator_revokes_and_only_what_is_an_id() {
    let shop = Shop::with(|config| config.auth.local_issuer = true).await;
    let token = service_token(shop.data(), &["catalog", "carts"], 1).unwrap();
    assert_eq!(revoke(&shop, &token.token, &token.id).await.status(), 403);
    let shopper = server::auth::issue_shopper(shop.data(), "ann").unwrap();
    assert_eq!(revoke(&shop, &shopper, &token.id).await.status(), 403);
    assert_eq!(revoke(&shop, &shop.guest().await, &token.id).await.status(), 403);
    let admin = issue_service(shop.data(), &["admin"]).unwrap();
    for wrong in ["x", "00000000000000AA", "00000000000000aa0"] {
        assert_eq!(revoke(&shop, &admin, wrong).await.status(), 404, "{wrong}");
    }
    assert_eq!(import(&shop, &token.token).await, 200);
    assert_eq!(import(&shop, &admin).await, 403);
}

#[tokio::test]
async fn the_command_says_id_and_end_and_revokes_while_the_server_runs() {
    let shop = Shop::with(|_| ()).await;
    let data = shop.data().to_owned();
    let url = shop.url();
    let run = async |words: Vec<String>| {
        let data = data.clone();
        let output = tokio::task::spawn_blocking(move || {
            let command = env!("CARGO_BIN_EXE_evercart");
            Command::new(command).arg("token").args(words).arg("--data").arg(data).output().unwrap()
        });
        let output = output.await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let made: Value =
        serde_json::from_str(&run(words("service --scope catalog --days 7 --json")).await).unwrap();
    let end: jiff::Timestamp = made["expires_at"].as_str().unwrap().parse().unwrap();
    let days = (end.as_second() - jiff::Timestamp::now().as_second()) as f64 / 86_400.0;
    assert!((6.9..=7.0).contains(&days), "{days}");
    let (token, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert_eq!(import(&shop, token).await, 200);
    let said = run(words(&format!("revoke {id} --url {url}"))).await;
    assert!(said.contains("revoked since"), "{said}");
    assert_eq!(import(&shop, token).await, 401);
}
