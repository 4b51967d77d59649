//! Torn tails end a journal; damage stops it.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::faulty_disk::REAL;
use super::{append, contents, reopen, small};
use crate::{Journal, JournalError};

const BLOCK: usize = 4096;
/// Long enough that its frame takes two blocks.
const LAST: [u8; 5000] = [9; 5000];

/// A closed journal of batches 1 and 2, one block each, and 3, two blocks, all in the first segment.
fn three_batches() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    append(&journal, b"first");
    append(&journal, b"second");
    append(&journal, &LAST);
    drop(journal);
    let segment = dir.path().join("segment-00000001");
    (dir, segment)
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

fn opening_fails(dir: &Path) -> JournalError {
    reopen(dir, small()).map(|(_, records)| records).expect_err("the journal must not open")
}

#[test]
fn a_tail_torn_at_any_byte_of_the_last_frame_ends_the_journal_there() {
    let (dir, segment) = three_batches();
    let whole = std::fs::read(&segment).unwrap();
    let frame = 3 * BLOCK..3 * BLOCK + 32 + 4 + LAST.len();
    let file = std::fs::File::options().write(true).open(&segment).unwrap();
    for torn_at in frame.clone().rev() {
        // From the end forward, so that one more byte is lost in each round.
        file.write_at(&[0], torn_at as u64).unwrap();
        // Every offset in the header and near the ends, every 61st between: opening takes a while.
        if torn_at > frame.start + 40 && torn_at + 8 < frame.end && !torn_at.is_multiple_of(61) {
            continue;
        }
        let found = crate::recovery::find(&REAL, dir.path(), small().segment_bytes, 0).unwrap();
        assert_eq!((found.last_batch, found.recovered.batches()), (2, 2), "torn at byte {torn_at}");
    }
    assert_eq!(contents(dir.path(), small()), [b"first".to_vec(), b"second".to_vec()]);
    std::fs::write(&segment, whole).unwrap();
    assert_eq!(contents(dir.path(), small()).len(), 3);
}

#[test]
fn behind_a_marked_end_damage_to_the_last_record_is_found_and_the_mark_is_made_once() {
    let (dir, segment) = three_batches();
    for _ in 0..2 {
        let (journal, records) = reopen(dir.path(), small()).unwrap();
        assert_eq!(records.len(), 3);
        journal.mark_end();
        journal.mark_end();
        drop(journal);
        let found = crate::recovery::find(&REAL, dir.path(), small().segment_bytes, 0).unwrap();
        assert_eq!((found.last_batch, found.recovered.batches()), (4, 4));
    }
    flip(&segment, 3 * BLOCK + 100);
    assert!(matches!(opening_fails(dir.path()), JournalError::Corrupt { .. }));
    flip(&segment, 3 * BLOCK + 100);
    // The mark itself may go: nothing is lost with it.
    flip(&segment, 5 * BLOCK + 9);
    let (journal, records) = reopen(dir.path(), small()).unwrap();
    assert_eq!((records.len(), append(&journal, b"more")), (3, 4));
}

#[test]
fn writing_goes_on_where_a_torn_frame_was() {
    let (dir, segment) = three_batches();
    flip(&segment, 3 * BLOCK + 100);
    let (journal, records) = reopen(dir.path(), small()).unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!(append(&journal, b"third again"), 3);
    assert_eq!(append(&journal, b"fourth"), 4);
    drop(journal);
    let records = contents(dir.path(), small());
    assert_eq!(records, [b"first".as_slice(), b"second", b"third again", b"fourth"]);
}

#[test]
fn a_bit_flipped_anywhere_before_the_last_frame_is_damage_at_its_place() {
    let (dir, segment) = three_batches();
    let record_end = 32 + 4 + b"first".len();
    for frame in [BLOCK, 2 * BLOCK] {
        for at in frame..frame + record_end {
            flip(&segment, at);
            match opening_fails(dir.path()) {
                JournalError::Corrupt { file, offset, .. } => {
                    assert_eq!((file.as_str(), offset), ("segment-00000001", frame as u64), "byte {at}");
                }
                other => panic!("byte {at}: {other}"),
            }
            flip(&segment, at);
        }
    }
}

#[test]
fn a_bit_flipped_in_the_header_of_a_segment_is_damage() {
    let (dir, segment) = three_batches();
    for at in 0..32 {
        flip(&segment, at);
        let error = opening_fails(dir.path());
        assert!(matches!(error, JournalError::Corrupt { offset: 0, .. }), "byte {at}: {error}");
        flip(&segment, at);
    }
}

#[test]
fn a_bit_flipped_in_the_watermark_is_damage() {
    let (dir, _) = three_batches();
    let (journal, _) = reopen(dir.path(), small()).unwrap();
    journal.recycle_through(1).unwrap();
    drop(journal);
    let watermark = dir.path().join("watermark");
    for at in 0..std::fs::metadata(&watermark).unwrap().len() {
        flip(&watermark, usize::try_from(at).unwrap());
        let error = opening_fails(dir.path());
        assert!(
            matches!(&error, JournalError::Corrupt { file, .. } if file == "watermark"),
            "byte {at}: {error}"
        );
        flip(&watermark, usize::try_from(at).unwrap());
    }
}

#[test]
fn damage_below_the_watermark_harms_nobody() {
    let (dir, segment) = three_batches();
    let (journal, _) = reopen(dir.path(), small()).unwrap();
    journal.recycle_through(2).unwrap();
    drop(journal);
    flip(&segment, BLOCK + 40);
    flip(&segment, 2 * BLOCK + 24);
    assert_eq!(contents(dir.path(), small()), [LAST]);
}

#[test]
fn a_segment_missing_from_the_middle_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    for _ in 0..40 {
        append(&journal, b"record");
    }
    drop(journal);
    std::fs::remove_file(dir.path().join("segment-00000002")).unwrap();
    let error = opening_fails(dir.path());
    let end_of_first = 16 * 4096;
    assert!(
        matches!(&error, JournalError::Corrupt { file, offset, .. } if file == "segment-00000001" && *offset == end_of_first),
        "{error}"
    );
}

#[test]
fn a_lost_watermark_is_noticed_once_a_segment_was_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    for _ in 0..4 {
        for _ in 0..15 {
            append(&journal, b"record");
        }
        let covered = journal.rotate();
        journal.recycle_through(covered).unwrap();
    }
    append(&journal, b"above");
    drop(journal);
    std::fs::remove_file(dir.path().join("watermark")).unwrap();
    assert!(matches!(opening_fails(dir.path()), JournalError::Corrupt { .. }));
}

#[test]
fn a_cut_off_segment_is_damage() {
    let (dir, segment) = three_batches();
    for length in [0, 20, 4096, 10 * 4096] {
        std::fs::File::options().write(true).open(&segment).unwrap().set_len(length).unwrap();
        assert!(matches!(opening_fails(dir.path()), JournalError::Corrupt { .. }), "{length} bytes");
        std::fs::File::options().write(true).open(&segment).unwrap().set_len(16 * 4096).unwrap();
    }
}

#[test]
fn a_segment_of_another_journal_is_refused() {
    let (dir, _) = three_batches();
    let (_other, segment) = three_batches();
    std::fs::copy(segment, dir.path().join("segment-00000009")).unwrap();
    let error = opening_fails(dir.path());
    assert!(error.to_string().contains("another journal"), "{error}");
}

#[test]
fn a_record_that_looks_like_a_frame_of_another_journal_is_not_one() {
    let (_other, segment) = three_batches();
    let foreign = std::fs::read(segment).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    // Frame 3 of the other journal, at a block's start inside this record.
    let mut record = vec![0; BLOCK - 32 - 4];
    record.extend_from_slice(&foreign[3 * BLOCK..5 * BLOCK]);
    append(&journal, &record);
    drop(journal);
    flip(&dir.path().join("segment-00000001"), BLOCK + 33);
    assert_eq!(contents(dir.path(), small()), Vec::<Vec<u8>>::new(), "torn, not damaged");
}

#[test]
fn a_newer_format_says_which_version_it_needs() {
    let (dir, segment) = three_batches();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..32]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&segment, bytes).unwrap();
    let error = opening_fails(dir.path());
    assert!(matches!(error, JournalError::NewerFormat { found: 2, known: 1, .. }), "{error}");
}

#[test]
fn an_unfinished_segment_is_removed() {
    let (dir, _) = three_batches();
    let unfinished = dir.path().join("segment-00000003.new");
    std::fs::write(&unfinished, b"cut short").unwrap();
    assert_eq!(contents(dir.path(), small()).len(), 3);
    assert!(!unfinished.exists());
}
