//! What comes back after closing and opening.

use std::sync::Arc;
use std::thread;

use super::{append, contents, reopen, small};
use crate::{Journal, JournalError, JournalOptions};

#[test]
fn what_was_appended_comes_back_in_order_at_every_open() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, recovered) = Journal::open(dir.path(), small()).unwrap();
    assert_eq!((recovered.batches(), recovered.bytes()), (0, 0));
    let records: Vec<Vec<u8>> = (0..20u8).map(|i| vec![i; usize::from(i) * 300]).collect();
    let batches: Vec<u64> = records.iter().map(|record| append(&journal, record)).collect();
    assert_eq!(batches, (1..=20).collect::<Vec<_>>());
    assert_eq!(journal.durable_through(), 20);
    drop(journal);
    for _ in 0..2 {
        let (journal, found) = reopen(dir.path(), small()).unwrap();
        assert_eq!(found, batches.iter().copied().zip(records.clone()).collect::<Vec<_>>());
        assert_eq!(journal.durable_through(), 20);
    }
    let (journal, _) = reopen(dir.path(), small()).unwrap();
    assert_eq!(append(&journal, b"later"), 21);
}

#[test]
fn what_is_queued_when_the_handle_goes_away_is_written_first() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    let records: Vec<Vec<u8>> = (0..100u8).map(|i| vec![i; 100]).collect();
    for record in &records {
        journal.enqueue(record).unwrap();
    }
    drop(journal);
    assert_eq!(contents(dir.path(), small()), records);
}

#[test]
fn records_at_or_below_the_watermark_do_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    for i in 0..4 {
        append(&journal, &[i]);
    }
    assert_eq!(journal.rotate(), 4);
    append(&journal, b"five");
    // Below the end of the first segment: it stays, and what is above the watermark in it comes back.
    journal.recycle_through(3).unwrap();
    assert_eq!(journal.segments_used(), 2);
    drop(journal);
    assert_eq!(contents(dir.path(), small()), [vec![3], b"five".to_vec()]);
    let (journal, _) = reopen(dir.path(), small()).unwrap();
    journal.rotate();
    journal.recycle_through(5).unwrap();
    assert_eq!((journal.segments_used(), journal.used_bytes()), (0, 0));
    drop(journal);
    let (journal, records) = reopen(dir.path(), small()).unwrap();
    assert_eq!(records, []);
    assert_eq!(append(&journal, b"next"), 6);
}

#[test]
fn a_recycled_segment_does_not_bring_old_records_back() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    // Several times through all segments, so that each is full of frames of earlier rounds.
    for round in 0..6u8 {
        for _ in 0..30 {
            append(&journal, &[round; 50]);
        }
        let covered = journal.rotate();
        journal.recycle_through(covered).unwrap();
    }
    append(&journal, b"only this");
    assert_eq!(journal.used_bytes(), 4096);
    drop(journal);
    assert_eq!(contents(dir.path(), small()), [b"only this"]);
}

#[test]
fn all_that_64_concurrent_writers_were_told_is_durable_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { segments_max: 1000, ..small() };
    let (journal, _) = Journal::open(dir.path(), options).unwrap();
    let journal = Arc::new(journal);
    let threads: Vec<_> = (0..64u8)
        .map(|writer| {
            let journal = Arc::clone(&journal);
            thread::spawn(move || {
                (0..50u8).map(|i| (append(&journal, &[writer, i]), vec![writer, i])).collect()
            })
        })
        .collect();
    let mut told: Vec<(u64, Vec<u8>)> = Vec::new();
    for thread in threads {
        let own: Vec<_> = thread.join().unwrap();
        assert!(own.is_sorted(), "one writer's batches rise");
        told.extend(own);
    }
    assert!(journal.durable_through() < 64 * 50, "writers share batches");
    drop(journal);
    let mut found = reopen(dir.path(), options).unwrap().1;
    found.sort();
    told.sort();
    assert_eq!(found, told);
}

#[test]
fn a_second_opener_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    let refused = Journal::open(dir.path(), small()).unwrap_err();
    assert!(matches!(&refused, JournalError::AlreadyOpen { dir: named } if named == dir.path()));
    assert!(refused.to_string().contains("stop the other process"), "{refused}");
    drop(journal);
    assert!(Journal::open(dir.path(), small()).is_ok());
}

#[test]
fn segments_of_another_size_are_read_and_then_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    append(&journal, b"small");
    drop(journal);
    let large = JournalOptions { segment_bytes: 32 * 4096, ..small() };
    let (journal, records) = reopen(dir.path(), large).unwrap();
    assert_eq!(records, [(1, b"small".to_vec())]);
    append(&journal, &[7; 20 * 4096]);
    journal.recycle_through(1).unwrap();
    drop(journal);
    assert_eq!(contents(dir.path(), large), [[7; 20 * 4096]]);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_str().unwrap().starts_with("segment-") {
            assert_eq!(entry.metadata().unwrap().len(), 32 * 4096, "{:?}", entry.file_name());
        }
    }
}

#[test]
fn settings_out_of_bounds_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let odd = JournalOptions { segment_bytes: 16 * 4096 + 1, ..small() };
    let refused = Journal::open(dir.path(), odd).unwrap_err();
    assert!(refused.to_string().contains("`segment_bytes`"), "{refused}");
}
