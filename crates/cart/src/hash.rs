//! One way to hash arguments into ids: BLAKE3 over a domain name and length-prefixed parts.
//!
//! Two different sequences of parts, or the same parts in two domains, never hash alike by construction:
//! each part is preceded by its length. The results are stored and compared across releases, so neither the
//! domains nor the encoding may ever change.

/// Collects parts under one domain.
pub(crate) struct Parts(blake3::Hasher);

impl Parts {
    pub(crate) fn new(domain: &str) -> Self {
        Self(blake3::Hasher::new()).bytes(domain.as_bytes())
    }

    /// The same under a secret key: a message authentication code.
    pub(crate) fn keyed(key: &[u8; 32], domain: &str) -> Self {
        Self(blake3::Hasher::new_keyed(key)).bytes(domain.as_bytes())
    }

    pub(crate) fn bytes(mut self, part: &[u8]) -> Self {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    pub(crate) fn number(self, part: u64) -> Self {
        self.bytes(&part.to_le_bytes())
    }

    pub(crate) fn u64(self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }

    pub(crate) fn u128_bytes(self) -> [u8; 16] {
        let mut first = [0; 16];
        first.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        first
    }
}
