//! One server of a kind for a whole process: that of `cargo xtask engines up`, or else one that is started here.
//!
//! For tests that only store and read, each in a database, a keyspace, tables or keys of its own. Whoever kills or pauses
//! a server starts it alone. What is started here ends with the process, and its data goes with the next run.

use std::net::SocketAddr;

use parking_lot::Mutex;

use crate::Result;
use crate::cassandra::Cassandra;
use crate::dynamodb::DynamoDb;
use crate::postgres::Postgres;
use crate::redis::Redis;

/// The URL of a PostgreSQL whose user may make databases.
///
/// # Errors
///
/// When it cannot be had or does not answer.
pub fn postgres() -> Result<String> {
    static SERVER: Mutex<Option<Postgres>> = Mutex::new(None);
    once(&SERVER, Postgres::start, Postgres::url)
}

/// The URL of a Redis.
///
/// # Errors
///
/// When it cannot be had or does not answer.
pub fn redis() -> Result<String> {
    static SERVER: Mutex<Option<Redis>> = Mutex::new(None);
    once(&SERVER, Redis::start, Redis::url)
}

/// The endpoint of a DynamoDB Local, in memory.
///
/// # Errors
///
/// When it cannot be had or does not answer.
pub fn dynamodb() -> Result<String> {
    static SERVER: Mutex<Option<DynamoDb>> = Mutex::new(None);
    once(&SERVER, DynamoDb::start, DynamoDb::url)
}

/// Where a Cassandra takes drivers; its data centre is [`crate::cassandra::DATACENTER`].
///
/// # Errors
///
/// When it cannot be had or does not answer.
pub fn cassandra() -> Result<SocketAddr> {
    static SERVER: Mutex<Option<Cassandra>> = Mutex::new(None);
    once(&SERVER, Cassandra::start, Cassandra::address)
}

/// Starts a server once, however many tests ask at a time.
fn once<S, A>(
    server: &Mutex<Option<S>>,
    start: impl FnOnce() -> Result<S>,
    address: impl FnOnce(&S) -> A,
) -> Result<A> {
    let mut server = server.lock();
    let running = match server.take() {
        Some(running) => running,
        None => start()?,
    };
    Ok(address(server.insert(running)))
}
