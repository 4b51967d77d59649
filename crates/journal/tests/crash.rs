//! A process that appends under load is killed; all that it had acknowledged must come back.
//!
//! The child is this same test binary, told by an environment variable to write: it prints each acknowledged record
//! to its standard output, which is a pipe, so what the parent has read was acknowledged before the kill.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use futures::executor::block_on;
use journal::{Journal, JournalOptions};

const DIR: &str = "JOURNAL_CRASH_DIR";
const ROUND: &str = "JOURNAL_CRASH_ROUND";
const ROUNDS: usize = 5;
const WRITERS: usize = 32;
const ACKNOWLEDGED_BEFORE_KILL: usize = 3_000;

/// Small segments, so that each round goes through several and some are recycled.
fn options() -> JournalOptions {
    JournalOptions {
        segment_bytes: 1 << 20,
        segments_max: 200,
        disk_free_bytes_min: 0,
        ..JournalOptions::default()
    }
}

#[test]
fn no_acknowledged_record_is_lost_by_kill_9() {
    if let Ok(dir) = std::env::var(DIR) {
        write_until_killed(Path::new(&dir), &std::env::var(ROUND).unwrap());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = HashSet::new();
    for round in 0..ROUNDS {
        acknowledged.extend(run_child(dir.path(), round));
        let (journal, recovered) = Journal::open(dir.path(), options()).unwrap();
        let mut found = HashSet::new();
        for batch in recovered {
            found.extend(batch.unwrap().records().map(|record| String::from_utf8(record.to_vec()).unwrap()));
        }
        let lost: Vec<_> = acknowledged.difference(&found).take(5).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?} of {}", acknowledged.len());
        // Every other round starts from recycled segments full of old frames.
        if round % 2 == 1 {
            let covered = journal.rotate();
            journal.recycle_through(covered).unwrap();
            assert_eq!(journal.segments_used(), 0);
            acknowledged.clear();
        }
    }
}

fn run_child(dir: &Path, round: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "no_acknowledged_record_is_lost_by_kill_9", "--nocapture"])
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < ACKNOWLEDGED_BEFORE_KILL {
        let line = lines.next().expect("the child writes until it is killed").unwrap();
        acknowledged.extend(line.strip_prefix("ack ").map(str::to_owned));
    }
    child.kill().unwrap();
    // What is still in the pipe was acknowledged too; its last line may be cut off.
    let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
    rest.pop();
    acknowledged.extend(rest.iter().filter_map(|line| line.strip_prefix("ack ")).map(str::to_owned));
    child.wait().unwrap();
    acknowledged
}

fn write_until_killed(dir: &Path, round: &str) -> ! {
    let (journal, _) = Journal::open(dir, options()).unwrap();
    let journal = Arc::new(journal);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let journal = Arc::clone(&journal);
            let round = round.to_owned();
            thread::spawn(move || {
                for serial in 0.. {
                    let record = format!("{round}-{writer}-{serial}");
                    block_on(journal.append(record.as_bytes())).unwrap();
                    let mut out = std::io::stdout().lock();
                    out.write_all(format!("ack {record}\n").as_bytes()).unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        let _ = writer.join();
    }
    std::process::exit(1)
}
