//! The suite that every engine passes, over the cache before each engine: both policies, in process and in Redis.
//!
//! Loads are eventual ones and asked twice, so that caches answer. A cache keeps carts alone and hands all else on, which
//! the whole suite looks at over PostgreSQL and DynamoDB; over Cassandra, whose tables are dear to empty, it is the cases
//! about carts and their rows.

use crate::{
    combination::{Combination, Engine, Tier},
    fresh,
    stores::opened,
};
#[path = "../../../storage-cassandra/tests/cassandra/emptied.rs"]
mod emptied;

use emptied::empty;
use scylla::client::session_builder::SessionBuilder;
use storage::{
    WritePath,
    conformance::{Subject, eventual::eventual},
    memory,
};
use tokio::sync::Mutex;

async fn open(engine: Engine, tier: Tier, policy: &'static str) -> Subject {
    let combination = Combination { engine, tier, policy };
    let config = tokio::task::spawn_blocking(move || combination.config(&fresh("suite"))).await.unwrap();
    // Skipped, and said so, the suite runs over memory.
    let Some(config) = config else { return Subject::of(memory::open(WritePath::Replace)) };
    let opened = opened(&config).await;
    Subject { stores: eventual(opened.stores.clone()), keep_alive: Box::new(opened) }
}

/// A keyspace of Cassandra, which cases use one at a time, and whether anything is in it.
static KEYSPACE: Mutex<Option<String>> = Mutex::const_new(None);

/// Carts behind a cache over Cassandra, where the case before may have been another one's.
async fn emptied(tier: Tier, policy: &'static str) -> Option<Subject> {
    let combination = Combination { engine: Engine::Cassandra, tier, policy };
    let mut keyspace = KEYSPACE.lock().await;
    let name = keyspace.clone().unwrap_or_else(|| fresh("suite"));
    let (tables, apart) = (name.clone(), fresh("suite"));
    let config = move || Some(combination.engine.config(&tables)? + &combination.cache(&apart)?);
    let config = tokio::task::spawn_blocking(config).await.unwrap()?;
    if keyspace.is_some() {
        let address = tokio::task::spawn_blocking(engines::shared::cassandra).await.unwrap().unwrap();
        let session = SessionBuilder::new().known_node_addr(address).build().await.unwrap();
        empty(&session, &name).await;
    }
    let opened = opened(&config).await;
    *keyspace = Some(name);
    let stores = eventual(opened.stores.clone());
    Some(Subject { stores, keep_alive: Box::new((opened, keyspace)) })
}

macro_rules! suites {
    ($($name:ident: $engine:ident $tier:ident $policy:literal;)*) => {
        $(mod $name {
            use super::*;
            storage::conformance_suite!(open(Engine::$engine, Tier::$tier, $policy));
        })*
    };
}

suites! {
    postgresql_written_through_in_process: Postgres Local "write-through";
    postgresql_written_through_in_redis: Postgres Redis "write-through";
    postgresql_written_around_in_process: Postgres Local "write-around";
    postgresql_written_around_in_redis: Postgres Redis "write-around";
    dynamodb_written_through_in_process: Dynamodb Local "write-through";
    dynamodb_written_through_in_redis: Dynamodb Redis "write-through";
    dynamodb_written_around_in_process: Dynamodb Local "write-around";
    dynamodb_written_around_in_redis: Dynamodb Redis "write-around";
}

macro_rules! suites_of_carts {
    ($($name:ident: $tier:ident $policy:literal;)*) => {
        $(mod $name {
            use super::*;
            storage::cart_conformance_suite!(match emptied(Tier::$tier, $policy).await {
                Some(subject) => std::future::ready(subject),
                None => return,
            });
        })*
    };
}

suites_of_carts! {
    cassandra_written_through_in_process: Local "write-through";
    cassandra_written_through_in_redis: Redis "write-through";
    cassandra_written_around_in_process: Local "write-around";
    cassandra_written_around_in_redis: Redis "write-around";
}
