//! The manifest of a backup: JSON for people and programs, and behind it a line with its checksum, so that a flipped
//! byte anywhere is found.

use super::BackupFailed;
use serde::{Deserialize, Serialize};
use std::path::Path;
use storage_embedded::{BackupFile, StoreBackup};

/// The newest format that this code reads, and the one it writes.
pub(super) const FORMAT: u32 = 1;
pub(super) const KIND: &str = "backup";

/// What a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) evercart: String,
    pub(super) format: u32,
    /// The release that wrote it.
    pub(super) release: String,
    /// Rises from backup to backup in a folder.
    pub(super) generation: u64,
    pub(super) made_at_ms: u64,
    pub(super) region: String,
    pub(super) incarnation: u32,
    /// Of all files.
    pub(super) bytes: u64,
    pub(super) store: StoreBackup,
    pub(super) keys: Vec<BackupFile>,
}

impl Manifest {
    pub(super) fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        let digest = blake3::hash(text.as_bytes()).to_hex();
        format!("{text}{digest}\n")
    }

    pub(super) fn parse(text: &[u8], path: &Path) -> Result<Self, BackupFailed> {
        let damaged = || BackupFailed::Damaged(path.to_owned());
        let text = std::str::from_utf8(text).ok().and_then(|text| text.strip_suffix('\n'));
        let split = text.and_then(|text| text.rsplit_once('\n')).ok_or_else(damaged)?;
        let (body, digest) = (split.0.to_owned() + "\n", split.1);
        if blake3::hash(body.as_bytes()).to_hex().as_str() != digest {
            return Err(damaged());
        }
        let value: serde_json::Value = serde_json::from_str(&body).map_err(|_| damaged())?;
        if value["evercart"] != KIND {
            return Err(damaged());
        }
        if value["format"].as_u64() > Some(u64::from(FORMAT)) {
            return Err(BackupFailed::Newer(path.to_owned()));
        }
        serde_json::from_value(value).map_err(|_| damaged())
    }
}
