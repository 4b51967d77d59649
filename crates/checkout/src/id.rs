//! The names of attempts, keys and bodies. All are made of bytes that come in; nothing here draws them.

use std::fmt;

/// One attempt to check out: random, never reused, and the name of its order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub [u8; 16]);

/// What a ledger remembers of an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 16]);

/// What a ledger remembers of the body that came with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyHash(pub [u8; 16]);

/// Counts the writes of a record; given by the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordVersion(pub u64);

impl TxId {
    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.strip_prefix("o_")?.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "o_{}", data_encoding::BASE64URL_NOPAD.encode_display(&self.0))
    }
}

impl fmt::Debug for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl KeyHash {
    /// The hash of an idempotency key.
    pub fn of(key: &str) -> Self {
        Self(hash("checkout key", key.as_bytes()))
    }
}

impl BodyHash {
    /// The hash of a request's body.
    pub fn of(body: &[u8]) -> Self {
        Self(hash("checkout body", body))
    }
}

/// Stored and compared across releases: neither the domains nor the encoding may ever change.
fn hash(domain: &str, bytes: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(domain.len() as u64).to_le_bytes()).update(domain.as_bytes()).update(bytes);
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_reads_back_as_written() {
        let tx = TxId([0xab; 16]);
        assert_eq!(TxId::parse(&tx.to_string()), Some(tx));
        assert_eq!(TxId::parse("o_zz"), None);
        assert_eq!(TxId::parse("c_q6urq6urq6urq6urq6urqw"), None);
    }

    #[test]
    fn a_key_and_a_body_of_the_same_bytes_hash_apart() {
        assert_ne!(KeyHash::of("a").0, BodyHash::of(b"a").0);
        assert_ne!(KeyHash::of("a"), KeyHash::of("b"));
    }
}
