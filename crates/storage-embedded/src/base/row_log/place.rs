//! Where a record stands: segment, offset and length, packed into 64 bits.
//!
//! ```text
//! slot 16 | offset / 8, 23 | length / 8, 25        records start at multiples of 8
//! ```
//! A slot is a number for an open segment, used again once the segment is gone; so 16 bits are 4 TiB of segments.

use super::record::{ALIGN, aligned};

const OFFSET_BITS: u32 = 23;
const LENGTH_BITS: u32 = 25;

/// Offsets are below this: what a segment may hold before its last record.
pub(super) const OFFSET_END: u64 = ALIGN << OFFSET_BITS;
/// Bytes of the longest record.
pub(super) const LENGTH_MAX: u64 = ALIGN * ((1 << LENGTH_BITS) - 1);

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Place {
    /// `offset` is aligned and below [`OFFSET_END`], `bytes` at most [`LENGTH_MAX`].
    pub(super) fn new(slot: u16, offset: u64, bytes: u64) -> Self {
        debug_assert!(offset.is_multiple_of(ALIGN) && offset < OFFSET_END && bytes <= LENGTH_MAX);
        Self(
            u64::from(slot) << (OFFSET_BITS + LENGTH_BITS)
                | (offset / ALIGN) << LENGTH_BITS
                | (aligned(bytes) / ALIGN),
        )
    }

    pub(super) fn slot(self) -> u16 {
        (self.0 >> (OFFSET_BITS + LENGTH_BITS)) as u16
    }

    pub(super) fn offset(self) -> u64 {
        ALIGN * (self.0 >> LENGTH_BITS & ((1 << OFFSET_BITS) - 1))
    }

    /// Bytes of the record, padding included.
    pub(super) fn bytes(self) -> u64 {
        ALIGN * (self.0 & ((1 << LENGTH_BITS) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_as_packed() {
        for (slot, offset, bytes) in [(0, 16, 1), (u16::MAX, OFFSET_END - ALIGN, LENGTH_MAX), (7, 4096, 800)]
        {
            let place = Place::new(slot, offset, bytes);
            assert_eq!((place.slot(), place.offset(), place.bytes()), (slot, offset, aligned(bytes)));
        }
    }
}
