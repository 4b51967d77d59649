//! The guest token: a cart's id and when the token ends, in a MAC. Nothing is stored for it.

use super::{BadToken, Keyring};
use crate::{
    format::{FormatError, Reader, Writer},
    id::CartId,
    time::Timestamp,
};

const KIND: &str = "guest";
const PREFIX: &str = "g1.";

/// Proof of possession of a guest's cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestToken {
    /// Which cart.
    pub cart: CartId,
    /// When it was last renewed.
    pub issued_at: Timestamp,
    /// When it ends, unless renewed.
    pub expires_at: Timestamp,
}

impl GuestToken {
    /// The token as text, `g1.…`.
    pub fn to_text(&self, keys: &Keyring) -> String {
        let mut writer = Writer::default();
        writer.raw(&self.cart.0);
        writer.number(self.issued_at.0);
        writer.number(self.expires_at.0);
        format!("{PREFIX}{}", keys.seal(KIND, &writer.into_bytes()))
    }

    /// Reads a token, ended or not.
    pub fn from_text(text: &str, keys: &Keyring) -> Result<Self, BadToken> {
        let payload = keys.open(KIND, text.strip_prefix(PREFIX).ok_or(BadToken)?)?;
        read(&mut Reader::new(&payload)).map_err(|_| BadToken)
    }

    /// True once the token has ended.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

fn read(reader: &mut Reader<'_>) -> Result<GuestToken, FormatError> {
    let cart = CartId(reader.array("cart")?);
    let issued_at = Timestamp(reader.number("issued")?);
    let expires_at = Timestamp(reader.number("expires")?);
    reader.end()?;
    Ok(GuestToken { cart, issued_at, expires_at })
}
