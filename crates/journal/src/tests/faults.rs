//! A disk that fails: all who wait are told, nothing more is taken, nothing panics.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::executor::block_on;

use super::faulty_disk::{FaultyDisk, Writes};
use super::{append, contents, reopen, small};
use crate::{Journal, JournalError};

const PLENTY: u64 = 1 << 40;

#[test]
fn after_a_failed_write_all_who_waited_are_told_that_the_outcome_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, disk) = FaultyDisk::open(dir.path(), small(), PLENTY);
    append(&journal, b"before");
    disk.set(Writes::Hang);
    let in_flight = journal.enqueue(b"in flight").unwrap();
    disk.wait_until_one_hangs();
    let queued = journal.enqueue(b"queued").unwrap();
    assert_ne!(in_flight, queued);
    disk.set(Writes::Fail(io::ErrorKind::Other));
    for ticket in [in_flight, queued] {
        let error = block_on(journal.durable(ticket.batch)).unwrap_err();
        assert!(matches!(error, JournalError::Indeterminate(_)), "{error}");
        assert!(error.may_be_applied());
    }
    assert!(journal.is_failed());
    assert_eq!(journal.durable_through(), 1);
    assert!(block_on(journal.durable(1)).is_ok(), "what was durable still is");
    let refused = block_on(journal.append(b"after")).unwrap_err();
    assert!(matches!(refused, JournalError::Failed(_)), "{refused}");
    assert!(!refused.may_be_applied());
    drop(journal);
    assert_eq!(contents(dir.path(), small()), [b"before"]);
}

#[test]
fn a_write_that_arrived_though_its_answer_was_an_error_may_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, disk) = FaultyDisk::open(dir.path(), small(), PLENTY);
    disk.set(Writes::ArriveAndFail);
    let error = block_on(journal.append(b"who knows")).unwrap_err();
    assert!(error.may_be_applied());
    drop(journal);
    let (journal, records) = reopen(dir.path(), small()).unwrap();
    assert_eq!(records, [(1, b"who knows".to_vec())]);
    assert_eq!(append(&journal, b"after"), 2);
}

#[test]
fn what_a_failed_write_left_in_the_page_cache_is_not_told_before_it_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, disk) = FaultyDisk::open(dir.path(), small(), PLENTY);
    append(&journal, b"before");
    disk.set(Writes::ArriveAndFail);
    block_on(journal.append(b"who knows")).unwrap_err();
    drop(journal);
    let fails = Writes::Fail(io::ErrorKind::Other);
    let refused = FaultyDisk::open_while(fails, dir.path(), small(), PLENTY).err().unwrap();
    assert!(matches!(refused, JournalError::Io { .. }), "{refused}");
    assert_eq!(contents(dir.path(), small()), [b"before".to_vec(), b"who knows".to_vec()]);
}

#[test]
fn short_writes_are_carried_on() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, disk) = FaultyDisk::open(dir.path(), small(), PLENTY);
    disk.set(Writes::AreShort);
    let record = vec![5; 10 * 4096];
    append(&journal, &record);
    drop(journal);
    assert_eq!(contents(dir.path(), small()), [record]);
}

#[test]
fn a_segment_that_finds_no_space_is_made_later_and_the_journal_lives() {
    let dir = tempfile::tempdir().unwrap();
    let options = crate::JournalOptions { queue_wait_max: Duration::from_millis(20), ..small() };
    let (journal, _, disk) = FaultyDisk::open(dir.path(), options, PLENTY);
    disk.is_full.store(true, Ordering::Relaxed);
    // The segment made at open, and at most one more that was under way.
    let refused = loop {
        if let Err(refused) = block_on(journal.append(&[1; 4000])) {
            break refused;
        }
    };
    assert!(matches!(refused, JournalError::Full), "{refused}");
    assert!((1..=2).contains(&journal.segments_used()) && !journal.is_failed());
    assert!(journal.is_out_of_space());
    disk.is_full.store(false, Ordering::Relaxed);
    while block_on(journal.append(b"later")).is_err() {}
    assert!(!journal.is_out_of_space());
}

#[test]
fn below_the_free_space_floor_writes_are_refused_until_space_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let options = crate::JournalOptions {
        disk_free_bytes_min: 1 << 30,
        disk_check_interval: Duration::from_millis(1),
        ..small()
    };
    let (journal, _, disk) = FaultyDisk::open(dir.path(), options, PLENTY);
    append(&journal, b"plenty");
    disk.available.store(1000, Ordering::Relaxed);
    let started = Instant::now();
    let refused = loop {
        match block_on(journal.append(b"filler")) {
            Ok(_) => assert!(started.elapsed() < Duration::from_secs(10), "the check must notice"),
            Err(error) => break error,
        }
        journal.recycle_through(journal.rotate()).unwrap();
    };
    assert!(
        matches!(refused, JournalError::NoSpace { available: 1000, floor } if floor == 1 << 30),
        "{refused}"
    );
    assert!(!refused.may_be_applied());
    assert!(journal.is_out_of_space());
    disk.available.store(PLENTY, Ordering::Relaxed);
    while let Err(error) = block_on(journal.append(b"back")) {
        assert!(matches!(error, JournalError::NoSpace { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10), "the check must notice");
    }
    assert!(!journal.is_out_of_space());
}

#[test]
fn a_journal_opens_for_reading_below_the_floor() {
    let dir = tempfile::tempdir().unwrap();
    let options = crate::JournalOptions { disk_free_bytes_min: 1 << 30, ..small() };
    let (journal, _, _) = FaultyDisk::open(dir.path(), options, PLENTY);
    append(&journal, b"record");
    drop(journal);
    let (journal, recovered, _) = FaultyDisk::open(dir.path(), options, 0);
    assert_eq!(recovered.batches(), 1);
    assert!(matches!(journal.enqueue(b"more"), Err(JournalError::NoSpace { .. })));
}

#[test]
fn a_watermark_that_cannot_be_stored_recycles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    append(&journal, b"record");
    let covered = journal.rotate();
    std::fs::create_dir(dir.path().join("watermark.new")).unwrap();
    let error = journal.recycle_through(covered).unwrap_err();
    assert!(matches!(error, JournalError::Io { .. }), "{error}");
    assert_eq!(journal.segments_used(), 1);
    std::fs::remove_dir(dir.path().join("watermark.new")).unwrap();
    journal.recycle_through(covered).unwrap();
    assert_eq!(journal.segments_used(), 0);
}
