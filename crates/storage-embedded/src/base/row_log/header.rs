//! What a segment begins with: which one it is, and the dictionary under which its rows are packed.
//!
//! ```text
//! 1: magic [8] | version u32 | crc u32 of all behind | number u64 | record …                        little-endian
//! 2: magic [8] | version u32 | crc u32 of all behind | number u64 | dictionary bytes u32 | 0 u32
//!    | dictionary | padding to a multiple of 8 | record …
//! ```
//! "All behind" ends before the first record. Segments of version 1 are read and collected, and no longer written: no
//! row of theirs is packed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::error::{RowLogError, io_error};
use super::record::aligned;

/// The newest version that this code reads, and the one it writes.
const VERSION: u32 = 2;
const MAGIC: [u8; 8] = *b"evcrows\n";
/// The shortest header of each version.
const FIRST_BYTES: usize = 24;
const FIXED_BYTES: usize = 32;

/// No dictionary is longer.
pub(super) const DICTIONARY_BYTES_MAX: usize = 1 << 20;

/// The header of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    version: u32,
    number: u64,
    /// Raw bytes, or what zstd's trainer made; empty where there is none.
    pub(super) dictionary: Vec<u8>,
}

impl Header {
    /// Of a segment that is begun now. `dictionary` is not longer than [`DICTIONARY_BYTES_MAX`].
    pub(super) fn new(number: u64, dictionary: Vec<u8>) -> Self {
        Self { version: VERSION, number, dictionary }
    }

    /// True of an earlier version: such a segment takes no more rows.
    pub(super) fn is_old(&self) -> bool {
        self.version < VERSION
    }

    /// Where the first record begins.
    pub(super) fn bytes(&self) -> u64 {
        if self.is_old() { FIRST_BYTES as u64 } else { aligned((FIXED_BYTES + self.dictionary.len()) as u64) }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut covered = self.number.to_le_bytes().to_vec();
        if !self.is_old() {
            let length = u32::try_from(self.dictionary.len()).unwrap_or(0); // at most a MiB
            covered.extend_from_slice(&length.to_le_bytes());
            covered.extend_from_slice(&[0; 4]);
            covered.extend_from_slice(&self.dictionary);
            let padded = covered.len().next_multiple_of(8);
            covered.resize(padded, 0);
        }
        let mut header = [&MAGIC[..], &self.version.to_le_bytes()].concat();
        header.extend_from_slice(&crc32c::crc32c(&covered).to_le_bytes());
        header.extend_from_slice(&covered);
        header
    }

    /// The header of segment `number`, of which `bytes` count; `file` has as many.
    pub(super) fn load(file: &File, path: &Path, number: u64, bytes: u64) -> Result<Self, RowLogError> {
        let damaged = |reason| RowLogError::Damaged { file: path.to_owned(), at: 0, reason };
        let read = |length: usize| {
            let mut found = vec![0; length];
            let read = file.read_exact_at(&mut found, 0).map_err(|source| io_error("read", path, source));
            read.map(|()| found)
        };
        if bytes < FIRST_BYTES as u64 {
            return Err(damaged("it is too short"));
        }
        let found = read(FIRST_BYTES)?;
        if found[..8] != MAGIC {
            return Err(damaged("it does not start as a segment does"));
        }
        let mut header = Self { version: word(&found, 8), number, dictionary: Vec::new() };
        if header.version > VERSION {
            return Err(RowLogError::Newer { file: path.to_owned() });
        }
        if !header.is_old() && bytes >= header.bytes() {
            let length = word(&read(FIXED_BYTES)?, 24) as usize;
            header.dictionary = vec![0; length.min(DICTIONARY_BYTES_MAX)];
            if bytes >= header.bytes() {
                header.dictionary = read(FIXED_BYTES + header.dictionary.len())?.split_off(FIXED_BYTES);
            }
        }
        // Whatever is not as it would be written is damaged.
        let expected = header.encode();
        if header.version == 0 || bytes < header.bytes() || read(expected.len())? != expected {
            return Err(damaged("its header is not that of this segment"));
        }
        Ok(header)
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What loading a file of these bytes answers.
    fn load(bytes: &[u8]) -> Result<Header, RowLogError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment");
        std::fs::write(&path, bytes).unwrap();
        Header::load(&File::open(&path).unwrap(), &path, 7, bytes.len() as u64)
    }

    #[test]
    fn headers_read_back_and_a_flipped_bit_or_a_lost_byte_is_found() {
        let old = Header { version: 1, number: 7, dictionary: Vec::new() };
        for header in [old, Header::new(7, Vec::new()), Header::new(7, b"a dictionary".to_vec())] {
            let bytes = header.encode();
            assert_eq!(bytes.len() as u64, header.bytes());
            assert_eq!(load(&bytes).unwrap(), header);
            for at in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[at / 8] ^= 1 << (at % 8);
                assert!(load(&flipped).is_err(), "bit {at} of {header:?}");
            }
            for length in 0..bytes.len() {
                assert!(load(&bytes[..length]).is_err(), "{length} bytes of {header:?}");
            }
            let another = Header { number: 8, ..header };
            assert!(load(&another.encode()).is_err(), "another segment's");
        }
    }
}
