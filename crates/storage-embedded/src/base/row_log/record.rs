//! A record of a segment: the row of one cart, or the word that it has none.
//!
//! ```text
//! crc u32 | length u32 | cart id [16] | row | padding to a multiple of 8      little-endian
//! ```
//! The top bit of the length says that there is no row, the one below it that the row is packed (`super::packing`). The
//! checksum covers length and id, so that a record is found whole before its row is trusted; the row has a checksum of
//! its own (`crate::row`), which packing leaves in it. So a damaged row harms its cart alone.

use storage::cart::CartId;

pub(super) const ALIGN: u64 = 8;
pub(super) const HEAD_BYTES: usize = 24;
/// Bytes of the record of a removal.
pub(super) const REMOVAL_BYTES: u64 = HEAD_BYTES as u64;
const REMOVED: u32 = 1 << 31;
const PACKED: u32 = 1 << 30;

/// The head of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) cart: CartId,
    pub(super) body: Body,
}

/// What stands behind a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// The cart has no row any more.
    Removed,
    /// So many bytes, which are the row.
    Plain(u32),
    /// So many bytes, to which the row was packed.
    Packed(u32),
}

/// A row as its record holds it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StoredRow<'a> {
    Plain(&'a [u8]),
    Packed(&'a [u8]),
}

impl Body {
    fn bytes(self) -> u32 {
        match self {
            Self::Removed => 0,
            Self::Plain(bytes) | Self::Packed(bytes) => bytes,
        }
    }
}

impl Head {
    /// Bytes of the record, padding included.
    pub(super) fn record_bytes(&self) -> u64 {
        aligned(HEAD_BYTES as u64 + u64::from(self.body.bytes()))
    }

    /// True unless it says that the cart has no row.
    pub(super) fn has_row(&self) -> bool {
        self.body != Body::Removed
    }

    /// Appends the record to `out`, with the bytes that stand behind the head.
    pub(super) fn write(&self, bytes: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let length = match self.body {
            Body::Removed => REMOVED,
            Body::Plain(length) => length,
            Body::Packed(length) => length | PACKED,
        };
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.cart.0);
        let crc = crc32c::crc32c(&out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(bytes);
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
        let body = match length & (REMOVED | PACKED) {
            0 => Body::Plain(length),
            PACKED => Body::Packed(length & !PACKED),
            _ => Body::Removed,
        };
        Some(Self { cart: CartId(id.try_into().ok()?), body })
    }
}

/// The row of `cart` in its record; `None` where the record is damaged, or another's.
pub(super) fn row_of(cart: CartId, record: &[u8]) -> Option<StoredRow<'_>> {
    let head = Head::read(record).filter(|head| head.cart == cart)?;
    let length = usize::try_from(head.body.bytes()).ok()?;
    let bytes = record.get(HEAD_BYTES..HEAD_BYTES + length)?;
    match head.body {
        Body::Removed => None,
        Body::Plain(_) => Some(StoredRow::Plain(bytes)),
        Body::Packed(_) => Some(StoredRow::Packed(bytes)),
    }
}

/// The next multiple of [`ALIGN`].
pub(super) fn aligned(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: CartId = CartId([7; 16]);

    fn record(body: Body, bytes: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        Head { cart: CART, body }.write(bytes, &mut record);
        record
    }

    #[test]
    fn a_record_reads_back_and_a_flipped_bit_of_its_head_is_found() {
        for (body, row) in
            [(Body::Plain(3), StoredRow::Plain(b"row")), (Body::Packed(3), StoredRow::Packed(b"row"))]
        {
            let (head, record) = (Head { cart: CART, body }, record(body, b"row"));
            assert_eq!((record.len() as u64, head.record_bytes()), (32, 32));
            assert_eq!((Head::read(&record), row_of(CART, &record)), (Some(head), Some(row)));
            for at in 0..HEAD_BYTES * 8 {
                let mut flipped = record.clone();
                flipped[at / 8] ^= 1 << (at % 8);
                assert_eq!((Head::read(&flipped), row_of(CART, &flipped)), (None, None), "bit {at}");
            }
        }
    }

    #[test]
    fn the_record_of_another_cart_is_no_row_of_this_one() {
        assert_eq!(row_of(CartId([8; 16]), &record(Body::Plain(3), b"row")), None);
    }

    #[test]
    fn a_removal_has_no_row() {
        let record = record(Body::Removed, &[]);
        assert_eq!(Head::read(&record), Some(Head { cart: CART, body: Body::Removed }));
        assert_eq!(row_of(CART, &record), None);
    }
}
