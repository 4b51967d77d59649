//! The public keys of an identity provider, as a JWKS (RFC 7517) tells them.
//!
//! A key checks only what it was made for: its own `alg`, or what its type and curve can do, and of that only what the
//! shop allows. So a token cannot choose how it is checked. Shared secrets in a JWKS are passed over.

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// More keys than this are no key set of a provider.
const KEYS_MAX: usize = 100;

/// Keys that can check tokens.
#[derive(Default)]
pub(super) struct KeySet(Vec<ProviderKey>);

struct ProviderKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// Why a document gives no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("not a JSON object with `keys`")]
    Malformed(#[from] serde_json::Error),
    #[error("{0} keys, and at most {KEYS_MAX} are taken")]
    TooMany(usize),
    #[error("none of its keys checks signatures with an allowed algorithm")]
    NoneUsable,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// The usable keys of a document. What is not understood is passed over, as RFC 7517 asks.
    pub(super) fn parse(document: &[u8], allowed: &[Algorithm]) -> Result<Self, KeySetError> {
        let Document { keys } = serde_json::from_slice(document)?;
        if keys.len() > KEYS_MAX {
            return Err(KeySetError::TooMany(keys.len()));
        }
        let usable: Vec<ProviderKey> = keys.into_iter().filter_map(|key| usable(key, allowed)).collect();
        if usable.is_empty() { Err(KeySetError::NoneUsable) } else { Ok(Self(usable)) }
    }

    /// True when there has never been a key.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys that may check a token with this key id and algorithm. A token without an id may be of any.
    pub(super) fn find<'a>(
        &'a self,
        id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a DecodingKey> {
        let fits = move |key: &&ProviderKey| {
            key.algorithms.contains(&algorithm) && id.is_none_or(|id| key.id.as_deref() == Some(id))
        };
        self.0.iter().filter(fits).map(|key| &key.key)
    }

    /// True when a key has this id. A token without one is not helped by other keys.
    pub(super) fn knows(&self, id: Option<&str>) -> bool {
        match id {
            None => !self.is_empty(),
            Some(id) => self.0.iter().any(|key| key.id.as_deref() == Some(id)),
        }
    }
}

fn usable(document: Value, allowed: &[Algorithm]) -> Option<ProviderKey> {
    let jwk: Jwk = serde_json::from_value(document).ok()?;
    let signs = match &jwk.common.public_key_use {
        None => true,
        Some(purpose) => *purpose == PublicKeyUse::Signature,
    };
    let verifies = match &jwk.common.key_operations {
        None => true,
        Some(operations) => operations.contains(&KeyOperations::Verify),
    };
    let algorithms: Vec<Algorithm> =
        capable(&jwk)?.iter().copied().filter(|algorithm| allowed.contains(algorithm)).collect();
    if !signs || !verifies || algorithms.is_empty() {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(ProviderKey { id: jwk.common.key_id, algorithms, key })
}

/// What a key can check: by its type, narrowed by its own `alg`.
fn capable(jwk: &Jwk) -> Option<Vec<Algorithm>> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let by_type: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[ES256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => &[ES384],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[EdDSA],
        _ => return None,
    };
    let own = match &jwk.common.key_algorithm {
        None => return Some(by_type.to_vec()),
        Some(name) => name.to_string().parse::<Algorithm>().ok()?,
    };
    by_type.contains(&own).then(|| vec![own])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ALL: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

    #[expect(clippy::needless_pass_by_value, reason = "so that a test can write the value in place")]
    fn parse(keys: Value) -> Result<KeySet, KeySetError> {
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes(), &ALL)
    }

    /// The public key of RFC 8037, appendix A.
    #[expect(clippy::needless_pass_by_value, reason = "so that a test can write the value in place")]
    fn ed25519(more: Value) -> Value {
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "e",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    #[test]
    fn a_key_is_for_its_own_algorithm_and_purpose_alone() {
        let plain = parse(json!([ed25519(json!({}))])).unwrap();
        assert_eq!(plain.find(Some("e"), Algorithm::EdDSA).count(), 1);
        assert_eq!(plain.find(None, Algorithm::EdDSA).count(), 1, "a token need not say which key");
        assert_eq!(plain.find(Some("f"), Algorithm::EdDSA).count(), 0);
        assert_eq!(plain.find(Some("e"), Algorithm::ES256).count(), 0);
        assert_eq!(plain.find(Some("e"), Algorithm::HS256).count(), 0);
        for unusable in [json!({"use": "enc"}), json!({"key_ops": ["encrypt"]}), json!({"alg": "ES256"})] {
            assert!(parse(json!([ed25519(unusable.clone())])).is_err(), "{unusable}");
        }
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let secret = json!({"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"});
        let future = json!({"kty": "new", "kid": "n"});
        let set = parse(json!([secret, future, 7, ed25519(json!({"alg": "EdDSA", "use": "sig"}))])).unwrap();
        assert!(set.knows(Some("e")) && !set.knows(Some("s")) && !set.knows(Some("n")));
        assert!(parse(json!([secret])).is_err(), "a shared secret checks nothing here");
        assert!(parse(json!([])).is_err());
        assert!(KeySet::parse(b"<html>", &ALL).is_err());
        assert!(parse(Value::Array(vec![ed25519(json!({})); KEYS_MAX + 1])).is_err());
    }
}
