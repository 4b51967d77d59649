//! Full, overloaded, too large: refused without a trace, never lost and never waiting forever.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;

use super::faulty_disk::{FaultyDisk, Writes};
use super::{append, contents, small};
use crate::{Journal, JournalError, JournalOptions};

const SHORT_WAIT: Duration = Duration::from_millis(30);

/// Appends blocks until the journal says no; returns how many it took, and the refusal.
fn fill(journal: &Journal) -> (usize, JournalError) {
    let mut taken = 0;
    loop {
        match block_on(journal.append(&[1; 4000])) {
            Ok(_) => taken += 1,
            Err(refused) => return (taken, refused),
        }
    }
}

#[test]
fn a_full_journal_refuses_after_the_bound_and_takes_records_again_after_recycling() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) =
        Journal::open(dir.path(), JournalOptions { queue_wait_max: SHORT_WAIT, ..small() }).unwrap();
    let (taken, refused) = fill(&journal);
    assert_eq!(taken, 4 * 15, "all blocks of all segments are used");
    assert!(matches!(refused, JournalError::Full) && !refused.may_be_applied(), "{refused}");
    assert_eq!(journal.segments_used(), journal.segments_max());
    let started = Instant::now();
    assert!(block_on(journal.append(b"again")).is_err());
    assert!(started.elapsed() >= SHORT_WAIT);
    journal.recycle_through(15).unwrap();
    assert_eq!(append(&journal, b"room again"), 61);
    drop(journal);
    let found = contents(dir.path(), small());
    assert_eq!((found.len(), found.last().unwrap().as_slice()), (46, b"room again".as_slice()));
}

#[test]
fn a_writer_that_waits_for_room_goes_on_when_a_segment_is_recycled() {
    let dir = tempfile::tempdir().unwrap();
    let short = JournalOptions { queue_wait_max: SHORT_WAIT, ..small() };
    let (journal, _) = Journal::open(dir.path(), short).unwrap();
    fill(&journal);
    drop(journal);
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    let journal = Arc::new(journal);
    let writer = thread::spawn({
        let journal = Arc::clone(&journal);
        move || append(&journal, b"patient")
    });
    while journal.shared.queue.lock().room_deadline().is_none() {
        thread::yield_now();
    }
    journal.recycle_through(15).unwrap();
    assert_eq!(writer.join().unwrap(), 61);
}

#[test]
fn what_was_taken_is_written_even_when_the_journal_runs_full_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, disk) = FaultyDisk::open(dir.path(), small(), u64::MAX);
    disk.set(Writes::Hang);
    journal.enqueue(b"in flight").unwrap();
    disk.wait_until_one_hangs();
    let mut taken = 1;
    while journal.enqueue(&[2; 4000]).is_ok() {
        taken += 1;
        // Each in a batch of its own, some in segments of their own.
        if taken % 7 == 0 {
            journal.rotate();
        }
    }
    disk.set(Writes::Work);
    drop(journal);
    assert_eq!(contents(dir.path(), small()).len(), taken);
}

#[test]
fn a_queue_beyond_its_bytes_refuses_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { queue_bytes_max: 10_000, ..small() };
    let (journal, _, disk) = FaultyDisk::open(dir.path(), options, u64::MAX);
    disk.set(Writes::Hang);
    let last = (0..9).map(|_| journal.enqueue(&[3; 1000]).unwrap()).last().unwrap();
    let refused = journal.enqueue(&[3; 1000]).unwrap_err();
    assert!(matches!(refused, JournalError::Overloaded { .. }) && !refused.may_be_applied(), "{refused}");
    disk.set(Writes::Work);
    block_on(journal.durable(last.batch)).unwrap();
    assert!(journal.enqueue(&[3; 1000]).is_ok());
}

#[test]
fn a_disk_that_hangs_beyond_the_bound_refuses_and_says_how_long_it_has_hung() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { queue_wait_max: SHORT_WAIT, ..small() };
    let (journal, _, disk) = FaultyDisk::open(dir.path(), options, u64::MAX);
    disk.set(Writes::Hang);
    let first = journal.enqueue(b"hangs").unwrap();
    let refused = loop {
        match journal.enqueue(b"queued") {
            Ok(_) | Err(JournalError::Full) => thread::yield_now(),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, JournalError::Overloaded { wait } if wait > SHORT_WAIT), "{refused}");
    disk.set(Writes::Work);
    block_on(journal.durable(first.batch)).unwrap();
    while journal.shared.queue.lock().oldest().is_some() {
        thread::yield_now();
    }
    // The queue is empty; the segments may be full of what was queued meanwhile.
    journal.recycle_through(journal.rotate()).unwrap();
    block_on(journal.append(b"after")).unwrap();
}

#[test]
fn a_record_that_no_segment_takes_is_refused_with_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    let bytes_max = 15 * 4096 - 32 - 4;
    let refused = journal.enqueue(&vec![0; bytes_max + 1]).unwrap_err();
    assert!(
        matches!(refused, JournalError::RecordTooLarge { bytes_max: named, .. } if named == bytes_max),
        "{refused}"
    );
    append(&journal, &vec![4; bytes_max]);
    drop(journal);
    assert_eq!(contents(dir.path(), small()), [vec![4; bytes_max]]);
}

#[test]
fn records_beyond_one_batch_go_to_the_next_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { batch_bytes_max: 2000, ..small() };
    let (journal, _, disk) = FaultyDisk::open(dir.path(), options, u64::MAX);
    disk.set(Writes::Hang);
    journal.enqueue(b"first").unwrap();
    disk.wait_until_one_hangs();
    let batches: Vec<u64> = (0..6u8).map(|i| journal.enqueue(&[i; 900]).unwrap().batch).collect();
    assert_eq!(batches, [2, 2, 3, 3, 4, 4]);
    disk.set(Writes::Work);
    drop(journal);
    let records = contents(dir.path(), small());
    assert_eq!(records[1..], (0..6u8).map(|i| vec![i; 900]).collect::<Vec<_>>());
}

#[test]
fn a_dropped_wait_leaves_its_record_in_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small()).unwrap();
    let mut append = Box::pin(journal.append(b"nobody waits"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = append.as_mut().poll(&mut context);
    drop(append);
    drop(journal);
    assert_eq!(contents(dir.path(), small()), [b"nobody waits"]);
}
