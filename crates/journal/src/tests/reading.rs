//! What is read of a journal while it goes on, and one that goes on from another's number.

use super::{Numbered, append, reopen, small};
use crate::{Journal, JournalOptions};

fn read(journal: &Journal, through: u64) -> Vec<Numbered> {
    let mut records = Vec::new();
    for batch in journal.read_through(through).unwrap() {
        let batch = batch.unwrap();
        records.extend(batch.records().map(|record| (batch.number(), record.to_vec())));
    }
    records
}

#[test]
fn an_open_journal_reads_what_is_above_the_watermark_and_through_a_batch() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    let numbered: Vec<Numbered> = (0..30u8).map(|n| (append(&journal, &[n; 3000]), vec![n; 3000])).collect();
    assert_eq!(read(&journal, journal.durable_through()), numbered);
    assert_eq!(read(&journal, numbered[7].0), numbered[..8]);
    let covered = journal.rotate();
    let later: Vec<Numbered> = (30..40u8).map(|n| (append(&journal, &[n]), vec![n])).collect();
    journal.recycle_through(covered).unwrap();
    assert_eq!(read(&journal, journal.durable_through()), later, "recycled segments keep their old frames");
    assert_eq!(read(&journal, covered), []);
}

#[test]
fn a_journal_is_read_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { segments_max: 64, ..small() };
    let (journal, _) = Journal::open(dir.path(), options).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..200u8 {
                append(&journal, &[n; 2000]);
            }
        });
        while !writer.is_finished() {
            let through = journal.durable_through();
            let batches: Vec<u64> = read(&journal, through).into_iter().map(|(batch, _)| batch).collect();
            assert!(batches.iter().copied().eq(1..=through), "{batches:?}, through {through}");
        }
    });
}

#[test]
fn a_journal_begins_behind_the_batch_that_was_named() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    Journal::begin_behind(&journal, 900).unwrap();
    assert!(Journal::begin_behind(&journal, 5).is_err(), "one is there already");
    let (open, records) = reopen(&journal, small()).unwrap();
    assert_eq!((open.durable_through(), records), (900, Vec::new()));
    assert_eq!(append(&open, b"next"), 901);
    let id = open.id();
    drop(open);
    let (open, records) = reopen(&journal, small()).unwrap();
    assert_eq!((open.id(), records), (id, vec![(901, b"next".to_vec())]));
}
