//! A record of a segment: the row of one cart, or the word that it has none.
//!
//! ```text
//! crc u32 | length u32, its top bit: removed | cart id [16] | row | padding to a multiple of 8      little-endian
//! ```
//! The checksum covers length and id, so that a record is found whole before its row is trusted; the row has a checksum
//! of its own (`crate::row`). So a damaged row harms its cart alone.

use storage::cart::CartId;

pub(super) const ALIGN: u64 = 8;
pub(super) const HEAD_BYTES: usize = 24;
/// Bytes of the record of a removal.
pub(super) const REMOVAL_BYTES: u64 = HEAD_BYTES as u64;
const REMOVED: u32 = 1 << 31;

/// The head of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) cart: CartId,
    /// Bytes of the row behind the head; `None`: the cart has no row any more.
    pub(super) row_bytes: Option<u32>,
}

impl Head {
    /// Bytes of the record, padding included.
    pub(super) fn record_bytes(&self) -> u64 {
        aligned(HEAD_BYTES as u64 + u64::from(self.row_bytes.unwrap_or(0)))
    }

    /// Appends the record to `out`.
    pub(super) fn write(&self, row: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.row_bytes.unwrap_or(REMOVED).to_le_bytes());
        out.extend_from_slice(&self.cart.0);
        let crc = crc32c::crc32c(&out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(row);
        let written = (out.len() - start) as u64;
        out.extend(std::iter::repeat_n(0, usize::try_from(aligned(written) - written).unwrap_or(0)));
    }

    /// The head at the start of `bytes`; `None` where there is no whole one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (head, _) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let (crc, covered) = head.split_first_chunk::<4>()?;
        if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (length, id) = covered.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        let row_bytes = (length & REMOVED == 0).then_some(length);
        Some(Self { cart: CartId(id.try_into().ok()?), row_bytes })
    }
}

/// The row of `cart` in its record; `None` where the record is damaged, or another's.
pub(super) fn row_of(cart: CartId, record: &[u8]) -> Option<&[u8]> {
    let head = Head::read(record).filter(|head| head.cart == cart)?;
    let length = usize::try_from(head.row_bytes?).ok()?;
    record.get(HEAD_BYTES..HEAD_BYTES + length)
}

/// The next multiple of [`ALIGN`].
pub(super) fn aligned(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: CartId = CartId([7; 16]);

    #[test]
    fn a_record_reads_back_and_a_flipped_bit_of_its_head_is_found() {
        let head = Head { cart: CART, row_bytes: Some(3) };
        let mut record = Vec::new();
        head.write(b"row", &mut record);
        assert_eq!((record.len() as u64, head.record_bytes()), (32, 32));
        assert_eq!((Head::read(&record), row_of(CART, &record)), (Some(head), Some(&b"row"[..])));
        for at in 0..HEAD_BYTES {
            let mut flipped = record.clone();
            flipped[at] ^= 4;
            assert_eq!((Head::read(&flipped), row_of(CART, &flipped)), (None, None), "byte {at}");
        }
    }

    #[test]
    fn the_record_of_another_cart_is_no_row_of_this_one() {
        let mut record = Vec::new();
        Head { cart: CART, row_bytes: Some(3) }.write(b"row", &mut record);
        assert_eq!(row_of(CartId([8; 16]), &record), None);
    }

    #[test]
    fn a_removal_has_no_row() {
        let mut record = Vec::new();
        Head { cart: CART, row_bytes: None }.write(&[], &mut record);
        assert_eq!(Head::read(&record), Some(Head { cart: CART, row_bytes: None }));
        assert_eq!(row_of(CART, &record), None);
    }
}
