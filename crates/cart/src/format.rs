//! Stored bytes. The first byte is the version; what a newer release wrote is refused, never guessed.
//!
//! Canonical: one state has one encoding, so equal states have equal bytes in every region. The frozen bytes of
//! each release stand in `test-data/`, and reading them is a test.
//!
//! The alphabet and the frame are public: the records of checkout are written in the same, under the same version.

mod bytes;
mod record;
mod subject;
mod tables;
mod v1;

pub use bytes::{Reader, Writer};
pub use record::{decode_item, decode_merge_record, encode_item, encode_merge_record};
pub use subject::{decode_subject, encode_subject};
pub use tables::{read_item, read_line, read_many, read_texts, write_item, write_line, write_texts};

use crate::state::Cart;

/// Why stored bytes cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A newer release wrote this.
    #[error("written in format {found}, and this release reads up to {VERSION}")]
    Newer {
        /// The version found.
        found: u8,
    },
    /// The checksum does not fit the bytes.
    #[error("checksum does not match")]
    Checksum,
    /// The bytes end early, or say something that cannot be.
    #[error("malformed at byte {at}: {what}")]
    Malformed {
        /// Where reading stopped.
        at: usize,
        /// What was being read.
        what: &'static str,
    },
}

/// The version that is written.
pub const VERSION: u8 = 1;

/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 4;

/// Encodes a state or delta.
pub fn encode(cart: &Cart) -> Vec<u8> {
    seal(|writer| v1::write(cart, writer))
}

/// Decodes what [`encode`] wrote.
pub fn decode(bytes: &[u8]) -> Result<Cart, FormatError> {
    open(bytes, v1::read)
}

/// False where encoded bytes show without being decoded that the state is neither erased nor taken in by another cart.
pub fn may_be_closed(bytes: &[u8]) -> bool {
    !matches!(bytes, [VERSION, flags, ..] if v1::is_open(*flags))
}

/// The checksum that stands at the end of encoded bytes: tells two values apart that share a name.
pub fn checksum(bytes: &[u8]) -> u64 {
    bytes.last_chunk::<CHECKSUM_BYTES>().map_or(0, |checksum| u64::from(u32::from_le_bytes(*checksum)))
}

/// Writes a record: a version byte before, a checksum behind.
pub fn seal(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.byte(VERSION);
    write(&mut writer);
    let mut bytes = writer.into_bytes();
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    // Stores keep many of them in memory, and what they were collected in has room for twice as much.
    bytes.shrink_to_fit();
    bytes
}

/// Reads a record that [`seal`] wrote, to its last byte.
pub fn open<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, FormatError>,
) -> Result<T, FormatError> {
    let mut reader = Reader::new(whole(bytes)?);
    reader.byte("version")?;
    let value = read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// What stands before the checksum, if that fits and the version is one that can be read. A record that [`seal`] wrote, and
/// that nothing happened to since, reads back; so much can be said without reading it.
pub fn whole(bytes: &[u8]) -> Result<&[u8], FormatError> {
    let too_short = FormatError::Malformed { at: bytes.len(), what: "too short" };
    match bytes.first() {
        None => return Err(too_short),
        Some(&found) if found > VERSION => return Err(FormatError::Newer { found }),
        Some(_) => {}
    }
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(too_short)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err(FormatError::Checksum);
    }
    if body.first() != Some(&VERSION) {
        return Err(FormatError::Malformed { at: 0, what: "version" });
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
