//! Tokens that callers carry: MACed bytes as text. A caller can neither read an agreement into them nor change
//! one, and a token of one kind never passes for another.
//!
//! ```text
//! token = base64url( version (1) · key id (4) · payload · MAC (16) )
//! MAC   = first 16 bytes of BLAKE3, keyed, over the kind of token and all bytes before
//! ```

mod freshness;
mod guest;
mod receipt;
mod sight;

pub use freshness::{FRESHNESS_BYTES_MAX, Freshness, RowSeen};
pub use guest::GuestToken;
pub use receipt::{RECEIPT_DAYS, Receipt};

use crate::hash::Parts;
use std::fmt;

/// A secret with the number under which tokens name it.
#[derive(Clone)]
pub struct TokenKey {
    /// Names the key in tokens.
    pub id: u32,
    /// 256 random bits.
    pub secret: [u8; 32],
}

/// The keys of a shop: new tokens are made with the first, and all are honoured.
#[derive(Clone, Debug)]
pub struct Keyring {
    current: TokenKey,
    older: Vec<TokenKey>,
}

/// Why a token is refused. Deliberately coarse: it tells a forger nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token is not one of this shop's")]
pub struct BadToken;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 5;
const MAC_BYTES: usize = 16;

impl Keyring {
    /// Tokens are made with `current`; those made with `older` keys are still honoured.
    pub fn new(current: TokenKey, older: Vec<TokenKey>) -> Self {
        Self { current, older }
    }

    /// Makes a token of a kind.
    pub fn seal(&self, kind: &str, payload: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len() + MAC_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.current.id.to_le_bytes());
        bytes.extend_from_slice(payload);
        let mac = self.current.mac(kind, &bytes);
        bytes.extend_from_slice(&mac);
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    }

    /// The payload of a token of this kind, if a key of the ring made it.
    pub fn open(&self, kind: &str, token: &str) -> Result<Vec<u8>, BadToken> {
        let mut bytes = data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| BadToken)?;
        let (signed, mac) = bytes.split_last_chunk::<MAC_BYTES>().ok_or(BadToken)?;
        let (head, payload) = signed.split_first_chunk::<HEAD_BYTES>().ok_or(BadToken)?;
        let [version, id @ ..] = *head;
        let key = self.key(u32::from_le_bytes(id)).ok_or(BadToken)?;
        let genuine = constant_time_eq::constant_time_eq_16(&key.mac(kind, signed), mac);
        if version != VERSION || !genuine {
            return Err(BadToken);
        }
        let end = HEAD_BYTES + payload.len();
        bytes.truncate(end);
        bytes.drain(..HEAD_BYTES);
        Ok(bytes)
    }

    /// True where both make and honour the same tokens.
    pub fn is_same(&self, other: &Self) -> bool {
        let mut older = self.older.iter().zip(&other.older);
        self.older.len() == other.older.len()
            && self.current.is_same(&other.current)
            && older.all(|(mine, theirs)| mine.is_same(theirs))
    }

    fn key(&self, id: u32) -> Option<&TokenKey> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id == id)
    }
}

impl TokenKey {
    fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && constant_time_eq::constant_time_eq_32(&self.secret, &other.secret)
    }

    fn mac(&self, kind: &str, bytes: &[u8]) -> [u8; MAC_BYTES] {
        Parts::keyed(&self.secret, kind).bytes(bytes).u128_bytes()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.id)
    }
}

#[cfg(test)]
mod tests;
