//! A row: what is known under a key, up to which batch of the journal, and its bytes in the base.
//!
//! ```text
//! version u8 | crc u32 | through varint | value (as in `change`)       the checksum covers all behind it
//! ```

use storage::cart::format::FormatError;

use crate::change::{Value, put_value, put_varint, take_value, take_varint};

/// The newest version that this code reads, and the one it writes.
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 5;

/// A value and the batch of the last change in it: changes of that batch and earlier ones are not applied again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) through: u64,
    pub(crate) value: Value,
}

pub(crate) fn encode(row: &Row) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + 48 + row.value.bytes.len());
    out.extend_from_slice(&[VERSION, 0, 0, 0, 0]);
    put_varint(&mut out, row.through);
    put_value(&mut out, &row.value);
    let crc = crc32c::crc32c(&out[HEADER_BYTES..]);
    out[1..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
    out
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Row, FormatError> {
    let malformed = FormatError::Malformed { at: 0, what: "row of the base" };
    let Some((version, rest)) = bytes.split_first() else { return Err(malformed) };
    if *version > VERSION {
        return Err(FormatError::Newer { found: *version });
    }
    let Some((crc, rest)) = rest.split_first_chunk::<4>() else { return Err(malformed) };
    if crc32c::crc32c(rest) != u32::from_le_bytes(*crc) {
        return Err(FormatError::Checksum);
    }
    let row = take_varint(rest).and_then(|(through, value)| Some(Row { through, value: take_value(value)? }));
    row.ok_or(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_row_reads_back_as_written_and_a_flipped_bit_is_found() {
        let bytes = Bytes::from_static(b"state");
        let value = Value { version: 7, order: Some(9), owner: "local.1".into(), bytes };
        let row = Row { through: 1 << 40, value };
        let stored = encode(&row);
        assert_eq!(decode(&stored), Ok(row));
        for at in 0..stored.len() {
            let mut flipped = stored.clone();
            flipped[at] ^= 4;
            assert!(decode(&flipped).is_err(), "byte {at}");
        }
    }
}
