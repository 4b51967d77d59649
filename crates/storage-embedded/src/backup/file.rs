//! Files of a backup: written once, durable with their checksum known, and checked whenever they are read.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{BackupError, COPY_BYTES, io_error};

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Its name in the folder of the backup.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// BLAKE3 of its bytes, hexadecimal.
    pub blake3: String,
}

impl BackupFile {
    /// Writes a file of these bytes into `dir`, durably; only its owner may read it.
    pub fn write(dir: &Path, name: String, bytes: &[u8]) -> Result<Self, BackupError> {
        let mut sink = Sink::create(dir, name)?;
        sink.write(bytes)?;
        sink.finish()
    }

    /// Hands its bytes over, piece by piece. An error where it is not what was written; then nothing that was handed
    /// over may be used.
    pub fn read(
        &self,
        dir: &Path,
        mut take: impl FnMut(&[u8]) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        let path = self.path(dir)?;
        let damaged = |reason| BackupError::Damaged { file: path.clone(), reason };
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(damaged("is missing")),
            opened => opened.map_err(io_error("open", &path))?,
        };
        if file.metadata().map_err(io_error("open", &path))?.len() != self.bytes {
            return Err(damaged("is not as long as it was"));
        }
        let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; COPY_BYTES]);
        loop {
            let read = file.read(&mut buffer).map_err(io_error("read", &path))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            take(&buffer[..read])?;
        }
        if hasher.finalize().to_hex().as_str() != self.blake3 {
            return Err(damaged("does not match its checksum"));
        }
        Ok(())
    }

    /// Where it is. A name leads nowhere else: the folder may come from far away.
    pub(super) fn path(&self, dir: &Path) -> Result<PathBuf, BackupError> {
        let is_plain = !self.name.is_empty() && !self.name.contains(['/', '\0']) && self.name != "..";
        let path = dir.join(&self.name);
        if is_plain { Ok(path) } else { Err(BackupError::Damaged { file: path, reason: "is no name" }) }
    }
}

/// True where the file is there in its length. Its bytes are checked when it is needed.
pub(super) fn is_there(dir: &Path, file: &BackupFile) -> bool {
    let found = file.path(dir).ok().and_then(|path| path.metadata().ok());
    found.is_some_and(|found| found.is_file() && found.len() == file.bytes)
}

/// A file on its way.
pub(super) struct Sink {
    path: PathBuf,
    out: BufWriter<File>,
    hasher: blake3::Hasher,
    file: BackupFile,
}

impl Sink {
    /// Begins a file that only its owner may read; one that is there, left by a backup that did not end, is written over.
    pub(super) fn create(dir: &Path, name: String) -> Result<Self, BackupError> {
        let file = BackupFile { name, bytes: 0, blake3: String::new() };
        let path = file.path(dir)?;
        let out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let out = BufWriter::with_capacity(COPY_BYTES, out.map_err(io_error("create", &path))?);
        Ok(Self { path, out, hasher: blake3::Hasher::new(), file })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.hasher.update(bytes);
        self.file.bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(io_error("write", &self.path))
    }

    /// Makes it durable.
    pub(super) fn finish(self) -> Result<BackupFile, BackupError> {
        let Self { path, mut out, hasher, mut file } = self;
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(io_error("write", &path))?;
        file.blake3 = hasher.finalize().to_hex().to_string();
        Ok(file)
    }
}
