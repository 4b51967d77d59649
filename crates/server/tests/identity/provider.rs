//! An identity provider on loopback: publishes keys, signs tokens, counts who asks, and can be down.

use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use parking_lot::Mutex;
use serde_json::{Value, json};
use server::auth::settings::JwtSettings;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::net::TcpListener;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "the-shop";

/// A key that signs.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: &'static str,
    algorithm: Algorithm,
    signing: EncodingKey,
}

impl Key {
    /// An Ed25519 key from 32 equal bytes, as PKCS #8.
    pub(crate) fn ed25519(id: &'static str, byte: u8) -> Self {
        let mut der = data_encoding::HEXLOWER.decode(b"302e020100300506032b657004220420").unwrap();
        der.extend([byte; 32]);
        Self { id, algorithm: Algorithm::EdDSA, signing: EncodingKey::from_ed_der(&der) }
    }

    /// A P-256 key from 32 equal bytes, as PKCS #8.
    pub(crate) fn p256(id: &'static str, byte: u8) -> Self {
        let head = b"3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420";
        let mut der = data_encoding::HEXLOWER.decode(head).unwrap();
        der.extend([byte; 32]);
        Self { id, algorithm: Algorithm::ES256, signing: EncodingKey::from_ec_der(&der) }
    }

    /// An RSA key that is for tests alone.
    pub(crate) fn rsa(id: &'static str) -> Self {
        let der = include_bytes!("../../test-data/rsa-for-tests.der");
        Self { id, algorithm: Algorithm::RS256, signing: EncodingKey::from_rsa_der(der) }
    }

    /// The public half, as it is published.
    pub(crate) fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.signing, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    /// A token that says this.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }

    /// A token for Ann that is good in every respect.
    pub(crate) fn good(&self) -> String {
        self.sign(&claims(json!({})))
    }
}

/// Claims of a good token for Ann, with some of them otherwise; null leaves a claim out.
#[expect(clippy::needless_pass_by_value, reason = "callers write `json!` in place")]
pub(crate) fn claims(otherwise: Value) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": now + 600});
    for (name, value) in otherwise.as_object().unwrap() {
        let claims = claims.as_object_mut().unwrap();
        if value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// Seconds since 1970, moved.
pub(crate) fn seconds(by: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + by
}

/// What publishes keys.
#[derive(Clone)]
pub(crate) struct Provider {
    address: SocketAddr,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Provider {
    pub(crate) async fn start(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let provider = Self { address, keys: Arc::default(), asked: Arc::default(), down: Arc::default() };
        provider.publish(keys);
        let state = provider.clone();
        let answer = async move || {
            state.asked.fetch_add(1, Ordering::SeqCst);
            if state.down.load(Ordering::SeqCst) {
                return Err(axum::http::StatusCode::BAD_GATEWAY);
            }
            Ok(axum::Json(json!({"keys": *state.keys.lock()})))
        };
        let app = axum::Router::new().route("/jwks", axum::routing::get(answer));
        tokio::spawn(async move { axum::serve(listener, app).await });
        provider
    }

    pub(crate) fn publish(&self, keys: &[&Key]) {
        *self.keys.lock() = keys.iter().map(|key| key.public()).collect();
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// How often keys were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Settings of a shop that accepts its tokens.
    pub(crate) fn settings(&self) -> JwtSettings {
        JwtSettings {
            issuer: ISSUER.to_owned(),
            audience: vec![AUDIENCE.to_owned()],
            jwks_url: format!("http://{}/jwks", self.address),
            ..JwtSettings::default()
        }
    }
}
