//! The manifest: which segments there are, and how many bytes of each count. Replaced as a whole at the end of a fold, it
//! is what makes the fold's rows the log's.
//!
//! ```text
//! magic [8] | version u32 | crc u32 of all behind | segments u64 | (number u64, bytes u64) …      little-endian
//! ```
//! The last segment is the one that is written; those before it are sealed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::error::{RowLogError, io_error};

/// The newest version that this code reads, and the one it writes.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"evcmanif";
const HEAD_BYTES: usize = 16;
pub(super) const FILE: &str = "manifest";

/// A segment as the manifest names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) number: u64,
    pub(super) bytes: u64,
}

/// The segments in the order in which they were begun; `None` where there is no log yet.
pub(super) fn load(dir: &Path) -> Result<Option<Vec<Listed>>, RowLogError> {
    let path = dir.join(FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RowLogError::Unreadable { file: path, source }),
    };
    let damaged = |reason| RowLogError::Damaged { file: path.clone(), at: 0, reason };
    let Some((head, body)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Err(damaged("it is too short"));
    };
    if head[..8] != MAGIC {
        return Err(damaged("it does not start as a manifest does"));
    }
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if word(12) != crc32c::crc32c_append(crc32c::crc32c(&head[..12]), body) {
        return Err(damaged("it does not match its checksum"));
    }
    if word(8) > VERSION {
        return Err(RowLogError::Newer { file: path });
    }
    decode(body).map(Some).ok_or_else(|| damaged("it is too short"))
}

fn decode(body: &[u8]) -> Option<Vec<Listed>> {
    let (numbers, rest) = body.as_chunks::<8>();
    let (count, pairs) = numbers.split_first()?;
    let (pairs, odd) = pairs.as_chunks::<2>();
    let is_whole = rest.is_empty() && odd.is_empty() && u64::from_le_bytes(*count) == pairs.len() as u64;
    let listed = |[number, bytes]: &[[u8; 8]; 2]| Listed {
        number: u64::from_le_bytes(*number),
        bytes: u64::from_le_bytes(*bytes),
    };
    is_whole.then(|| pairs.iter().map(listed).collect())
}

/// Makes the names in a directory durable: a function of its own so that tests can make it fail.
pub(super) type SyncDir = fn(&Path) -> io::Result<()>;

pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes this the manifest, durably; the names of new segments become durable before.
///
/// # Errors
/// [`RowLogError::Unsettled`] where this is the manifest already; after any other it is as it was.
pub(super) fn store(dir: &Path, segments: &[Listed], sync_dir: SyncDir) -> Result<(), RowLogError> {
    let numbers = segments.iter().flat_map(|segment| [segment.number, segment.bytes]);
    let body: Vec<u8> =
        std::iter::once(segments.len() as u64).chain(numbers).flat_map(u64::to_le_bytes).collect();
    let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), &body);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&body);
    let path = dir.join(FILE);
    let replaced = write(&dir.join("manifest.new"), &bytes)
        .and_then(|unfinished| sync_dir(dir).and_then(|()| std::fs::rename(unfinished, &path)));
    replaced.map_err(|source| io_error("write", &path, source))?;
    sync_dir(dir).map_err(|cause| RowLogError::Unsettled { file: path, cause: cause.to_string() })
}

fn write<'a>(path: &'a Path, bytes: &[u8]) -> io::Result<&'a Path> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_back_and_any_flipped_bit_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), None);
        let segments = [Listed { number: 3, bytes: 5_000 }, Listed { number: 9, bytes: 24 }];
        store(dir.path(), &segments, sync_dir).unwrap();
        assert_eq!(load(dir.path()).unwrap().as_deref(), Some(&segments[..]));
        let path = dir.path().join(FILE);
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, flipped).unwrap();
            assert!(load(dir.path()).is_err(), "byte {at}");
        }
    }
}
