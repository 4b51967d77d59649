//! One server of a kind for a whole process: that of `cargo xtask engines up`, or else one that is started here.
//!
//! For tests that only store and read, each in a database, a keyspace, tables or keys of its own. Whoever kills or pauses
//! a server starts it alone. What is started here ends with the process, and its data goes with the next run.

use std::net::SocketAddr;

use parking_lot::Mutex;

use crate::cassandra::Cassandra;
use crate::dynamodb::DynamoDb;
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::standing::{self, Engine};
use crate::{Folder, Result};

/// Where a server is, and the server itself where it was started here.
type Shared<S> = Mutex<Option<(SocketAddr, Option<S>)>>;

/// The URL of a PostgreSQL whose user may make databases.
///
/// # Errors
///
/// When it cannot be had or does not answer.
pub fn postgres() -> Result<String> {
    static SERVER: Shared<Postgres> = Mutex::new(None);
    let address = once(&SERVER, Engine::Postgres, Postgres::start, Postgres::address)?;
    Ok(Engine::Postgres.url(address))
}

/// The URL of a Redis.
///
/// # Errors
///
/// When it cannot be had or does not answer.
pub fn redis() -> Result<String> {
    static SERVER: Shared<Redis> = Mutex::new(None);
    let address = once(&SERVER, Engine::Redis, Redis::start, Redis::address)?;
    Ok(Engine::Redis.url(address))
}

/// The endpoint of a DynamoDB Local, in memory.
///
/// # Errors
///
/// When it cannot be had or does not answer.
pub fn dynamodb() -> Result<String> {
    static SERVER: Shared<DynamoDb> = Mutex::new(None);
    let address = once(&SERVER, Engine::DynamoDb, DynamoDb::start, DynamoDb::address)?;
    Ok(Engine::DynamoDb.url(address))
}

/// Where a Cassandra takes drivers; its data centre is [`crate::cassandra::DATACENTER`].
///
/// # Errors
///
/// When it cannot be had or does not answer.
pub fn cassandra() -> Result<SocketAddr> {
    static SERVER: Shared<Cassandra> = Mutex::new(None);
    once(&SERVER, Engine::Cassandra, Cassandra::start, Cassandra::address)
}

/// Finds or starts a server once, however many tests ask at a time.
fn once<S>(
    shared: &Shared<S>,
    engine: Engine,
    start: impl FnOnce() -> Result<S>,
    address: impl FnOnce(&S) -> SocketAddr,
) -> Result<SocketAddr> {
    let mut shared = shared.lock();
    if let Some((address, _)) = &*shared {
        return Ok(*address);
    }
    let (address, server) = match standing::running(&Folder::find()?, engine) {
        Some(standing) => (standing.address, None),
        None => {
            let server = start()?;
            (address(&server), Some(server))
        }
    };
    *shared = Some((address, server));
    Ok(address)
}
