//! The log as it is at a moment, to be read while it goes on; and a log made of what was read.
//!
//! Nothing is copied or held off: a segment is written front to back and never again, and one that is removed meanwhile
//! stays readable until nobody reads it.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::{self, Listed};
use super::segment::{self, Segment};
use super::{RowLog, RowLogError};

/// A segment, and how many bytes of it counted.
pub(crate) struct CapturedSegment {
    segment: Arc<Segment>,
    bytes: u64,
}

impl CapturedSegment {
    pub(crate) fn number(&self) -> u64 {
        self.segment.number
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Fills `buffer` from `offset` on, which is below [`Self::bytes`].
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.segment.file.read_exact_at(buffer, offset)
    }
}

impl RowLog {
    /// All segments, in the order in which they were begun. Waits for a fold or a collection that is under way.
    pub(crate) fn capture(&self) -> Vec<CapturedSegment> {
        let _nobody_writes = self.active.lock();
        let slots = self.slots.read();
        let mut captured: Vec<CapturedSegment> = slots
            .iter()
            .flatten()
            .map(|segment| CapturedSegment { segment: Arc::clone(segment), bytes: segment.durable_bytes() })
            .collect();
        captured.sort_by_key(CapturedSegment::number);
        captured
    }
}

/// Where a segment stands in a log.
pub(crate) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    segment::path(dir, number)
}

/// Makes segments that stand in `dir`, each a number and its bytes, a log. They are synced already.
pub(crate) fn make(dir: &Path, segments: &[(u64, u64)]) -> Result<(), RowLogError> {
    let listed: Vec<Listed> =
        segments.iter().map(|(number, bytes)| Listed { number: *number, bytes: *bytes }).collect();
    manifest::store(dir, &listed, manifest::sync_dir)
}
