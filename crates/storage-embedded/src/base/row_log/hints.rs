//! The hints of a sealed segment: what its records say of the index, so that a log opens without reading its rows
//! (Bitcask's hint files: Sheehy and Smith, 2010).
//!
//! ```text
//! magic [8] | version u32 | crc u32 of all behind | segment u64 | (cart id [16], offset u32, bytes u32) …   little-endian
//! ```
//! In the order of ids. A removal has 0 bytes. Hints that are missing or damaged are made anew from the segment.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use storage::cart::CartId;

use super::error::{RowLogError, io_error};
use super::index::Update;
use super::place::Place;

const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"evchints";
const HEAD_BYTES: usize = 24;
const HINT_BYTES: usize = 24;

pub(super) fn path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:010}.hints"))
}

/// Writes the hints of a segment, durably. `updates` come in the order in which they were written.
pub(super) fn store(dir: &Path, segment: u64, updates: &[Update]) -> Result<(), RowLogError> {
    let mut updates = updates.to_vec();
    updates.sort_by_key(|update| update.cart);
    let mut body = Vec::with_capacity(8 + updates.len() * HINT_BYTES);
    body.extend_from_slice(&segment.to_le_bytes());
    for Update { cart, place } in updates {
        let (offset, bytes) = place.map_or((0, 0), |place| (place.offset(), place.bytes()));
        body.extend_from_slice(&cart.0);
        for number in [offset, bytes] {
            // Offsets are below 64 MiB, lengths below 256 MiB.
            body.extend_from_slice(&u32::try_from(number).unwrap_or(0).to_le_bytes());
        }
    }
    let head = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head), &body);
    let path = path(dir, segment);
    let write = || -> io::Result<()> {
        let mut file = File::create(&path)?;
        file.write_all(&head)?;
        file.write_all(&crc.to_le_bytes())?;
        file.write_all(&body)?;
        file.sync_data()
    };
    write().map_err(|source| io_error("write", &path, source))
}

/// The hints of a segment that stands in `slot`; `None` where they are missing, damaged, or written by another release.
pub(super) fn load(dir: &Path, segment: u64, slot: u16) -> Option<Vec<Update>> {
    let bytes = std::fs::read(path(dir, segment)).ok()?;
    let (head, hints) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let crc = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
    let is_whole = crc == crc32c::crc32c_append(crc32c::crc32c(&head[..12]), &bytes[16..]);
    let expected = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    if !is_whole || head[..12] != expected || head[16..] != segment.to_le_bytes() {
        return None;
    }
    let (hints, rest) = hints.as_chunks::<HINT_BYTES>();
    rest.is_empty().then(|| hints.iter().map(|hint| update_of(hint, slot)).collect())
}

fn update_of(hint: &[u8; HINT_BYTES], slot: u16) -> Update {
    let mut id = [0; 16];
    id.copy_from_slice(&hint[..16]);
    let number =
        |at: usize| u64::from(u32::from_le_bytes([hint[at], hint[at + 1], hint[at + 2], hint[at + 3]]));
    let (offset, bytes) = (number(16), number(20));
    Update { cart: CartId(id), place: (bytes > 0).then(|| Place::new(slot, offset, bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_read_back_in_order_and_damaged_ones_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let update = |n: u8, place| Update { cart: CartId([n; 16]), place };
        let [a, b] = [update(2, Some(Place::new(4, 64, 400))), update(1, None)];
        store(dir.path(), 7, &[a, b]).unwrap();
        assert_eq!(load(dir.path(), 7, 4), Some(vec![b, a]));
        assert_eq!(load(dir.path(), 8, 4), None);
        let path = path(dir.path(), 7);
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, flipped).unwrap();
            assert_eq!(load(dir.path(), 7, 4), None, "byte {at}");
        }
    }
}
