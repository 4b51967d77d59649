//! Tokens of the local issuer: JWTs (RFC 7519), HS256 under the shop's own issuer keys.

use crate::keys::{KeyError, Keys};
use cart::token::TokenKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

const ISSUER: &str = "evercart";
const SHOPPER: &str = "evercart-shopper";
const SERVICE: &str = "evercart-service";
/// Seconds that clocks may differ.
const LEEWAY_S: u64 = 30;
/// Seconds for which a shopper's token is good: a day.
const SHOPPER_S: u64 = 24 * 60 * 60;
/// Days for which a service's token is good unless its maker says otherwise.
pub const SERVICE_DAYS: u32 = 90;
const DAY_S: u64 = 24 * 60 * 60;

/// Makes and checks local tokens.
pub struct Issuer {
    signing: EncodingKey,
    key_id: String,
    checking: Vec<(String, DecodingKey)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: u64,
    exp: u64,
    jti: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scope: String,
}

/// What a genuine token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Genuine {
    Shopper { subject: String },
    Service { id: String, scopes: Vec<String> },
}

/// A token with what its maker must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token itself: a secret.
    pub token: String,
    /// Its name, by which it can be revoked: no secret.
    pub id: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: u64,
}

/// Why a token cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The signature failed.
    #[error("token cannot be signed")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

impl Issuer {
    /// An issuer with these keys: it signs with the first and honours all.
    pub fn new(keys: &[TokenKey]) -> Option<Self> {
        let first = keys.first()?;
        let checking =
            keys.iter().map(|key| (key.id.to_string(), DecodingKey::from_secret(&key.secret))).collect();
        let signing = EncodingKey::from_secret(&first.secret);
        Some(Self { signing, key_id: first.id.to_string(), checking })
    }

    fn issue(
        &self,
        audience: &str,
        subject: &str,
        scope: String,
        seconds: u64,
    ) -> Result<IssuedToken, TokenError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let id = format!("{:016x}", rand::random::<u64>());
        let expires_at = now + seconds;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            sub: subject.to_owned(),
            iat: now,
            exp: expires_at,
            jti: id.clone(),
            scope,
        };
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims, &self.signing)?;
        Ok(IssuedToken { token, id, expires_at })
    }

    /// What a token says, if it is genuine and current.
    pub(super) fn check(&self, token: &str) -> Option<Genuine> {
        let key_id = jsonwebtoken::decode_header(token).ok()?.kid?;
        let (_, key) = self.checking.iter().find(|(id, _)| *id == key_id)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[SHOPPER, SERVICE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY_S;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &validation).ok()?.claims;
        match claims.aud.as_str() {
            SHOPPER => Some(Genuine::Shopper { subject: claims.sub }),
            SERVICE => {
                let scopes = claims.scope.split_whitespace().map(str::to_owned).collect();
                Some(Genuine::Service { id: claims.jti, scopes })
            }
            _ => None,
        }
    }
}

/// A token for a shopper, by the keys of a data directory.
pub fn issue_shopper(data: &Path, subject: &str) -> Result<String, TokenError> {
    Ok(shopper_token(data, subject)?.token)
}

/// A token for a service with these scopes, by the keys of a data directory, for the usual time.
pub fn issue_service(data: &Path, scopes: &[&str]) -> Result<String, TokenError> {
    Ok(service_token(data, scopes, SERVICE_DAYS)?.token)
}

/// A token for a shopper, with its id and its end.
pub fn shopper_token(data: &Path, subject: &str) -> Result<IssuedToken, TokenError> {
    issuer(data)?.issue(SHOPPER, subject, String::new(), SHOPPER_S)
}

/// A token for a service with these scopes, good for so many days, with its id and its end.
pub fn service_token(data: &Path, scopes: &[&str], days: u32) -> Result<IssuedToken, TokenError> {
    issuer(data)?.issue(SERVICE, "service", scopes.join(" "), u64::from(days) * DAY_S)
}

fn issuer(data: &Path) -> Result<Issuer, TokenError> {
    let keys = Keys::open(data)?;
    Issuer::new(&keys.issuer).ok_or_else(|| KeyError::Missing(data.to_owned()).into())
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(secret: u8) -> Issuer {
        Issuer::new(&[TokenKey { id: 1, secret: [secret; 32] }]).unwrap()
    }

    #[test]
    fn a_token_is_good_for_its_audience_key_and_time_alone() {
        let shopper = issuer(1).issue(SHOPPER, "ann", String::new(), 60).unwrap().token;
        assert_eq!(issuer(1).check(&shopper), Some(Genuine::Shopper { subject: "ann".to_owned() }));
        assert_eq!(issuer(2).check(&shopper), None, "another shop's key");
        let service = issuer(1).issue(SERVICE, "s", "catalog carts".to_owned(), 60).unwrap();
        let id = service.id.clone();
        let scopes = vec!["catalog".to_owned(), "carts".to_owned()];
        assert_eq!(issuer(1).check(&service.token), Some(Genuine::Service { id, scopes }));
        let elsewhere = issuer(1).issue("another", "ann", String::new(), 60).unwrap().token;
        assert_eq!(issuer(1).check(&elsewhere), None, "another audience");
        assert_eq!(issuer(1).check("a.b.c"), None);
        assert_eq!(issuer(1).check(&shopper[..shopper.len() - 2]), None, "shortened");
    }

    #[test]
    fn a_token_without_signature_is_refused() {
        let claims =
            r#"{"iss":"evercart","aud":"evercart-shopper","sub":"ann","iat":1,"exp":99999999999,"jti":"1"}"#;
        let part = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
        let forged = format!("{}.{}.", part(r#"{"alg":"none","kid":"1"}"#), part(claims));
        assert_eq!(issuer(1).check(&forged), None);
    }
}
