//! Signatures by Standard Webhooks 1.0.0: HMAC-SHA256 over id, time and body.
//!
//! Written out here, because it is ten lines over crates that are here anyway; tests hold it against the reference
//! implementation.

use data_encoding::BASE64;
use hmac::{Hmac, Mac, digest::InvalidLength};
use sha2::Sha256;
use std::{fmt, str::FromStr};

const PREFIX: &str = "whsec_";
/// Bytes of a secret, as the standard has it.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What questions are signed with: one secret, or several while the shop changes from one to the next.
#[derive(Clone)]
pub struct SigningKeys(Vec<Vec<u8>>);

/// Why a text is no secret. It never says the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is `whsec_` with 24 to 64 bytes in base64, and a second one may follow behind a space")]
pub struct BadSecret;

impl FromStr for SigningKeys {
    type Err = BadSecret;

    fn from_str(text: &str) -> Result<Self, BadSecret> {
        let key = |secret: &str| {
            let key = BASE64.decode(secret.strip_prefix(PREFIX)?.as_bytes()).ok()?;
            KEY_BYTES.contains(&key.len()).then_some(key)
        };
        let keys: Option<Vec<_>> = text.split_whitespace().map(key).collect();
        keys.filter(|keys| !keys.is_empty()).map(Self).ok_or(BadSecret)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({})", self.0.len())
    }
}

impl SigningKeys {
    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> Result<String, InvalidLength> {
        let mut signatures = Vec::with_capacity(self.0.len());
        for key in &self.0 {
            let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
            mac.update(format!("{id}.{seconds}.").as_bytes());
            mac.update(body);
            signatures.push(format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes())));
        }
        Ok(signatures.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn a_signature_is_the_one_of_the_standards_own_example() {
        let keys: SigningKeys = SECRET.parse().unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let signed = keys.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body).unwrap();
        assert_eq!(signed, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn two_secrets_sign_beside_each_other() {
        let keys: SigningKeys = format!("{SECRET} whsec_{}\n", BASE64.encode(&[7; 32])).parse().unwrap();
        let signed = keys.sign("m", 1, b"{}").unwrap();
        assert_eq!(signed.split(' ').filter(|one| one.starts_with("v1,")).count(), 2);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_never_shown() {
        for wrong in ["", "hunter2", "whsec_", "whsec_aGk=", &SECRET[6..], &format!("{SECRET} x")] {
            let refused = SigningKeys::from_str(wrong).unwrap_err();
            assert!(!refused.to_string().contains("hunter2"), "{wrong}");
        }
        assert_eq!(format!("{:?}", SigningKeys::from_str(SECRET).unwrap()), "SigningKeys(1)");
    }
}
