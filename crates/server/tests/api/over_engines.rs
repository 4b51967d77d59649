//! The whole of this suite over the engines that are servers of their own, with the caches that stand before them.

use crate::{
    combination::{Combination, Engine, Tier},
    over,
};

/// Tests that are about the embedded engine: its files, and who holds its directory.
const OF_THE_EMBEDDED: [&str; 2] = ["corrupt::", "a_second_process_on_the_directory"];

/// What has a shop of its own for each test. Making a keyspace takes seconds, so that these stay away from Cassandra; what
/// they are about is the service above the engine, and they run over all others.
const NOT_OVER_CASSANDRA: [&str; 8] = [
    "admin_carts::",
    "checkout::",
    "holders::",
    "key_rotation::",
    "lifecycle::",
    "receipts::",
    "catalog::",
    "cookies::",
];

fn check(engine: Engine, tier: Tier, policy: &'static str, skipped: &[&str], least: u32) {
    let skipped = [&OF_THE_EMBEDDED, skipped].concat();
    over::passes(Combination { engine, tier, policy }, "over_engines::", &skipped, least);
}

#[test]
fn the_api_is_the_same_over_postgresql() {
    check(Engine::Postgres, Tier::None, "none", &[], 180);
}

#[test]
fn the_api_is_the_same_over_postgresql_written_through_in_process() {
    check(Engine::Postgres, Tier::Local, "write-through", &[], 180);
}

#[test]
fn the_api_is_the_same_over_postgresql_written_through_in_process_and_in_redis() {
    check(Engine::Postgres, Tier::Both, "write-through", &[], 180);
}

#[test]
fn the_api_is_the_same_over_dynamodb_written_around_redis() {
    check(Engine::Dynamodb, Tier::Redis, "write-around", &[], 180);
}

#[test]
fn the_api_is_the_same_over_cassandra_written_around() {
    check(Engine::Cassandra, Tier::Both, "write-around", &NOT_OVER_CASSANDRA, 140);
}
