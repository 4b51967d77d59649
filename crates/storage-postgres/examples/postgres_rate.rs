//! Prints what the engine does a second on a server: adds (load, then replace on condition of the version) and reads, at
//! 1 and 64 in flight; what a conflict costs; and the same statements without the engine, as a yardstick.
//!
//! `cargo run --release -p storage-postgres --example postgres_rate -- postgres://… [carts] [seconds for each]`. It makes a
//! schema `engine_rate` and leaves it behind. A server that does not sync is accepted, and said to be one.
#![allow(clippy::print_stdout, reason = "a command-line report")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use storage::cart::CartId;
use storage::conformance::sample;
use storage::{Bucket, Consistency, Replaced, RowKey, StoreError, Stores, Version};
use storage_postgres::{Postgres, PostgresOptions, ServerUrl, init};
use tokio_postgres::{Client, NoTls};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// In flight at once, at most.
const IN_FLIGHT: [u64; 2] = [1, 64];

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(url) = arguments.next() else { return Err("the address of a server is missing".into()) };
    let carts = arguments.next().map_or(Ok(10_000), |carts| carts.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(3), |seconds| seconds.parse())?;
    let mut options = PostgresOptions::single(url.parse::<ServerUrl>()?);
    options.schema = "engine_rate".to_owned();
    options.accept_loss = true;
    init(&options).await?;
    let stores = Postgres::open(&options).await?.stores();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("SET search_path = engine_rate").await?;
    let fsync: String = client.query_one("SHOW fsync", &[]).await?.get(0);
    println!("fsync is {fsync}, {carts} carts, {seconds} s each");
    let load = Arc::new(Load { carts, turn: AtomicU64::new(0) });
    let time = Duration::from_secs(seconds);
    for in_flight in IN_FLIGHT {
        measure("add", &stores, &load, in_flight, time, add).await?;
        measure("read", &stores, &load, in_flight, time, read).await?;
    }
    measure("replace of a version that is there", &stores, &load, 1, time, replace).await?;
    measure("conflict", &stores, &load, 1, time, conflict).await?;
    plain(&client, time).await
}

struct Load {
    carts: u64,
    turn: AtomicU64,
}

impl Load {
    /// Another cart each time, spread evenly.
    fn row(&self) -> RowKey {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        row(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.carts)
    }
}

fn row(number: u64) -> RowKey {
    let spread = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    RowKey { cart: CartId(spread.to_be_bytes()), owner: sample::owner() }
}

/// About what a cart of three lines takes.
fn bytes() -> Bytes {
    Bytes::from_static(&[7; 280])
}

async fn add(stores: Stores, row: RowKey) -> Result<(), StoreError> {
    let rows = stores.carts.load(row.cart, Consistency::Strong).await?;
    let mut expected = rows.snapshots.first().map(|row| row.version);
    while let Replaced::Conflict(now) = stores.carts.replace(&row, expected, Bucket(0), bytes()).await? {
        expected = now.map(|row| row.version);
    }
    Ok(())
}

async fn read(stores: Stores, row: RowKey) -> Result<(), StoreError> {
    stores.carts.load(row.cart, Consistency::Eventual).await.map(drop)
}

/// Of one row, whose version this alone changes.
async fn replace(stores: Stores, _: RowKey) -> Result<(), StoreError> {
    static VERSION: AtomicU64 = AtomicU64::new(0);
    let (row, known) = (row(0), VERSION.load(Ordering::Relaxed));
    let expected = (known > 0).then_some(Version(known));
    match stores.carts.replace(&row, expected, Bucket(0), bytes()).await? {
        Replaced::Applied(version) => VERSION.store(version.0, Ordering::Relaxed),
        Replaced::Conflict(now) => VERSION.store(now.map_or(0, |row| row.version.0), Ordering::Relaxed),
    }
    Ok(())
}

async fn conflict(stores: Stores, _: RowKey) -> Result<(), StoreError> {
    stores.carts.replace(&row(0), Some(Version(u64::MAX >> 1)), Bucket(0), bytes()).await.map(drop)
}

async fn measure<F: Future<Output = Result<(), StoreError>> + Send + 'static>(
    what: &str,
    stores: &Stores,
    load: &Arc<Load>,
    in_flight: u64,
    time: Duration,
    work: fn(Stores, RowKey) -> F,
) -> Outcome<()> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (stores, load) = (stores.clone(), Arc::clone(load));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while started.elapsed() < time {
                    let began = Instant::now();
                    work(stores.clone(), load.row()).await?;
                    latencies.push(began.elapsed());
                }
                Ok::<_, StoreError>(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    report(&format!("{what}, {in_flight} in flight"), &mut latencies, started.elapsed());
    Ok(())
}

/// The statements that the engine's are compared with: no check of the slot, and the row read again after a conflict.
async fn plain(client: &Client, time: Duration) -> Outcome<()> {
    let (cart, owner) = (uuid::Uuid::from_bytes(row(0).cart.0), sample::owner());
    let owner = owner.as_str();
    let write = "UPDATE snapshots SET version = version + 1, bytes = $3 \
                 WHERE cart = $1 AND owner = $2 AND version = $4 RETURNING version";
    let look = "SELECT version, folded_through, bytes FROM snapshots WHERE cart = $1 AND owner = $2";
    let (write, look) = (client.prepare(write).await?, client.prepare(look).await?);
    let bytes = bytes();
    for (what, stale) in [("plain update", false), ("plain update that fails, and a read", true)] {
        let (started, mut latencies) = (Instant::now(), Vec::new());
        let mut version: i64 = client.query_one(&look, &[&cart, &owner]).await?.get(0);
        while started.elapsed() < time {
            let began = Instant::now();
            let expected = if stale { -1 } else { version };
            match client.query_opt(&write, &[&cart, &owner, &&*bytes, &expected]).await? {
                Some(row) => version = row.get(0),
                None => drop(client.query_one(&look, &[&cart, &owner]).await?),
            }
            latencies.push(began.elapsed());
        }
        report(&format!("{what}, 1 in flight"), &mut latencies, started.elapsed());
    }
    Ok(())
}

fn report(what: &str, latencies: &mut [Duration], elapsed: Duration) {
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len().saturating_sub(1) * percent / 100).copied();
    let (p50, p99) = (at(50).unwrap_or_default(), at(99).unwrap_or_default());
    let rate = f64::from(u32::try_from(latencies.len()).unwrap_or(u32::MAX)) / elapsed.as_secs_f64();
    println!("{what:<50} {rate:>8.0}/s, p50 {p50:?}, p99 {p99:?}");
}
