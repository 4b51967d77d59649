//! Shoppers' tokens of an identity provider.

use crate::{
    provider::{Key, Provider, claims, seconds},
    shop::{Shop, bearer},
};
use reqwest::Method;
use serde_json::json;
use server::auth::settings::JwtAlgorithm;

async fn shop(provider: &Provider) -> Shop {
    let settings = provider.settings();
    Shop::with(|config| {
        config.auth.jwt = settings;
        config.auth.local_issuer = true;
    })
    .await
}

#[tokio::test]
async fn a_token_signed_with_any_published_key_is_accepted() {
    let keys = [Key::ed25519("e", 1), Key::p256("p", 2), Key::rsa("r")];
    let provider = Provider::start(&[&keys[0], &keys[1], &keys[2]]).await;
    let shop = shop(&provider).await;
    for key in &keys {
        assert_eq!(shop.status_of(&key.good()).await, 200, "{}", key.id);
    }
    let several = keys[0].sign(&claims(json!({"aud": ["another", crate::provider::AUDIENCE]})));
    assert_eq!(shop.status_of(&several).await, 200);
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn the_subject_names_one_cart_whoever_signed() {
    let key = Key::ed25519("e", 1);
    let provider = Provider::start(&[&key]).await;
    let shop = shop(&provider).await;
    let local = server::auth::issue_shopper(shop.data(), "ann").unwrap();
    let mut ids = Vec::new();
    for token in [key.good(), local] {
        let cart = shop.ask(Method::GET, "/v1/cart", &[("authorization", &bearer(&token))]).await;
        let cart: serde_json::Value = cart.json().await.unwrap();
        ids.push(cart["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_token_of_another_issuer_audience_or_time_is_refused() {
    let key = Key::p256("p", 2);
    let provider = Provider::start(&[&key]).await;
    let shop = shop(&provider).await;
    let refused = [
        json!({"iss": "https://other.example"}),
        json!({"iss": null}),
        json!({"aud": "another-shop"}),
        json!({"aud": null}),
        json!({"exp": seconds(-31)}),
        json!({"exp": null}),
        json!({"nbf": seconds(120)}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "a".repeat(256)}),
    ];
    for otherwise in refused {
        assert_eq!(shop.status_of(&key.sign(&claims(otherwise.clone()))).await, 401, "{otherwise}");
    }
    let just_ended = key.sign(&claims(json!({"exp": seconds(-10)})));
    assert_eq!(shop.status_of(&just_ended).await, 200, "clocks may differ by the leeway");
}

#[tokio::test]
async fn a_token_cannot_choose_how_it_is_checked() {
    let (rsa, edwards) = (Key::rsa("r"), Key::ed25519("e", 1));
    let provider = Provider::start(&[&rsa, &edwards]).await;
    let shop = shop(&provider).await;
    let part = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
    let payload = part(&claims(json!({})).to_string());
    let none = format!("{}.{payload}.", part(r#"{"alg":"none","kid":"r"}"#));
    assert_eq!(shop.status_of(&none).await, 401);
    // The public key as the secret of an HMAC: whoever reads the key set could sign.
    let modulus = rsa.public()["n"].as_str().unwrap().to_owned();
    for secret in
        [modulus.as_bytes().to_vec(), data_encoding::BASE64URL_NOPAD.decode(modulus.as_bytes()).unwrap()]
    {
        let header = jsonwebtoken::Header {
            kid: Some("r".to_owned()),
            ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256)
        };
        let secret = jsonwebtoken::EncodingKey::from_secret(&secret);
        let forged = jsonwebtoken::encode(&header, &claims(json!({})), &secret).unwrap();
        assert_eq!(shop.status_of(&forged).await, 401);
    }
    let crossed = Key::ed25519("r", 9).good();
    assert_eq!(shop.status_of(&crossed).await, 401, "the key named `r` does not check Ed25519");
    let stranger = Key::ed25519("e", 3).good();
    assert_eq!(shop.status_of(&stranger).await, 401, "the right name, another key");
    let good = edwards.good();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let bent = format!("{head}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(shop.status_of(&bent).await, 401);
}

#[tokio::test]
async fn an_algorithm_that_is_not_allowed_is_refused() {
    let (rsa, edwards) = (Key::rsa("r"), Key::ed25519("e", 1));
    let provider = Provider::start(&[&rsa, &edwards]).await;
    let mut settings = provider.settings();
    settings.algorithms = vec![JwtAlgorithm::EdDSA];
    let shop = Shop::with(|config| config.auth.jwt = settings).await;
    assert_eq!(shop.status_of(&rsa.good()).await, 401);
    assert_eq!(shop.status_of(&edwards.good()).await, 200);
}

#[tokio::test]
async fn a_new_key_is_fetched_once_and_made_up_keys_cause_no_more_fetches() {
    let (old, new) = (Key::ed25519("old", 1), Key::ed25519("new", 2));
    let provider = Provider::start(&[&old]).await;
    let shop = shop(&provider).await;
    assert_eq!(shop.status_of(&old.good()).await, 200);
    provider.publish(&[&old, &new]);
    let tokens: Vec<String> = (0..8).map(|_| new.good()).collect();
    let together = futures::future::join_all(tokens.iter().map(|token| shop.status_of(token))).await;
    assert_eq!((together, provider.asked()), (vec![200; 8], 2), "the first, and one for the new key");
    for _ in 0..5 {
        assert_eq!(shop.status_of(&Key::ed25519("made-up", 3).good()).await, 401);
    }
    assert_eq!(provider.asked(), 2);
    assert_eq!(shop.status_of(&old.good()).await, 200);
}

#[tokio::test]
async fn a_token_of_somebody_else_causes_no_fetch() {
    let key = Key::ed25519("e", 1);
    let provider = Provider::start(&[&key]).await;
    let shop = shop(&provider).await;
    let foreign = Key::ed25519("unknown", 2).sign(&claims(json!({"iss": "https://other.example"})));
    assert_eq!(shop.status_of(&foreign).await, 401);
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn keys_go_on_working_while_the_provider_is_down() {
    let key = Key::ed25519("e", 1);
    let provider = Provider::start(&[&key]).await;
    let shop = shop(&provider).await;
    provider.set_down(true);
    assert_eq!(shop.status_of(&Key::ed25519("new", 2).good()).await, 401);
    assert_eq!(provider.asked(), 2, "it was asked, and failed");
    assert_eq!(shop.status_of(&key.good()).await, 200);
}

#[tokio::test]
async fn a_shop_starts_while_its_provider_is_down_and_accepts_tokens_when_it_is_back() {
    let key = Key::ed25519("e", 1);
    let provider = Provider::start(&[&key]).await;
    provider.set_down(true);
    let shop = shop(&provider).await;
    let away = shop.ask(Method::GET, "/v1/cart", &[("authorization", &bearer(&key.good()))]).await;
    assert_eq!((away.status().as_u16(), away.headers()["retry-after"].as_bytes()), (503, &b"2"[..]));
    let guest = shop.guest().await;
    assert_eq!(shop.status_of(&guest).await, 200);
    let local = server::auth::issue_shopper(shop.data(), "bob").unwrap();
    assert_eq!(shop.status_of(&local).await, 200);
    provider.set_down(false);
    // Fetches are repeated behind: wait for the state.
    let mut status = 503;
    while status == 503 {
        status = shop.status_of(&key.good()).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(status, 200);
}

#[tokio::test]
async fn keys_can_be_a_file() {
    let key = Key::p256("p", 2);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({"keys": [key.public()]}).to_string()).unwrap();
    let provider = Provider::start(&[]).await;
    let mut settings = provider.settings();
    settings.jwks_url = String::new();
    settings.jwks_file = file.path().to_owned();
    let shop = Shop::with(|config| config.auth.jwt = settings).await;
    assert_eq!(shop.status_of(&key.good()).await, 200);
    let local = server::auth::issue_shopper(shop.data(), "ann").unwrap();
    assert_eq!(shop.status_of(&local).await, 401, "local shoppers are off unless configured");
}
