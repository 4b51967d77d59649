//! The watermark: all batches up to it are kept elsewhere, and their segments may be written over.
//!
//! It is replaced as a whole (temporary file, sync, rename, directory sync) before any segment is recycled, so it is
//! never torn, and never behind what was overwritten.
//!
//! ```text
//! magic [8] | version u32 | crc u32 | journal id u64 | batch u64     little-endian
//! ```

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::disk::sync_dir;
use crate::error::JournalError;

/// The newest version that this code reads, and the one it writes.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"evcwmark";
const BYTES: usize = 32;
const FILE: &str = "watermark";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watermark {
    pub(crate) journal: u64,
    pub(crate) batch: u64,
}

/// Makes the watermark durable.
pub(crate) fn store(dir: &Path, watermark: Watermark) -> io::Result<()> {
    let unfinished = dir.join("watermark.new");
    let mut file = File::create(&unfinished)?;
    file.write_all(&encode(watermark))?;
    file.sync_all()?;
    std::fs::rename(&unfinished, dir.join(FILE))?;
    sync_dir(dir)
}

/// The stored watermark; `None` in a journal that has never recycled.
pub(crate) fn load(dir: &Path) -> Result<Option<Watermark>, JournalError> {
    match std::fs::read(dir.join(FILE)) {
        Ok(bytes) => decode(&bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(JournalError::Io { action: "read the watermark", dir: dir.into(), source }),
    }
}

fn encode(watermark: Watermark) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&watermark.journal.to_le_bytes());
    bytes[24..].copy_from_slice(&watermark.batch.to_le_bytes());
    let crc = crc(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn crc(bytes: &[u8; BYTES]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..])
}

fn decode(bytes: &[u8]) -> Result<Watermark, JournalError> {
    let corrupt = |reason| JournalError::Corrupt { file: FILE.to_owned(), offset: 0, reason };
    let Ok(bytes) = <&[u8; BYTES]>::try_from(bytes) else {
        return Err(corrupt("the watermark has the wrong length"));
    };
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
    if bytes[..8] != MAGIC {
        return Err(corrupt("the watermark does not start as one"));
    }
    if word(12) != crc(bytes) {
        return Err(corrupt("the watermark does not match its checksum"));
    }
    if word(8) > VERSION {
        return Err(JournalError::NewerFormat { file: FILE.to_owned(), found: word(8), known: VERSION });
    }
    Ok(Watermark { journal: long(16), batch: long(24) })
}
