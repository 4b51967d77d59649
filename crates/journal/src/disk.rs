//! The few things the journal asks of a file system, behind traits so that tests can make them fail.
//!
//! The committer is generic over [`Disk`]: nothing is dispatched at run time.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::aligned::AlignedBuffer;
use crate::frame::ALIGN;
use crate::lock;

/// How a write becomes durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// `O_DIRECT | O_DSYNC`: one system call, no copy through the page cache.
    Direct,
    /// A plain write and `fdatasync`, where the file system does not take the former.
    Buffered,
}

pub(crate) trait Disk: Send + Sync + 'static {
    type File: SegmentFile;
    /// Creates a file, or empties the one that is there.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    fn open(&self, path: &Path) -> io::Result<Self::File>;
    /// Bytes that the file system of this directory has for us.
    fn available_bytes(&self, dir: &Path) -> io::Result<u64>;
}

pub(crate) trait SegmentFile: Send {
    /// May write less than asked for.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// After it, all that was written is durable.
    fn sync(&self) -> io::Result<()>;
}

/// Writes all of `bytes`, durably. Both ends are multiples of [`ALIGN`].
pub(crate) fn write_durably(file: &impl SegmentFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.sync()
}

/// Makes the names of new and renamed files in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The mode that a direct write speaks for.
fn mode(written: io::Result<()>) -> io::Result<WriteMode> {
    match written {
        Ok(()) => Ok(WriteMode::Direct),
        Err(error) if is_full(&error) => Ok(WriteMode::Direct),
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(WriteMode::Buffered)
        }
        Err(error) => Err(error),
    }
}

/// True of an error that ends by itself where somebody makes room.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

pub(crate) struct RealDisk {
    pub(crate) mode: WriteMode,
}

impl RealDisk {
    /// Finds out what the file system takes, by direct writes to a file of its own.
    ///
    /// Only a file system that does not take them is written otherwise: one that is full or failing would be for as long
    /// as the process lives.
    pub(crate) fn probe(dir: &Path) -> io::Result<Self> {
        let path = dir.join("probe");
        let direct = Self { mode: WriteMode::Direct };
        let mut buffer = AlignedBuffer::default();
        // It is there: without room, a file system says so before it says what it does not take.
        let taken = direct
            .open(&lock::path(dir))
            .and_then(|_| direct.create(&path))
            .and_then(|file| write_durably(&file, buffer.slice(ALIGN), 0));
        // A probe that stays behind is emptied by the next one.
        let _ = std::fs::remove_file(&path);
        Ok(Self { mode: mode(taken)? })
    }

    fn flags(&self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        if self.mode == WriteMode::Direct {
            let flags = rustix::fs::OFlags::DIRECT | rustix::fs::OFlags::DSYNC;
            options.custom_flags(flags.bits().cast_signed());
        }
        options
    }

    fn wrap(&self, file: File) -> RealFile {
        RealFile { file, mode: self.mode }
    }
}

impl Disk for RealDisk {
    type File = RealFile;

    fn create(&self, path: &Path) -> io::Result<RealFile> {
        Ok(self.wrap(self.flags().create(true).truncate(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<RealFile> {
        Ok(self.wrap(self.flags().open(path)?))
    }

    fn available_bytes(&self, dir: &Path) -> io::Result<u64> {
        let space = rustix::fs::statvfs(dir)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

pub(crate) struct RealFile {
    file: File,
    mode: WriteMode,
}

impl SegmentFile for RealFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(&self.file, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        match self.mode {
            WriteMode::Direct => Ok(()),
            WriteMode::Buffered => self.file.sync_data(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_no_direct_writes_is_written_otherwise() {
        let mode = |kind: io::ErrorKind| mode(Err(kind.into())).ok();
        assert_eq!(mode(io::ErrorKind::InvalidInput), Some(WriteMode::Buffered));
        assert_eq!(mode(io::ErrorKind::Unsupported), Some(WriteMode::Buffered));
        assert_eq!(mode(io::ErrorKind::StorageFull), Some(WriteMode::Direct));
        assert_eq!(mode(io::ErrorKind::Other), None, "it fails");
    }
}
