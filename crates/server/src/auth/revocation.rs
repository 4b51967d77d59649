//! Revoked service tokens: a record for each in the store, so that every node knows them.
//!
//! An answer of the store is believed for [`BELIEVED_FOR`]: a revocation takes effect everywhere within that time and
//! one read, and at once on the node that took it. While the store does not answer, the last answer stands, and a token
//! that was never looked up is accepted: carts stay writable, and a token ends by itself. See decision 0012.

use bytes::Bytes;
use moka::sync::Cache;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use storage::{Inserted, LinearStore, LinearTable, StoreError};

/// How old an answer of the store may be.
const BELIEVED_FOR: Duration = Duration::from_secs(5);
/// How long a request waits for the store's answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Tokens whose answers are kept.
const KEPT_MAX: u64 = 10_000;
/// The record, version 1: when it was made, in milliseconds since 1970, little-endian.
const RECORD_VERSION: u8 = 1;

/// Which service tokens were revoked.
pub(super) struct Revocations {
    linear: Arc<dyn LinearStore>,
    known: Cache<String, Known>,
}

#[derive(Clone, Copy)]
struct Known {
    revoked: bool,
    asked_at: Instant,
}

impl Revocations {
    pub(super) fn new(linear: Arc<dyn LinearStore>) -> Self {
        Self { linear, known: Cache::new(KEPT_MAX) }
    }

    /// Revokes a token for good. Doing it again changes nothing; returns when it was done first, in milliseconds.
    pub(super) async fn revoke(&self, id: &str, now_ms: u64) -> Result<u64, StoreError> {
        let inserted =
            self.linear.insert_if_absent(LinearTable::Shop, &key(id), record(now_ms), None).await?;
        self.learn(id, true);
        match inserted {
            Inserted::Inserted(_) => Ok(now_ms),
            Inserted::Present(record) => Ok(revoked_at(&record.bytes).unwrap_or(now_ms)),
        }
    }

    /// True when a token was revoked, as far as is known.
    pub(super) async fn is_revoked(&self, id: &str) -> bool {
        let known = self.known.get(id);
        if let Some(known) = known
            && (known.revoked || known.asked_at.elapsed() < BELIEVED_FOR)
        {
            return known.revoked; // a revocation is for good
        }
        // Whoever comes meanwhile takes the last answer, so that one request asks and not all of them.
        known.iter().for_each(|known| self.learn(id, known.revoked));
        let key = key(id);
        let read = self.linear.read(LinearTable::Shop, &key);
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(record)) => {
                self.learn(id, record.is_some());
                record.is_some()
            }
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, token.id = id, "revocation of a service token cannot be looked up");
                false
            }
            Err(_) => {
                tracing::warn!(token.id = id, "revocation of a service token was not answered in time");
                false
            }
        }
    }

    fn learn(&self, id: &str, revoked: bool) {
        self.known.insert(id.to_owned(), Known { revoked, asked_at: Instant::now() });
    }
}

fn key(id: &str) -> Vec<u8> {
    format!("revoked-token/{id}").into_bytes()
}

fn record(now_ms: u64) -> Bytes {
    let mut bytes = vec![RECORD_VERSION];
    bytes.extend_from_slice(&now_ms.to_le_bytes());
    bytes.into()
}

fn revoked_at(record: &[u8]) -> Option<u64> {
    match record.split_first()? {
        (&RECORD_VERSION, millis) => Some(u64::from_le_bytes(millis.try_into().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_bytes() {
        assert_eq!(&record(0x0102)[..], [1, 2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(revoked_at(&record(1_700_000_000_000)), Some(1_700_000_000_000));
        assert_eq!(revoked_at(&[2, 0]), None, "of a later version: revoked, at an unknown time");
    }
}
