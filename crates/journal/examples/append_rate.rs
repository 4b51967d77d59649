//! Prints durable appends a second, and the synced writes they took, at 1, 64 and 512 writers.
//!
//! `cargo run --release -p journal --example append_rate -- [directory] [seconds for each]`. The directory should be on
//! the disk that is to be measured; it is left behind empty of records.
#![allow(clippy::print_stdout, reason = "a command-line report")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use journal::{Journal, JournalOptions};

/// As large as the delta of a typical add.
const RECORD: [u8; 82] = [7; 82];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().map_or_else(|| std::env::temp_dir().join("append-rate"), PathBuf::from);
    let seconds = arguments.next().map_or(Ok(5), |seconds| seconds.parse())?;
    let (journal, _) = Journal::open(&dir, JournalOptions::default())?;
    let journal = Arc::new(journal);
    println!("{:?} writes, {} segments", journal.write_mode(), journal.segments_max());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for writers in [1, 64, 512] {
        runtime.block_on(measure(&journal, writers, Duration::from_secs(seconds)))?;
    }
    Ok(())
}

async fn measure(journal: &Arc<Journal>, writers: usize, time: Duration) -> Result<(), Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let appended = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let before = journal.durable_through();
    let tasks: Vec<_> = (0..writers)
        .map(|_| tokio::spawn(write_until(Arc::clone(journal), Arc::clone(&stop), Arc::clone(&appended))))
        .collect();
    while started.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if journal.segments_used() * 2 > journal.segments_max() {
            let covered = journal.rotate();
            journal.durable(covered).await?;
            journal.recycle_through(covered)?;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut slowest = Duration::ZERO;
    for task in tasks {
        slowest = slowest.max(task.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    let syncs = (journal.durable_through() - before) as f64 / seconds;
    let appends = appended.load(Ordering::Relaxed) as f64 / seconds;
    println!("{writers:>4} writers: {appends:>9.0} appends/s, {syncs:>6.0} syncs/s, slowest {slowest:?}");
    Ok(())
}

async fn write_until(
    journal: Arc<Journal>,
    stop: Arc<AtomicBool>,
    appended: Arc<AtomicU64>,
) -> Result<Duration, journal::JournalError> {
    let mut slowest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        journal.append(&RECORD).await?;
        slowest = slowest.max(started.elapsed());
        appended.fetch_add(1, Ordering::Relaxed);
    }
    Ok(slowest)
}
