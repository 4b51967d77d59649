//! One way to hash arguments into ids: BLAKE3 over a domain name and length-prefixed parts.
//!
//! Two different sequences of parts, or the same parts in two domains, never hash alike by construction:
//! each part is preceded by its length. The results are stored and compared across releases, so neither the
//! domains nor the encoding may ever change.

/// Collects parts under one domain. They are hashed at the end and at once: most are a few bytes, and a hasher is two
/// kilobytes to begin and to move.
pub(crate) struct Parts {
    key: Option<[u8; 32]>,
    bytes: Vec<u8>,
}

impl Parts {
    pub(crate) fn new(domain: &str) -> Self {
        Self::with_capacity(domain, 256)
    }

    /// With room for so many bytes of parts.
    pub(crate) fn with_capacity(domain: &str, bytes: usize) -> Self {
        Self { key: None, bytes: Vec::with_capacity(bytes) }.bytes(domain.as_bytes())
    }

    /// The same under a secret key: a message authentication code.
    pub(crate) fn keyed(key: &[u8; 32], domain: &str) -> Self {
        Self { key: Some(*key), ..Self::new(domain) }
    }

    pub(crate) fn bytes(mut self, part: &[u8]) -> Self {
        self.bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(part);
        self
    }

    pub(crate) fn number(self, part: u64) -> Self {
        self.bytes(&part.to_le_bytes())
    }

    pub(crate) fn u64(self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.hash().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }

    pub(crate) fn u128_bytes(self) -> [u8; 16] {
        let mut first = [0; 16];
        first.copy_from_slice(&self.hash().as_bytes()[..16]);
        first
    }

    fn hash(&self) -> blake3::Hash {
        match &self.key {
            Some(key) => blake3::keyed_hash(key, &self.bytes),
            None => blake3::hash(&self.bytes),
        }
    }
}
