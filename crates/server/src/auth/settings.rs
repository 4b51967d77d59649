//! Settings of identity: whose tokens are accepted beside the shop's own.

use crate::config::ConfigError;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Tokens of an identity provider: JWTs whose keys it publishes as a JWKS (RFC 7517). Off while `issuer` is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JwtSettings {
    /// The `iss` of its tokens. Default: none.
    pub issuer: String,
    /// What `aud` may say; one of them is enough. Required with `issuer`.
    pub audience: Vec<String>,
    /// Where the provider publishes its keys, `https://…` (`http://…` within a trusted network). This or `jwks_file`.
    pub jwks_url: String,
    /// A file with the keys, for a shop without a way to its provider. This or `jwks_url`.
    pub jwks_file: PathBuf,
    /// How tokens may be signed. Default: RS256, PS256, ES256, ES384, EdDSA.
    pub algorithms: Vec<JwtAlgorithm>,
    /// Seconds that clocks may differ: 0 to 300. Default 30.
    pub leeway_seconds: u64,
    /// Seconds after which keys are fetched anew: 10 to 86,400. Default 3,600.
    pub refresh_seconds: u64,
    /// Seconds in which tokens with unknown keys cause one fetch at most: 1 to 3,600. Default 30.
    pub unknown_key_seconds: u64,
}

/// How a token may be signed: with a private key. Shared secrets (`HS…`) and `none` cannot be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of RFC 7518 and RFC 8037")]
pub enum JwtAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl JwtAlgorithm {
    /// The library's name of it.
    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::RS384 => Algorithm::RS384,
            Self::RS512 => Algorithm::RS512,
            Self::PS256 => Algorithm::PS256,
            Self::PS384 => Algorithm::PS384,
            Self::PS512 => Algorithm::PS512,
            Self::ES256 => Algorithm::ES256,
            Self::ES384 => Algorithm::ES384,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }
}

impl Default for JwtSettings {
    fn default() -> Self {
        use JwtAlgorithm::{ES256, ES384, EdDSA, PS256, RS256};
        Self {
            issuer: String::new(),
            audience: Vec::new(),
            jwks_url: String::new(),
            jwks_file: PathBuf::new(),
            algorithms: vec![RS256, PS256, ES256, ES384, EdDSA],
            leeway_seconds: 30,
            refresh_seconds: 3_600,
            unknown_key_seconds: 30,
        }
    }
}

impl JwtSettings {
    /// Refuses what cannot be meant.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.issuer.is_empty() {
            return Ok(());
        }
        let wrong = |key, value: String, bound| Err(ConfigError::OutOfBounds { key, value, bound });
        if self.audience.is_empty() {
            return wrong("auth.jwt.audience", "empty".to_owned(), "the audience of this shop's tokens");
        }
        if self.algorithms.is_empty() {
            return wrong("auth.jwt.algorithms", "empty".to_owned(), "at least one algorithm");
        }
        let is_url = self.jwks_url.starts_with("https://") || self.jwks_url.starts_with("http://");
        if self.jwks_file.as_os_str().is_empty() && !is_url {
            return wrong("auth.jwt.jwks_url", self.jwks_url.clone(), "an https URL, or give `jwks_file`");
        }
        if !self.jwks_file.as_os_str().is_empty() && !self.jwks_url.is_empty() {
            return wrong(
                "auth.jwt.jwks_file",
                self.jwks_file.display().to_string(),
                "absent beside `jwks_url`",
            );
        }
        for (key, value, low, high, bound) in [
            ("auth.jwt.leeway_seconds", self.leeway_seconds, 0, 300, "0 to 300"),
            ("auth.jwt.refresh_seconds", self.refresh_seconds, 10, 86_400, "10 to 86400"),
            ("auth.jwt.unknown_key_seconds", self.unknown_key_seconds, 1, 3_600, "1 to 3600"),
        ] {
            if !(low..=high).contains(&value) {
                return wrong(key, value.to_string(), bound);
            }
        }
        Ok(())
    }
}

/// Refuses what is no origin: a browser sends `scheme://host` or `scheme://host:port`, and the two are compared as texts.
pub(crate) fn check_origins(origins: &[String]) -> Result<(), ConfigError> {
    let is_origin = |text: &str| {
        let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        authority.is_some_and(|rest| {
            !rest.is_empty()
                && rest
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':' | b'[' | b']'))
        })
    };
    match origins.iter().find(|origin| !is_origin(origin)) {
        None => Ok(()),
        Some(wrong) => Err(ConfigError::OutOfBounds {
            key: "auth.origins",
            value: wrong.clone(),
            bound: "origins such as https://shop.example, in small letters, without a path and without `*`",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let check = |origin: &str| check_origins(&[origin.to_owned()]).is_ok();
        for right in ["https://shop.example", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(check(right), "{right}");
        }
        for wrong in
            ["*", "https://*", "shop.example", "https://shop.example/", "https://Shop.example", "null", ""]
        {
            assert!(!check(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_provider_needs_an_audience_and_one_source_of_keys() {
        let right = JwtSettings {
            issuer: "https://id.example".to_owned(),
            audience: vec!["shop".to_owned()],
            jwks_url: "https://id.example/jwks".to_owned(),
            ..JwtSettings::default()
        };
        assert!(right.check().is_ok() && JwtSettings::default().check().is_ok());
        assert!(JwtSettings { audience: Vec::new(), ..right.clone() }.check().is_err());
        assert!(JwtSettings { jwks_url: String::new(), ..right.clone() }.check().is_err());
        assert!(JwtSettings { jwks_url: "ftp://id.example".to_owned(), ..right.clone() }.check().is_err());
        assert!(JwtSettings { jwks_file: "keys.json".into(), ..right.clone() }.check().is_err());
        assert!(JwtSettings { leeway_seconds: 301, ..right }.check().is_err());
        assert!(serde_json::from_str::<JwtAlgorithm>("\"HS256\"").is_err());
        assert!(serde_json::from_str::<JwtAlgorithm>("\"none\"").is_err());
    }
}
