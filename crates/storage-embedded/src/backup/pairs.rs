//! Pairs of a key and a value, one behind the other, as the smaller files of a backup hold them.
//!
//! ```text
//! key bytes varint | key | value bytes varint | value | …
//! ```
//! The file as a whole has a checksum, which is checked before the first pair is used.

use std::path::Path;

use super::file::{BackupFile, Sink};
use super::{BackupError, io_error};
use crate::change::{put_varint, take_varint};

pub(super) fn write(sink: &mut Sink, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
    for part in [key, value] {
        let mut length = Vec::with_capacity(10);
        put_varint(&mut length, part.len() as u64);
        sink.write(&length)?;
        sink.write(part)?;
    }
    Ok(())
}

/// A file of pairs, checked and held whole: it has the records that are no carts, which are few, or a tail of the
/// journal, which is bounded.
pub(super) struct PairsFile(Vec<u8>);

impl PairsFile {
    pub(super) fn load(dir: &Path, file: &BackupFile) -> Result<Self, BackupError> {
        let mut bytes = Vec::new();
        file.read(dir, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        let pairs = Self(bytes);
        let (mut rest, mut whole) = (&pairs.0[..], true);
        while whole && !rest.is_empty() {
            match pair(rest) {
                Some((_, behind)) => rest = behind,
                None => whole = false,
            }
        }
        if whole {
            return Ok(pairs);
        }
        let source = std::io::Error::other("a newer release wrote it: restore with that one");
        Err(io_error("read", &file.path(dir)?)(source))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (found, behind) = pair(rest)?;
            rest = behind;
            Some(found)
        })
    }
}

type Found<'a> = ((&'a [u8], &'a [u8]), &'a [u8]);

fn pair(bytes: &[u8]) -> Option<Found<'_>> {
    let (key, rest) = part(bytes)?;
    let (value, rest) = part(rest)?;
    Some(((key, value), rest))
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = take_varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}
