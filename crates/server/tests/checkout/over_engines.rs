//! The whole of this suite over the engines that are servers of their own, with the caches that stand before them.

use crate::{
    combination::{Combination, Engine, Tier},
    over,
};

/// What no store has a part in: how hooks' answers are read.
const OF_NO_STORE: &str = "answers::";

fn check(engine: Engine, tier: Tier, policy: &'static str, skipped: &[&str], least: u32) {
    let skipped = [&[OF_NO_STORE], skipped].concat();
    over::passes(Combination { engine, tier, policy }, "over_engines::", &skipped, least);
}

#[test]
fn buying_is_the_same_over_postgresql() {
    check(Engine::Postgres, Tier::None, "none", &[], 15);
}

#[test]
fn buying_is_the_same_over_postgresql_written_through_in_process() {
    check(Engine::Postgres, Tier::Local, "write-through", &[], 15);
}

#[test]
fn buying_is_the_same_over_dynamodb_written_around_redis() {
    check(Engine::Dynamodb, Tier::Redis, "write-around", &[], 15);
}

/// Every test opens shops of its own, and making a keyspace takes seconds: those in which the shopper acts are enough to
/// see an order, a cancellation and stock that is given back.
#[test]
fn buying_is_the_same_over_cassandra_written_around() {
    check(Engine::Cassandra, Tier::Both, "write-around", &["outages::", "purchases::"], 4);
}
