//! What lies in the data directory: the embedded engine, the index of SKUs, and where backups of them may go.

use super::{ConfigError, LimitSettings};
use serde::{Deserialize, Serialize};
use service::index::IndexSettings;
use std::path::PathBuf;
use storage_embedded::EmbeddedOptions;

/// Files of the journal are whole blocks.
const JOURNAL_BLOCK_BYTES: u64 = 4096;

/// The embedded engine.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Memory for what is not folded yet: 1 MiB to 64 GiB.
    pub dirty_bytes_max: usize,
    /// Memory for clean carts and records: 0 to 256 GiB.
    pub clean_bytes_max: usize,
    /// Memory for blocks of the base: 1 MiB to 256 GiB.
    pub base_cache_bytes: u64,
    /// Bytes of the journal: 2 MiB to 64 GiB, and two segments at least.
    pub journal_bytes_max: u64,
    /// Bytes of one file of the journal: 1 MiB to 1 GiB, in blocks of 4 KiB.
    pub journal_segment_bytes: u64,
    /// How full, in percent, the journal is when a fold starts: 1 to 90.
    pub fold_at_percent: usize,
    /// Writes are refused below so many free bytes: 0 to 1 TiB; 0 switches the check off.
    pub disk_free_bytes_min: u64,
}

/// Where the server may write backups.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// Below this folder; empty: nowhere.
    pub directory: PathBuf,
}

/// The index from SKUs to carts.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Index {
    /// Carts read in a second for the index: 1 to 1,000,000.
    pub carts_per_second: u64,
    /// Hours between scans of all carts: 1 to 8,760.
    pub scan_hours: u64,
}

impl Default for Index {
    fn default() -> Self {
        Self { carts_per_second: 5_000, scan_hours: 24 }
    }
}

impl Index {
    /// As the service takes them.
    pub(crate) fn settings(self) -> IndexSettings {
        let scan_every_ms = self.scan_hours * 60 * 60 * 1000;
        IndexSettings { carts_per_second: self.carts_per_second, scan_every_ms, ..IndexSettings::default() }
    }
}

impl Backup {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let directory = &self.directory;
        if directory.as_os_str().is_empty() || directory.is_absolute() {
            return Ok(());
        }
        let value = directory.display().to_string();
        Err(ConfigError::OutOfBounds { key: "backup.directory", value, bound: "an absolute path, or empty" })
    }
}

impl Default for Store {
    fn default() -> Self {
        let options = EmbeddedOptions::default();
        Self {
            dirty_bytes_max: options.dirty_bytes_max,
            clean_bytes_max: options.clean_bytes_max,
            base_cache_bytes: options.base_cache_bytes,
            journal_bytes_max: options.journal.segment_bytes * options.journal.segments_max as u64,
            journal_segment_bytes: options.journal.segment_bytes,
            fold_at_percent: options.fold_at_percent,
            disk_free_bytes_min: options.journal.disk_free_bytes_min,
        }
    }
}

impl Store {
    /// What the engine is told.
    pub fn options(&self) -> EmbeddedOptions {
        let mut options = EmbeddedOptions {
            dirty_bytes_max: self.dirty_bytes_max,
            clean_bytes_max: self.clean_bytes_max,
            base_cache_bytes: self.base_cache_bytes,
            fold_at_percent: self.fold_at_percent,
            ..EmbeddedOptions::default()
        };
        options.journal.segment_bytes = self.journal_segment_bytes & !(JOURNAL_BLOCK_BYTES - 1);
        let segments = self.journal_bytes_max / options.journal.segment_bytes;
        options.journal.segments_max = usize::try_from(segments).unwrap_or(usize::MAX);
        options.journal.disk_free_bytes_min = self.disk_free_bytes_min;
        options
    }

    /// What hangs together with other keys.
    pub(super) fn check(&self, limits: &LimitSettings) -> Result<(), ConfigError> {
        let refuse =
            |key, value: u64, bound| Err(ConfigError::OutOfBounds { key, value: value.to_string(), bound });
        let segment = self.journal_segment_bytes;
        if self.journal_bytes_max < 2 * segment {
            let bound = "at least twice `store.journal_segment_bytes`";
            return refuse("store.journal_bytes_max", self.journal_bytes_max, bound);
        }
        // A change is written in one piece, and is larger than the entries that it brings.
        if segment < 4 * limits.entry_bytes_max {
            return refuse(
                "store.journal_segment_bytes",
                segment,
                "at least four times `limits.entry_bytes_max`",
            );
        }
        Ok(())
    }
}
