//! The segment that is written, and what belongs to writing it.

use std::path::Path;
use std::sync::Arc;

use storage::cart::CartId;

use super::RowLogError;
use super::index::Update;
use super::packing::Packer;
use super::place::OFFSET_END;
use super::record::Body;
use super::segment::Segment;

/// The first segment of a log has no dictionary, and is sealed as soon as there are rows to make one of: so small shops
/// have one too.
const FIRST_SEGMENT_BYTES: u64 = 1 << 20;

/// The segment that is written, with all that its records say, in order: its hints once it is sealed.
pub(super) struct Active {
    pub(super) slot: u16,
    pub(super) segment: Arc<Segment>,
    pub(super) updates: Vec<Update>,
    pub(super) next_number: u64,
    /// Packs rows for this segment; made when the first one comes.
    pub(super) packer: Option<Packer>,
}

impl Active {
    /// True if a record of so many bytes may stand at `end`, which is where the segment ends. The first of a segment may
    /// be of any length.
    pub(super) fn takes(&self, end: u64, bytes: u64, segment_bytes: u64) -> bool {
        let segment = &self.segment;
        let bytes_max =
            if segment.number == 0 { segment_bytes.min(FIRST_SEGMENT_BYTES) } else { segment_bytes };
        let has_room = end == segment.start || (end + bytes <= bytes_max && end < OFFSET_END);
        has_room && !segment.is_old
    }

    /// A row as its record shall hold it.
    pub(super) fn pack<'a>(
        &'a mut self,
        dir: &Path,
        cart: CartId,
        row: &'a [u8],
    ) -> Result<(Body, &'a [u8]), RowLogError> {
        let packer = match &mut self.packer {
            Some(packer) => packer,
            none => none.insert(self.segment.packer(dir)?),
        };
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| RowLogError::TooLong(bytes.len()));
        match packer.pack(cart, row) {
            Some(packed) => Ok((Body::Packed(length(packed)?), packed)),
            None => Ok((Body::Plain(length(row)?), row)),
        }
    }
}
