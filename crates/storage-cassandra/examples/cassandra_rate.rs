//! What an add and a read of a cart take, alone and with 64 in flight: some seconds against a node.
//!
//! `cargo run --release -p storage-cassandra --example cassandra_rate -- HOST:PORT [DATACENTER]`, in a keyspace of its own
//! that is made anew and dropped. Without an address it starts a node of its own.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program for a person who looks on")]

use bytes::Bytes;
use engines::cassandra::{Cassandra, DATACENTER};
use futures::{StreamExt, stream};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use storage::{
    Bucket, Consistency, DeltaKey, RowKey, Stores,
    cart::{CartId, Dot, WriterId},
    conformance::sample::owner,
};
use storage_cassandra::{CassandraOptions, schema};

const KEYSPACE: &str = "engine_rate";
/// Carts that are written and read.
const CARTS: u64 = 2_000;
/// The longest time of one measurement.
const TIME: Duration = Duration::from_secs(3);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let given = arguments.next();
    let datacenter = arguments.next().unwrap_or_else(|| DATACENTER.to_owned());
    let started = given.is_none().then(|| Cassandra::start().expect("a node starts"));
    let address = started.as_ref().map(|node| node.address().to_string()).or(given);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(measure(address.into_iter().collect(), &datacenter));
}

async fn measure(contact_points: Vec<String>, datacenter: &str) {
    let options = CassandraOptions {
        keyspace: KEYSPACE.to_owned(),
        replication: BTreeMap::from([(datacenter.to_owned(), 1)]),
        ..CassandraOptions::new(contact_points, datacenter)
    };
    schema::init(&options).await.expect("the schema can be made");
    let stores = storage_cassandra::open(&options).await.expect("the store opens");
    for number in 0..CARTS {
        add(&stores, number, number, 29_000_000).await;
    }
    for in_flight in [1, 64] {
        let again = |number| add(&stores, number % CARTS, CARTS + number, 29_000_000 + in_flight as u64);
        report("add", in_flight, u64::MAX, again).await;
        let first = |number| add(&stores, (in_flight as u64) << 32 | number, number, 29_000_000);
        report("first add of a cart, with its marker", in_flight, u64::MAX, first).await;
    }
    for number in 0..CARTS {
        let key = RowKey { cart: cart(number), owner: owner() };
        let row = Bytes::from(vec![7; 280]);
        stores.carts.replace(&key, None, Bucket(29_000_100), row).await.expect("a row is written");
    }
    for in_flight in [1, 64] {
        report("read of a folded cart", in_flight, u64::MAX, |number| read(&stores, number % CARTS)).await;
    }
    let fold = |number| replace(&stores, number);
    report("conditional write of a new row", 1, 1_000, fold).await;
    report("conditional write of a new row", 64, 10_000, |number| replace(&stores, number + 1_000)).await;
}

/// Runs until the time or the count is over, and prints the rate and the times.
async fn report<F: Future<Output = ()>>(what: &str, in_flight: usize, count: u64, one: impl Fn(u64) -> F) {
    let began = Instant::now();
    let numbers = (0..count).take_while(|_| began.elapsed() < TIME);
    let timed = numbers.map(|number| {
        let one = one(number);
        async {
            let began = Instant::now();
            one.await;
            began.elapsed()
        }
    });
    let mut times: Vec<Duration> = stream::iter(timed).buffer_unordered(in_flight).collect().await;
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    println!("{what}, {in_flight} in flight: {rate:.0}/s, p50 {:.2?}, p99 {:.2?}", at(50), at(99));
}

fn cart(number: u64) -> CartId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    CartId(id)
}

async fn add(stores: &Stores, of: u64, number: u64, bucket: u64) {
    let operation = Dot::new(WriterId(number), 1);
    let key = DeltaKey { cart: cart(of), owner: owner(), bucket: Bucket(bucket), operation, value_hash: 0 };
    stores.carts.append(&key, Bytes::from(vec![7; 82])).await.expect("a delta is appended");
}

async fn read(stores: &Stores, of: u64) {
    stores.carts.load(cart(of), Consistency::Eventual).await.expect("a cart is read");
}

async fn replace(stores: &Stores, number: u64) {
    let key = RowKey { cart: cart(1_000_000 + number), owner: owner() };
    stores.carts.replace(&key, None, Bucket(0), Bytes::from(vec![7; 280])).await.expect("a row is written");
}
