//! Pairs of a key and a value, one behind the other, as the smaller files of a backup hold them.
//!
//! ```text
//! key bytes varint | key | value bytes varint | value | …
//! ```
//! The file as a whole has a checksum, which is checked before the first pair is used.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use integer_encoding::VarIntReader;

use super::file::{BackupFile, Sink};
use super::{BackupError, COPY_BYTES, io_error};
use crate::change::put_varint;

pub(super) fn write(sink: &mut Sink, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
    for part in [key, value] {
        let mut length = Vec::with_capacity(10);
        put_varint(&mut length, part.len() as u64);
        sink.write(&length)?;
        sink.write(part)?;
    }
    Ok(())
}

/// A file of pairs that was checked: its bytes are those that were written.
pub(super) struct PairsFile(PathBuf);

/// A key with its value.
type Pair = (Vec<u8>, Vec<u8>);

impl PairsFile {
    pub(super) fn check(dir: &Path, file: &BackupFile) -> Result<Self, BackupError> {
        file.read(dir, |_| Ok(()))?;
        Ok(Self(file.path(dir)?))
    }

    /// Its pairs, in the order in which they were written.
    pub(super) fn pairs(&self) -> Result<impl Iterator<Item = io::Result<Pair>>, BackupError> {
        let file = File::open(&self.0).map_err(io_error("open", &self.0))?;
        let mut file = BufReader::with_capacity(COPY_BYTES, file);
        Ok(std::iter::from_fn(move || next(&mut file).transpose()))
    }
}

fn next(file: &mut impl BufRead) -> io::Result<Option<Pair>> {
    if file.fill_buf()?.is_empty() {
        return Ok(None);
    }
    Ok(Some((part(file)?, part(file)?)))
}

fn part(file: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let length: u64 = file.read_varint()?;
    let mut bytes = Vec::new();
    let read = file.take(length).read_to_end(&mut bytes)?;
    if read as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
