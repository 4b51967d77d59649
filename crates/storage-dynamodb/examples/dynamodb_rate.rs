//! Prints how long adds and reads take, at one and at 64 in flight, and how many there are a second.
//!
//! `cargo run -p storage-dynamodb --example dynamodb_rate -- [seconds for each] [endpoint]`, 3 seconds by default. Without an
//! endpoint a DynamoDB Local is started, in memory: it says what the client and that server take, and nothing about the
//! service. An add is what the service does for one: a read of the cart, and a conditional put of its row. The tables are
//! left behind: use a server that goes away.
#![allow(clippy::print_stdout, reason = "a command-line report")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use storage::cart::{Cart, CartId, Join};
use storage::conformance::sample::{add, joined, owner, stored};
use storage::{Bucket, Consistency, RowKey, StoreError, Stores};
use storage_dynamodb::{Access, DynamoDb, DynamoDbOptions};

const CARTS: u64 = 2_000;
/// What a cart holds before it begins anew, so that rows stay ordinary.
const ENTRIES_MAX: usize = 8;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(3), |seconds| seconds.parse())?;
    let server = match arguments.next() {
        Some(url) => (url, None),
        None => engines::dynamodb::DynamoDb::start().map(|server| (server.url(), Some(server)))?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let stores = open(&server.0).await?;
        for in_flight in [1, 64] {
            for work in [Work::Add, Work::Put, Work::Read] {
                measure(&stores, work, in_flight, Duration::from_secs(seconds)).await?;
            }
        }
        Ok(())
    })
}

async fn open(url: &str) -> Outcome<Stores> {
    let mut options = DynamoDbOptions::in_region("eu-west-1");
    options.endpoint_url = Some(url.to_owned());
    options.table_prefix = format!("rate-{}-", std::process::id());
    options.access = Access::Key {
        access_key_id: "local".to_owned(),
        secret_access_key: "local".into(),
        session_token: None,
    };
    options.deletion_protection = false;
    options.attempt_timeout = Duration::from_secs(10);
    options.operation_timeout = Duration::from_secs(20);
    DynamoDb::init(options.clone()).await?;
    Ok(DynamoDb::open(options).await?.stores())
}

#[derive(Clone, Copy, Debug)]
enum Work {
    /// A read and a conditional put.
    Add,
    /// The first put of a cart.
    Put,
    Read,
}

async fn measure(stores: &Stores, work: Work, in_flight: u64, time: Duration) -> Outcome<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> =
        (0..in_flight).map(|task| tokio::spawn(run(stores.clone(), work, task, Arc::clone(&stop)))).collect();
    let started = Instant::now();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let rate = took.len() as f64 / started.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |per_mille: usize| took.get(took.len().saturating_sub(1) * per_mille / 1000).copied();
    let (p50, p99) = (at(500).unwrap_or_default(), at(990).unwrap_or_default());
    println!("{work:?}, {in_flight:>2} in flight: {rate:>6.0} a second, p50 {p50:.2?}, p99 {p99:.2?}");
    Ok(())
}

async fn run(
    stores: Stores,
    work: Work,
    task: u64,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Duration>, StoreError> {
    let mut took = Vec::new();
    let mut fresh = rand::random::<u64>();
    for seq in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // No two tasks write the same cart.
        let number = (u64::from(seq) * 64 + task) % (CARTS / 64 * 64);
        let started = Instant::now();
        match work {
            Work::Add => add_one(&stores, cart(number), task, seq).await?,
            Work::Put => {
                fresh = fresh.wrapping_add(1);
                let key = RowKey { cart: cart(fresh), owner: owner() };
                stores.carts.replace(&key, None, Bucket(0), stored(&add(task, seq, "sku-12345"))).await?;
            }
            Work::Read => {
                stores.carts.load(cart(number), Consistency::Eventual).await?;
            }
        }
        took.push(started.elapsed());
    }
    Ok(took)
}

async fn add_one(stores: &Stores, cart: CartId, writer: u64, seq: u32) -> Result<(), StoreError> {
    let rows = stores.carts.load(cart, Consistency::Eventual).await?;
    let mut state = joined(&rows)?;
    if state.entries.len() >= ENTRIES_MAX {
        state = Cart::default();
    }
    state.join(&add(writer, seq, "sku-12345"));
    let expected = rows.snapshots.first().map(|row| row.version);
    let key = RowKey { cart, owner: owner() };
    stores.carts.replace(&key, expected, Bucket(0), stored(&state)).await?;
    Ok(())
}

/// Spread over all shards of the index.
fn cart(number: u64) -> CartId {
    CartId(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}
