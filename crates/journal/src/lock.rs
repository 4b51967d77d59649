//! One opener for each directory: an advisory lock on a file in it, held as long as the journal is open.
//!
//! The operating system releases it when the process ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::JournalError;

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("lock")
}

/// Takes the directory's lock; dropping the file releases it.
pub(crate) fn acquire(dir: &Path) -> Result<File, JournalError> {
    let io = |source| JournalError::Io { action: "lock the directory", dir: dir.into(), source };
    let file = File::create(path(dir)).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::AlreadyOpen { dir: dir.into() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}
