//! Settings of the embedded engine, with their defaults and bounds.

use std::time::Duration;

use journal::JournalOptions;

/// Where folded carts are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BaseKind {
    /// In a log of rows with an index in memory: 24 bytes a cart.
    #[default]
    RowLog,
    /// In fjall, with everything else. A store that was opened with the row log does not show its carts here.
    Fjall,
}

/// Settings of the embedded engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// Of the journal. `segments_max` times `segment_bytes` bounds what an open has to read.
    pub journal: JournalOptions,
    /// Where folded carts are kept. Default: the row log.
    pub base: BaseKind,
    /// Memory for what is not folded yet; beyond it writes are refused as overload. Default 256 MiB; a fold starts
    /// at half of it. Rough: what is read on open may exceed it for a moment.
    pub dirty_bytes_max: usize,
    /// Memory for clean carts and records. Default 128 MiB; 0 keeps hardly any.
    pub clean_bytes_max: usize,
    /// Memory for the base's own cache of blocks. Default 64 MiB.
    pub base_cache_bytes: u64,
    /// A fold starts when this many percent of the journal's segments are used. Default 50; from 1 to 90.
    pub fold_at_percent: usize,
    /// A fold rests for this long after each 256th of the carts, unless the journal is four fifths full. Default
    /// 500 µs.
    pub fold_pace: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            journal: JournalOptions::default(),
            base: BaseKind::default(),
            dirty_bytes_max: 256 << 20,
            clean_bytes_max: 128 << 20,
            base_cache_bytes: 64 << 20,
            fold_at_percent: 50,
            fold_pace: Duration::from_micros(500),
        }
    }
}
