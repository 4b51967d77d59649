//! What can go wrong, sorted by what the caller does next.
//!
//! Each error of a write answers one question, [`JournalError::may_be_applied`]: can the record come back at the next
//! open?

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// An error of the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// More is queued than the disk takes in time: answer 503 and let the caller come back after `wait`.
    ///
    /// `wait` is an estimate: the age of the oldest record that is not durable yet, plus one smoothed write time (a
    /// moving average over the last eight or so) for each whole batch that is queued before the new record's. It is
    /// exact for a disk that hangs, and an upper bound where many small batches wait. Zero where the queue is too
    /// long in bytes only.
    #[error("journal queue is too long, the estimated wait is {} ms", wait.as_millis())]
    Overloaded {
        /// The estimate; a fair value for Retry-After, rounded up.
        wait: Duration,
    },
    /// Every segment is in use and the owner has not recycled one yet: refuse writes, keep reading.
    #[error("journal is full: all segments wait to be folded")]
    Full,
    /// The file system is below its free-space floor: refuse writes, keep reading, page.
    #[error("disk is nearly full: {available} bytes are free, the floor is {floor}")]
    NoSpace {
        /// Bytes that the file system had for us when last looked at.
        available: u64,
        /// The configured floor in bytes.
        floor: u64,
    },
    /// The record can never fit: a limit of the caller is wrong.
    #[error("record of {bytes} bytes is larger than a journal segment takes ({bytes_max} bytes)")]
    RecordTooLarge {
        /// Bytes of the record.
        bytes: usize,
        /// Bytes that would fit.
        bytes_max: usize,
    },
    /// The journal failed before, and this record was refused: restart after the disk has been looked at.
    #[error("journal has failed and takes no writes")]
    Failed(#[source] Arc<io::Error>),
    /// The journal failed while this record waited: it may or may not come back at the next open.
    #[error("journal failed while the record waited, its outcome is unknown")]
    Indeterminate(#[source] Arc<io::Error>),
    /// Another opener holds the directory.
    #[error(
        "journal `{}` is open elsewhere: stop the other process, or give this one a directory of its own",
        dir.display()
    )]
    AlreadyOpen {
        /// The journal's directory.
        dir: PathBuf,
    },
    /// Bytes that must be there are not, or not as they were written: stop and page. Nothing was skipped.
    #[error("journal file `{file}` is corrupt at byte {offset}: {reason}")]
    Corrupt {
        /// Name of the file inside the journal's directory.
        file: String,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
    /// A file was written by a newer version of this program: run that one.
    #[error("journal file `{file}` has format version {found}, this program knows up to {known}")]
    NewerFormat {
        /// Name of the file inside the journal's directory.
        file: String,
        /// The version found.
        found: u32,
        /// The newest version that this program reads.
        known: u32,
    },
    /// A setting is out of its bounds.
    #[error("journal setting `{field}` must be {bound}")]
    Options {
        /// Name of the field in [`crate::JournalOptions`].
        field: &'static str,
        /// What it must be.
        bound: &'static str,
    },
    /// The operating system refused something that is no write of a record (open, recovery, recycling).
    #[error("cannot {action} in the journal `{}`", dir.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The journal's directory.
        dir: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl JournalError {
    /// True when the record may come back at the next open. The `match` has no wildcard arm: a new kind must decide.
    pub fn may_be_applied(&self) -> bool {
        match self {
            Self::Indeterminate(_) => true,
            Self::Overloaded { .. }
            | Self::Full
            | Self::NoSpace { .. }
            | Self::RecordTooLarge { .. }
            | Self::Failed(_)
            | Self::AlreadyOpen { .. }
            | Self::Corrupt { .. }
            | Self::NewerFormat { .. }
            | Self::Options { .. }
            | Self::Io { .. } => false,
        }
    }
}
