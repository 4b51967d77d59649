//! Prints what the engine does a second: durable adds at 1, 64 and 512 writers, and five reads for each add.
//!
//! `cargo run --release -p storage-embedded --example embedded_rate -- [directory] [carts] [seconds for each] [base]`, the
//! base `row-log` or `fjall`. Carts are drawn uniformly: the hardest case, as nearly every cart of a fold is another. The
//! directory should be new, on the disk that is to be measured, and is left behind.
#![allow(clippy::print_stdout, reason = "a command-line report")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use storage::cart::CartId;
use storage::conformance::sample;
use storage::{Consistency, StoreError, Stores};
use storage_embedded::{BaseKind, Embedded, EmbeddedOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().map_or_else(|| std::env::temp_dir().join("engine-rate"), PathBuf::from);
    let carts = arguments.next().map_or(Ok(1_000_000), |carts| carts.parse())?;
    let seconds = arguments.next().map_or(Ok(10), |seconds| seconds.parse())?;
    let base = match arguments.next().as_deref() {
        None | Some("row-log") => BaseKind::RowLog,
        Some("fjall") => BaseKind::Fjall,
        Some(other) => return Err(format!("`{other}` is no base: `row-log` or `fjall`").into()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let started = Instant::now();
    let engine = Embedded::open(&dir, EmbeddedOptions { base, ..EmbeddedOptions::default() })?;
    println!("open: {:?}, {} bytes in the journal", started.elapsed(), engine.journal_bytes());
    let load = Arc::new(Load { carts, stop: AtomicBool::new(false), seq: AtomicU32::new(1) });
    for (writers, reads) in [(1, 0), (64, 0), (512, 0), (512, 5)] {
        let time = Duration::from_secs(seconds);
        runtime.block_on(measure(&engine, &load, writers, reads, time))?;
    }
    let started = Instant::now();
    engine.fold()?;
    println!("last fold: {:?}", started.elapsed());
    Ok(())
}

struct Load {
    carts: u64,
    stop: AtomicBool,
    seq: AtomicU32,
}

impl Load {
    /// Spread evenly over the carts and the shards.
    fn cart(&self, n: u64) -> CartId {
        let number = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.carts;
        CartId((u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes())
    }
}

async fn measure(
    engine: &Arc<Embedded>,
    load: &Arc<Load>,
    writers: u64,
    reads: u64,
    time: Duration,
) -> Result<(), Box<dyn Error>> {
    load.stop.store(false, Ordering::Relaxed);
    let started = Instant::now();
    let tasks: Vec<_> = (1..=writers)
        .map(|writer| tokio::spawn(work(engine.stores(), Arc::clone(load), writer, reads)))
        .collect();
    tokio::time::sleep(time).await;
    load.stop.store(true, Ordering::Relaxed);
    let mut total = Done::default();
    for task in tasks {
        let done = task.await??;
        total.refused += done.refused;
        total.reads += done.reads;
        total.latencies.extend(done.latencies);
    }
    let seconds = started.elapsed().as_secs_f64();
    total.latencies.sort_unstable();
    let at = |per_mille: usize| total.latencies[(total.latencies.len() - 1) * per_mille / 1000];
    println!(
        "{writers:>3} writers, {reads} reads each: {:>7.0} adds/s, {:>7.0} reads/s, {} refused; add p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}; {} MB dirty",
        total.latencies.len() as f64 / seconds,
        total.reads as f64 / seconds,
        total.refused,
        at(500),
        at(990),
        at(999),
        at(1000),
        engine.dirty_bytes() >> 20,
    );
    Ok(())
}

#[derive(Default)]
struct Done {
    latencies: Vec<Duration>,
    reads: u64,
    refused: u64,
}

async fn work(stores: Stores, load: Arc<Load>, writer: u64, reads: u64) -> Result<Done, StoreError> {
    let mut done = Done::default();
    let delta = sample::stored(&sample::add(writer, 1, "sku-12345"));
    while !load.stop.load(Ordering::Relaxed) {
        let seq = load.seq.fetch_add(1, Ordering::Relaxed);
        for read in 0..reads {
            let cart = load.cart(u64::from(seq) * 7 + read * 131);
            stores.carts.load(cart, Consistency::Eventual).await?;
            done.reads += 1;
        }
        let key = sample::delta_key(load.cart(u64::from(seq)), writer, seq, 5);
        let started = Instant::now();
        match stores.carts.append(&key, delta.clone()).await {
            Ok(()) => done.latencies.push(started.elapsed()),
            Err(StoreError::Overloaded | StoreError::Full) => {
                done.refused += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
