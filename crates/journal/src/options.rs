//! Settings of one journal, with their defaults and bounds.

use std::time::Duration;

use crate::error::JournalError;
use crate::frame::ALIGN;

/// Settings of one journal. Every field says its default and its bound; [`crate::Journal::open`] refuses values beyond them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalOptions {
    /// Bytes of one segment file, its header included. Default 32 MiB; a multiple of 4,096, from 8 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// Greatest number of segment files. Default 16; at least 2, so that one can be folded while one is written.
    pub segments_max: usize,
    /// Records join one batch until it has this many bytes. Default 1 MiB; at least 1. A record that is larger by
    /// itself makes a batch of its own, as long as it fits into a segment.
    pub batch_bytes_max: usize,
    /// Bytes that may wait for the disk; beyond it a record is refused as overload. Default 8 MiB; at least 1.
    pub queue_bytes_max: usize,
    /// Longest wait that a new record may expect (how it is estimated: [`JournalError::Overloaded`]), and the longest
    /// time that [`crate::Journal::append`] waits for room in a full journal. Default 200 ms; at least 1 ms.
    pub queue_wait_max: Duration,
    /// Records are refused while the file system has fewer bytes than this for us. Default 256 MiB; 0 switches it off.
    pub disk_free_bytes_min: u64,
    /// How often the free bytes of the file system are looked at. Default 1 s; from 1 ms to 1 min.
    pub disk_check_interval: Duration,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 32 << 20,
            segments_max: 16,
            batch_bytes_max: 1 << 20,
            queue_bytes_max: 8 << 20,
            queue_wait_max: Duration::from_millis(200),
            disk_free_bytes_min: 256 << 20,
            disk_check_interval: Duration::from_secs(1),
        }
    }
}

impl JournalOptions {
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        let align = ALIGN as u64;
        let segment_fits = (2 * align..=1 << 30).contains(&self.segment_bytes);
        if !segment_fits || !self.segment_bytes.is_multiple_of(align) {
            return refuse("segment_bytes", "a multiple of 4096 from 8192 to 1073741824");
        }
        if self.segments_max < 2 {
            return refuse("segments_max", "at least 2");
        }
        if self.batch_bytes_max == 0 {
            return refuse("batch_bytes_max", "at least 1");
        }
        if self.queue_bytes_max == 0 {
            return refuse("queue_bytes_max", "at least 1");
        }
        if self.queue_wait_max < Duration::from_millis(1) {
            return refuse("queue_wait_max", "at least 1 ms");
        }
        if !(Duration::from_millis(1)..=Duration::from_mins(1)).contains(&self.disk_check_interval) {
            return refuse("disk_check_interval", "from 1 ms to 1 min");
        }
        Ok(())
    }
}

fn refuse(field: &'static str, bound: &'static str) -> Result<(), JournalError> {
    Err(JournalError::Options { field, bound })
}
