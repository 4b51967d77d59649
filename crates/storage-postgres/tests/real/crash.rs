//! Servers that are killed while they are written to.
//!
//! Every attempt writes something of its own, so afterwards each of them is looked for: what was acknowledged must be
//! there, what was refused as not applied must not be, and the rest may be either.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use engines::Faults;
use storage::conformance::sample::{add, cart_id, delta_key, stored};
use storage::{Consistency, LinearTable, RecordReplaced, StoreError, Stores, Version};

use crate::setup::{blocking, eventually, open, options, own};

const WRITERS: u8 = 16;

/// What one writer was told of its attempts.
#[derive(Default)]
struct Told {
    acknowledged: BTreeSet<u32>,
    refused: BTreeSet<u32>,
    unknown: BTreeSet<u32>,
}

impl Told {
    fn hear(&mut self, attempt: u32, error: &StoreError) {
        let set = if error.may_be_applied() { &mut self.unknown } else { &mut self.refused };
        set.insert(attempt);
    }
}

/// Appends to a cart of its own until it is told to stop.
async fn append(stores: Stores, writer: u8, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> Told {
    let mut told = Told::default();
    for seq in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let delta = stored(&add(u64::from(writer), seq, "A"));
        match stores.carts.append(&delta_key(cart_id(writer), u64::from(writer), seq, 5), delta).await {
            Ok(()) => {
                told.acknowledged.insert(seq);
                done.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => told.hear(seq, &error),
        }
    }
    told
}

/// Writes a record of its own over and over, each time another value, on condition of what it knows to be there. What
/// it was told must agree with what it reads next.
async fn replace(stores: Stores, writer: u8, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> u64 {
    let (key, mut known) = ([writer], Known { version: Version(0), value: 0 });
    let mut lost = 0;
    for value in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match write(&stores, &key, known.version, value).await {
            Ok(version) => {
                known = Known { version, value };
                done.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                let Some(now) = read(&stores, &key, &stop).await else { break };
                let may = error.may_be_applied() && now.value == value;
                lost += u64::from(now != known && !may);
                known = now;
            }
        }
    }
    lost
}

#[derive(Clone, Copy, PartialEq)]
struct Known {
    version: Version,
    value: u64,
}

async fn write(stores: &Stores, key: &[u8], was: Version, value: u64) -> Result<Version, StoreError> {
    let bytes = Bytes::copy_from_slice(&value.to_be_bytes());
    if was == Version(0) {
        return match stores.linear.insert_if_absent(LinearTable::Ledger, key, bytes, None).await? {
            storage::Inserted::Inserted(version) => Ok(version),
            storage::Inserted::Present(record) => panic!("a rival wrote {record:?}"),
        };
    }
    match stores.linear.replace(LinearTable::Ledger, key, was, bytes, None).await? {
        RecordReplaced::Applied(version) => Ok(version),
        RecordReplaced::Conflict(record) => panic!("a rival wrote {record:?}, and {was:?} was expected"),
    }
}

/// What is there, as soon as that can be said.
async fn read(stores: &Stores, key: &[u8], stop: &AtomicBool) -> Option<Known> {
    loop {
        match stores.linear.read(LinearTable::Ledger, key).await {
            Ok(None) => return Some(Known { version: Version(0), value: 0 }),
            Ok(Some(record)) => {
                let value = u64::from_be_bytes(record.bytes.as_ref().try_into().unwrap());
                return Some(Known { version: record.version, value });
            }
            Err(_) if stop.load(Ordering::Relaxed) => return None,
            Err(error) => assert!(!error.may_be_applied(), "a read changes nothing: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_write_is_lost_to_kills_and_no_refused_one_is_there() {
    let Some(server) = own().await else { return };
    let server = Arc::new(server);
    let mut options = options(&[server.url()]);
    options.connections_max = 16;
    options.timeouts.connect = Duration::from_millis(500);
    let engine = open(&options).await;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let appenders: Vec<_> = (1..=WRITERS)
        .map(|writer| tokio::spawn(append(engine.stores(), writer, Arc::clone(&stop), Arc::clone(&done))))
        .collect();
    let replacers: Vec<_> = (1..=WRITERS)
        .map(|writer| tokio::spawn(replace(engine.stores(), writer, Arc::clone(&stop), Arc::clone(&done))))
        .collect();
    for _ in 0..3 {
        let before = done.load(Ordering::Relaxed);
        eventually("writes go on", async || done.load(Ordering::Relaxed) > before + 500).await;
        let server = Arc::clone(&server);
        blocking(move || server.restart().unwrap()).await;
    }
    let before = done.load(Ordering::Relaxed);
    eventually("writes go on", async || done.load(Ordering::Relaxed) > before + 100).await;
    stop.store(true, Ordering::Relaxed);
    let mut counts = (0, 0, 0);
    for (writer, told) in (1..=WRITERS).zip(appenders) {
        let told = told.await.unwrap();
        let rows = engine.stores().carts.load(cart_id(writer), Consistency::Strong).await.unwrap();
        let there: BTreeSet<u32> = rows.deltas.iter().map(|row| row.key.operation.seq).collect();
        assert!(told.acknowledged.is_subset(&there), "lost: {:?}", told.acknowledged.difference(&there));
        let wrong: Vec<_> = told.refused.intersection(&there).collect();
        assert!(wrong.is_empty(), "refused as not applied, and there: {wrong:?}");
        counts = (
            counts.0 + told.acknowledged.len(),
            counts.1 + told.refused.len(),
            counts.2 + told.unknown.len(),
        );
    }
    for replacer in replacers {
        assert_eq!(replacer.await.unwrap(), 0, "an answer and the record did not agree");
    }
    println!("appends: {} acknowledged, {} refused, {} unknown", counts.0, counts.1, counts.2);
    assert!(counts.2 > 0, "no kill hit a write");
}
