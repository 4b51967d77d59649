//! Packing: a row without the id of its cart, compressed by zstd under the dictionary of its segment.
//!
//! ```text
//! where the id was in the row u16, 0xffff: nowhere | a zstd frame without its magic number         little-endian
//! ```
//! What always holds: a row unpacks to what was packed, or, where bytes are damaged, to whatever that is or to nothing,
//! with no more memory than bytes of that length can ask for. Whether it is the row is said by the checksum in the row
//! (`crate::row`), so frames have none of their own.

use std::cell::RefCell;

use storage::cart::CartId;
use zstd_safe::{CCtx, CParameter, DCtx, DDict};

use super::RowLogError;
use super::place::LENGTH_MAX;
use super::record::aligned;

/// The record's head has the id already, and nothing else of a row is as long and as random.
const ID_BYTES: usize = 16;
const NOWHERE: u16 = u16::MAX;
const SPOT_BYTES: usize = 2;

/// Every frame begins with it, so that it is not kept.
const MAGIC: [u8; 4] = zstd_safe::MAGICNUMBER.to_le_bytes();
/// A block of a frame has at least so many bytes, and at most so many are unpacked from it.
const BLOCK_BYTES_MIN: u64 = 4;
const BLOCK_UNPACKED_MAX: u64 = 128 << 10;

/// How hard zstd tries: see the table in `docs/adr/0018-packed-rows.md`.
const LEVEL: i32 = 3;
/// A buffer that a longer row made larger is not kept.
const KEPT_BYTES: usize = 1 << 20;

/// Packs rows for one segment.
pub(super) struct Packer {
    context: CCtx<'static>,
    /// The row without the id.
    bare: Vec<u8>,
    frame: Vec<u8>,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new(dictionary: &[u8]) -> Result<Self, RowLogError> {
        let mut context = CCtx::create();
        let made = context
            .set_parameter(CParameter::CompressionLevel(LEVEL))
            .and_then(|_| context.set_parameter(CParameter::DictIdFlag(false)))
            .and_then(|_| context.load_dictionary(dictionary));
        made.map_err(|code| RowLogError::Packing(zstd_safe::get_error_name(code)))?;
        Ok(Self { context, bare: Vec::new(), frame: Vec::new(), packed: Vec::new() })
    }

    /// The row, packed; `None` where that would not make its record shorter.
    pub(super) fn pack(&mut self, cart: CartId, row: &[u8]) -> Option<&[u8]> {
        let Self { context, bare, frame, packed } = self;
        let spot = spot_of(cart, row);
        bare.clear();
        match spot {
            NOWHERE => bare.extend_from_slice(row),
            spot => {
                bare.extend_from_slice(&row[..usize::from(spot)]);
                bare.extend_from_slice(&row[usize::from(spot) + ID_BYTES..]);
            }
        }
        frame.clear();
        frame.shrink_to(KEPT_BYTES);
        frame.reserve(zstd_safe::compress_bound(bare.len()));
        bare.shrink_to(KEPT_BYTES);
        context.compress2(frame, bare).ok()?;
        let body = frame.strip_prefix(&MAGIC)?;
        packed.clear();
        packed.shrink_to(KEPT_BYTES);
        packed.extend_from_slice(&spot.to_le_bytes());
        packed.extend_from_slice(body);
        (aligned(packed.len() as u64) < aligned(row.len() as u64)).then_some(packed)
    }
}

/// Where the id of the cart begins in its row.
fn spot_of(cart: CartId, row: &[u8]) -> u16 {
    let mut windows = row.windows(ID_BYTES).take(usize::from(NOWHERE));
    let found = windows.position(|window| window.first_chunk::<ID_BYTES>() == Some(&cart.0));
    found.and_then(|spot| u16::try_from(spot).ok()).unwrap_or(NOWHERE)
}

/// Unpacks rows of one segment, on any thread.
pub(super) struct Unpacker(DDict<'static>);

thread_local! {
    /// What unpacking needs beside a dictionary, and a buffer for a frame.
    static UNPACKING: RefCell<(DCtx<'static>, Vec<u8>)> = RefCell::new((DCtx::create(), Vec::new()));
}

impl Unpacker {
    /// `None` where zstd cannot use the dictionary.
    pub(super) fn new(dictionary: &[u8]) -> Option<Self> {
        DDict::try_create(dictionary).map(Self)
    }

    /// The row of `cart`; `None` where nothing can be unpacked.
    pub(super) fn unpack(&self, cart: CartId, packed: &[u8]) -> Option<Vec<u8>> {
        let (spot, body) = packed.split_first_chunk::<SPOT_BYTES>()?;
        let mut row = UNPACKING.with_borrow_mut(|(context, frame)| {
            frame.clear();
            frame.shrink_to(KEPT_BYTES);
            frame.extend_from_slice(&MAGIC);
            frame.extend_from_slice(body);
            let mut row = Vec::with_capacity(unpacked_bytes(frame)? + ID_BYTES);
            context.decompress_using_ddict(&mut row, frame, &self.0).ok()?;
            Some(row)
        })?;
        match u16::from_le_bytes(*spot) {
            NOWHERE => {}
            spot => {
                let spot = usize::from(spot);
                if spot > row.len() {
                    return None;
                }
                row.splice(spot..spot, cart.0);
            }
        }
        Some(row)
    }
}

/// Bytes that a frame says it unpacks to, if one of its length can.
fn unpacked_bytes(frame: &[u8]) -> Option<usize> {
    let bytes = zstd_safe::get_frame_content_size(frame).ok()??;
    let blocks_max = frame.len() as u64 / BLOCK_BYTES_MIN + 1;
    let bytes_max = (blocks_max * BLOCK_UNPACKED_MAX).min(LENGTH_MAX);
    usize::try_from(bytes).ok().filter(|_| bytes <= bytes_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: CartId = CartId(*b"the id of a cart");
    const DICTIONARY: &[u8] = b"https://shop.example/items/ a hanging heart lantern, no.";

    fn packed(row: &[u8]) -> Option<Vec<u8>> {
        Packer::new(DICTIONARY).unwrap().pack(CART, row).map(<[u8]>::to_vec)
    }

    fn row(before: &[u8]) -> Vec<u8> {
        [before, b"a hanging heart lantern, no. 7, https://shop.example/items/7 ".as_slice()].concat()
    }

    #[test]
    fn rows_unpack_to_what_was_packed_with_the_id_of_their_cart_in_them_or_without() {
        let unpacker = Unpacker::new(DICTIONARY).unwrap();
        let (first, last) = (row(&CART.0), [row(b""), CART.0.to_vec()].concat());
        let far = [vec![7; usize::from(NOWHERE)], first.clone()].concat();
        for row in [row(b""), first.clone(), last, [first.clone(), first].concat(), far, vec![0; 1 << 20]] {
            let packed = packed(&row).unwrap();
            assert!(packed.len() < row.len());
            assert!(unpacker.unpack(CART, &packed) == Some(row));
        }
    }

    #[test]
    fn what_does_not_get_shorter_is_not_packed() {
        let random: Vec<u8> =
            (0..40u64).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()).collect();
        for row in [&[][..], b"row", &random] {
            assert_eq!(packed(row), None);
        }
    }

    #[test]
    fn an_id_and_a_dictionary_make_rows_shorter() {
        let plain = Packer::new(b"").unwrap().pack(CART, &row(&CART.0)).map(<[u8]>::len);
        let [with_both, without_id] = [row(&CART.0), row(b"")].map(|row| packed(&row).unwrap().len());
        assert!(plain.is_none_or(|plain| with_both + 30 < plain), "{plain:?} {with_both}");
        assert_eq!(with_both, without_id);
    }

    #[test]
    fn damaged_bytes_unpack_to_nothing_or_to_little() {
        let unpacker = Unpacker::new(DICTIONARY).unwrap();
        let whole = packed(&row(&CART.0)).unwrap();
        for at in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let unpacked = unpacker.unpack(CART, &flipped);
            assert!(unpacked.is_none_or(|row| row.capacity() < 32 << 20), "bit {at}");
        }
        for length in 0..whole.len() {
            assert_eq!(unpacker.unpack(CART, &whole[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn a_frame_that_says_it_is_longer_than_it_can_be_gets_no_memory() {
        // A single segment, its size in 8 bytes, one empty block.
        let mut frame = [&MAGIC[..], &[0b1110_0000], &(64u64 << 20).to_le_bytes(), &[1, 0, 0]].concat();
        assert_eq!(zstd_safe::get_frame_content_size(&frame).unwrap(), Some(64 << 20));
        assert_eq!(unpacked_bytes(&frame), None);
        frame.resize(4096, 0);
        assert_eq!(unpacked_bytes(&frame), Some(64 << 20), "of so many bytes it could");
    }
}
