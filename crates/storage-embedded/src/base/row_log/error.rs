//! Why a row log does not open, or cannot be written.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong, and with which file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowLogError {
    /// The file system refused.
    #[error("cannot {action} `{}`", file.display())]
    Io { action: &'static str, file: PathBuf, source: io::Error },
    /// A file that is there cannot be read.
    #[error("cannot read `{}`", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    /// There is a new manifest, but a power cut may bring the old one back: what either names stays as it is until the log
    /// is opened again. The cause is no source: nobody may take it for a disk that has no room, and try again.
    #[error("`{}` is new, but its directory cannot be synced: {cause}", file.display())]
    Unsettled { file: PathBuf, cause: String },
    /// A file is not what was written.
    #[error("`{}` is damaged at byte {at}: {reason}; restore the store from a backup", file.display())]
    Damaged { file: PathBuf, at: u64, reason: &'static str },
    /// A newer release wrote it.
    #[error("`{}` was written by a newer release: run that one", file.display())]
    Newer { file: PathBuf },
    /// A row is longer than a record can be.
    #[error("a row of {0} bytes is longer than the log can hold")]
    TooLong(usize),
    /// zstd refused.
    #[error("rows cannot be packed: {0}")]
    Packing(&'static str),
    /// More segments than there are numbers for.
    #[error("the log has 65,536 segments, and takes no more")]
    TooMany,
}

impl RowLogError {
    /// True where what was to be written may be part of the log in spite of it.
    pub(super) fn is_unsettled(&self) -> bool {
        matches!(self, Self::Unsettled { .. })
    }
}

pub(super) fn io_error(action: &'static str, file: &Path, source: io::Error) -> RowLogError {
    RowLogError::Io { action, file: file.into(), source }
}
