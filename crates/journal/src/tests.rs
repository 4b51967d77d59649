//! Tests of the whole journal, by topic; those of one part stand beside it.

mod damage;
mod faults;
mod faulty_disk;
mod limits;
mod model;
mod reading;
mod recovery;

use std::path::Path;

use crate::{Journal, JournalError, JournalOptions};

/// Small segments of 15 blocks for frames, no floor, patient writers.
pub(crate) fn small() -> JournalOptions {
    JournalOptions {
        segment_bytes: 16 * 4096,
        segments_max: 4,
        disk_free_bytes_min: 0,
        queue_wait_max: std::time::Duration::from_secs(60),
        ..JournalOptions::default()
    }
}

/// Appends one record in a batch of its own; returns the batch.
pub(crate) fn append(journal: &Journal, record: &[u8]) -> u64 {
    futures::executor::block_on(journal.append(record)).unwrap().batch
}

/// A record with its batch.
pub(crate) type Numbered = (u64, Vec<u8>);

/// Opens and reads everything back.
pub(crate) fn reopen(dir: &Path, options: JournalOptions) -> Result<(Journal, Vec<Numbered>), JournalError> {
    let (journal, recovered) = Journal::open(dir, options)?;
    let mut records = Vec::new();
    for batch in recovered {
        let batch = batch?;
        records.extend(batch.records().map(|record| (batch.number(), record.to_vec())));
    }
    Ok((journal, records))
}

/// The records alone.
pub(crate) fn contents(dir: &Path, options: JournalOptions) -> Vec<Vec<u8>> {
    reopen(dir, options).unwrap().1.into_iter().map(|(_, record)| record).collect()
}
