//! A process that writes through the engine, with folds under way all the time, is killed; all that it had
//! acknowledged must be there afterwards.
//!
//! The child is this same test binary, told by an environment variable to write: it prints each acknowledged write to
//! its standard output, which is a pipe, so what the parent has read was acknowledged before the kill.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use journal::JournalOptions;
use storage::cart::{CartId, Dot, WriterId};
use storage::conformance::sample;
use storage::{Inserted, LinearTable, StoreError, Stores};
use storage_embedded::{Embedded, EmbeddedOptions};

const DIR: &str = "EMBEDDED_CRASH_DIR";
const ROUND: &str = "EMBEDDED_CRASH_ROUND";
const ROUNDS: u64 = 5;
const WRITERS: u64 = 64;
const CARTS: u64 = 2_000;
const ACKNOWLEDGED_BEFORE_KILL: usize = 15_000;

/// Small segments and a fold always under way.
fn options() -> EmbeddedOptions {
    let journal =
        JournalOptions { segment_bytes: 512 << 10, disk_free_bytes_min: 0, ..JournalOptions::default() };
    EmbeddedOptions {
        journal,
        clean_bytes_max: 100_000,
        fold_at_percent: 10,
        fold_pace: Duration::ZERO,
        ..EmbeddedOptions::default()
    }
}

/// One acknowledged write: an add, and for every eighth a record too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Acknowledged {
    writer: u64,
    seq: u32,
}

impl Acknowledged {
    fn cart(self) -> CartId {
        let number = (self.writer.wrapping_mul(31) + u64::from(self.seq).wrapping_mul(977)) % CARTS;
        // Spread over all shards.
        CartId((u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes())
    }

    fn has_record(self) -> bool {
        self.seq.is_multiple_of(8)
    }

    fn record_key(self) -> Vec<u8> {
        format!("{} {}", self.writer, self.seq).into_bytes()
    }

    fn parse(line: &str) -> Option<Self> {
        let (writer, seq) = line.strip_prefix("ack ")?.strip_suffix('.')?.split_once(' ')?;
        Some(Self { writer: writer.parse().ok()?, seq: seq.parse().ok()? })
    }
}

#[test]
fn no_acknowledged_write_is_lost_by_kill_9_while_folds_are_under_way() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Ok(dir) = std::env::var(DIR) {
        let round = std::env::var(ROUND).unwrap().parse().unwrap();
        runtime.block_on(write_until_killed(Path::new(&dir), round));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(run_child(dir.path(), round));
        let engine = Embedded::open(dir.path(), options()).unwrap();
        let lost = runtime.block_on(lost(&engine.stores(), &acknowledged));
        assert!(lost.is_empty(), "round {round}: {} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    }
    assert!(acknowledged.len() >= ACKNOWLEDGED_BEFORE_KILL * 5);
}

async fn lost(stores: &Stores, acknowledged: &[Acknowledged]) -> Vec<Acknowledged> {
    let mut by_cart: HashMap<CartId, Vec<Acknowledged>> = HashMap::new();
    acknowledged.iter().for_each(|write| by_cart.entry(write.cart()).or_default().push(*write));
    let mut lost = Vec::new();
    for (cart, writes) in by_cart {
        let state = sample::load(&*stores.carts, cart).await.unwrap();
        for write in writes {
            let has_entry = state.entries.contains_key(&Dot::new(WriterId(write.writer), write.seq));
            let record = stores.linear.read(LinearTable::Order, &write.record_key()).await.unwrap();
            if !has_entry || (write.has_record() && record.is_none()) {
                lost.push(write);
            }
        }
    }
    lost
}

fn run_child(dir: &Path, round: u64) -> Vec<Acknowledged> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "no_acknowledged_write_is_lost_by_kill_9_while_folds_are_under_way", "--nocapture"])
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < ACKNOWLEDGED_BEFORE_KILL {
        let line = lines.next().expect("the child writes until it is killed").unwrap();
        acknowledged.extend(Acknowledged::parse(&line));
    }
    child.kill().unwrap();
    // What is still in the pipe was acknowledged too; a line that was cut off lacks its full stop.
    acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| Acknowledged::parse(&line)));
    child.wait().unwrap();
    acknowledged
}

async fn write_until_killed(dir: &Path, round: u64) -> ! {
    let engine = Embedded::open(dir, options()).unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let stores = engine.stores();
        tokio::spawn(async move {
            for seq in 1.. {
                let write = Acknowledged { writer: 1 + round * WRITERS + writer, seq };
                write_through(&stores, write).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        let _ = writer.await;
    }
    drop(engine);
    std::process::exit(1)
}

async fn write_through(stores: &Stores, write: Acknowledged) {
    let delta = sample::stored(&sample::add(write.writer, write.seq, "sku"));
    let key = sample::delta_key(write.cart(), write.writer, write.seq, 5);
    while let Err(refused) = stores.carts.append(&key, delta.clone()).await {
        assert!(matches!(refused, StoreError::Overloaded | StoreError::Full), "{refused}");
        tokio::task::yield_now().await;
    }
    if write.has_record() {
        let (key, bytes) = (write.record_key(), Bytes::from_static(b"order"));
        let outcome = stores.linear.insert_if_absent(LinearTable::Order, &key, bytes, None).await;
        // A refusal is possible under load; the write is then not acknowledged.
        if !matches!(outcome, Ok(Inserted::Inserted(_))) {
            return;
        }
    }
    let mut out = std::io::stdout().lock();
    out.write_all(format!("ack {} {}.\n", write.writer, write.seq).as_bytes()).unwrap();
    out.flush().unwrap();
}
