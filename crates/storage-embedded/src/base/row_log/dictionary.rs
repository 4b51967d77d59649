//! The dictionary of a segment that is begun: made of what was written last to the one before it.
//!
//! Nothing is kept for it while rows are written: they stand in the log. Rows that come to nothing in the end do no harm
//! in it, and where none can be had the segment goes without.

use std::collections::HashSet;

use super::active::Active;
use super::header::DICTIONARY_BYTES_MAX;
use super::packing::Unpacker;

/// Bytes of a dictionary, and of the rows that it is made of: see the table in `docs/adr/0018-packed-rows.md`.
const DICTIONARY_BYTES: usize = 128 << 10;
const SAMPLE_BYTES: usize = 2 << 20;
/// A dictionary takes at most this share of a segment.
const SEGMENT_SHARE: u64 = 16;

/// Rows one behind the other, and how long each is.
#[derive(Default)]
struct Sample {
    rows: Vec<u8>,
    lengths: Vec<usize>,
}

/// A dictionary for the segment behind the active one, all of which is in its file. Empty where none can be made.
pub(super) fn of_last_rows(active: &Active, segment_bytes: u64) -> Vec<u8> {
    let bytes_max = usize::try_from(segment_bytes / SEGMENT_SHARE).unwrap_or(usize::MAX);
    let bytes_max = bytes_max.min(DICTIONARY_BYTES).min(DICTIONARY_BYTES_MAX);
    let dictionary = Sample::of_last_rows(active).dictionary(bytes_max);
    if Unpacker::new(&dictionary).is_some() { dictionary } else { Vec::new() }
}

impl Sample {
    /// The rows that the active segment got last, the newest first, each cart's once.
    fn of_last_rows(active: &Active) -> Self {
        let (mut sample, mut seen) = (Self::default(), HashSet::new());
        for update in active.updates.iter().rev() {
            let Some(place) = update.place.filter(|_| seen.insert(update.cart)) else { continue };
            // One that cannot be read is missed by nobody here.
            let record = active.segment.read(place).ok();
            let row = record.and_then(|record| active.segment.row_of(update.cart, &record));
            let Some(row) = row else { continue };
            if sample.rows.len() + row.len() > SAMPLE_BYTES {
                break;
            }
            sample.rows.extend_from_slice(&row);
            sample.lengths.push(row.len());
        }
        sample
    }

    /// What zstd's trainer makes of it; of a sample that is too small for that, its newest rows.
    fn dictionary(mut self, bytes_max: usize) -> Vec<u8> {
        let mut dictionary = Vec::with_capacity(bytes_max);
        match zstd_safe::train_from_buffer(&mut dictionary, &self.rows, &self.lengths) {
            Ok(_) => dictionary,
            Err(_) => {
                self.rows.truncate(bytes_max);
                self.rows
            }
        }
    }
}
