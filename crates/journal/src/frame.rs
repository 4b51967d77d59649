//! The bytes of one batch: a header, the records, zeros up to the next multiple of [`ALIGN`].
//!
//! ```text
//! magic u32 | crc u32 | journal id u64 | batch u64 | payload bytes u64 | payload | padding
//! payload = (record bytes u32 | record)*                                  all little-endian
//! ```
//! The checksum covers the header from the journal id on, and the payload. The journal's random id keeps a record that
//! happens to contain a frame, or was made to, from being taken for one. Padding means nothing and is not checked.

/// Frames start at multiples of this, and so do direct writes.
pub(crate) const ALIGN: usize = 4096;
pub(crate) const HEADER_BYTES: usize = 32;
const MAGIC: u32 = 0x4a56_4531;
const CRC_FROM: usize = 8;
/// Bytes that a record costs beyond its own.
pub(crate) const RECORD_PREFIX_BYTES: usize = 4;

/// Header of a frame as found on disk; the checksum is still to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) batch: u64,
    pub(crate) payload_bytes: u64,
    crc: u32,
}

/// Bytes that a batch of this payload takes in a segment.
pub(crate) fn frame_bytes(payload_bytes: usize) -> usize {
    (HEADER_BYTES + payload_bytes).next_multiple_of(ALIGN)
}

/// Adds one record to a payload; `false` when its length does not fit the prefix.
pub(crate) fn push_record(payload: &mut Vec<u8>, record: &[u8]) -> bool {
    let Ok(length) = u32::try_from(record.len()) else { return false };
    payload.extend_from_slice(&length.to_le_bytes());
    payload.extend_from_slice(record);
    true
}

/// Splits the first record off a payload.
pub(crate) fn split_record(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = payload.split_first_chunk::<RECORD_PREFIX_BYTES>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// Fills `out`, which has exactly [`frame_bytes`] of the payload.
pub(crate) fn encode(out: &mut [u8], journal: u64, batch: u64, payload: &[u8]) {
    let end = HEADER_BYTES + payload.len();
    out[8..16].copy_from_slice(&journal.to_le_bytes());
    out[16..24].copy_from_slice(&batch.to_le_bytes());
    out[24..32].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    out[HEADER_BYTES..end].copy_from_slice(payload);
    out[end..].fill(0);
    let crc = crc32c::crc32c(&out[CRC_FROM..end]);
    out[..4].copy_from_slice(&MAGIC.to_le_bytes());
    out[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// Reads a header of this journal; `None` where there is none.
pub(crate) fn decode_header(bytes: &[u8; HEADER_BYTES], journal: u64) -> Option<FrameHeader> {
    let (magic, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (id, rest) = rest.split_first_chunk::<8>()?;
    let (batch, rest) = rest.split_first_chunk::<8>()?;
    let (payload_bytes, _) = rest.split_first_chunk::<8>()?;
    (u32::from_le_bytes(*magic) == MAGIC && u64::from_le_bytes(*id) == journal).then(|| FrameHeader {
        batch: u64::from_le_bytes(*batch),
        payload_bytes: u64::from_le_bytes(*payload_bytes),
        crc: u32::from_le_bytes(*crc),
    })
}

/// True when header and payload are as they were written.
pub(crate) fn is_intact(header: &[u8; HEADER_BYTES], payload: &[u8], expected: FrameHeader) -> bool {
    crc32c::crc32c_append(crc32c::crc32c(&header[CRC_FROM..]), payload) == expected.crc
}
