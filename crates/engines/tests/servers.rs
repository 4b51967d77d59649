//! The real servers: each starts, answers, survives what is done to it, and ends.

use engines::Faults;
use engines::cassandra::Cassandra;
use engines::dynamodb::{self, DynamoDb};
use engines::or_skip;
use engines::postgres::Postgres;
use engines::redis::{self, Redis};

#[test]
fn postgres_keeps_what_it_acknowledged_through_a_kill() {
    let Some(postgres) = or_skip(Postgres::start()) else { return };
    postgres.query("CREATE TABLE t (n int); INSERT INTO t VALUES (7)").unwrap();
    postgres.kill().unwrap();
    assert!(postgres.query("SELECT 1").is_err());
    postgres.restart().unwrap();
    assert_eq!(postgres.query("SELECT n FROM t").unwrap(), "7");
}

#[test]
fn redis_starts() {
    let Some(redis) = or_skip(Redis::start_with(redis::Options { durable: true })) else { return };
    redis.restart().unwrap();
}

#[test]
fn dynamodb_starts() {
    let Some(dynamodb) = or_skip(DynamoDb::start_with(dynamodb::Options { on_disk: true })) else { return };
    dynamodb.restart().unwrap();
}

#[test]
fn cassandra_starts() {
    let Some(cassandra) = or_skip(Cassandra::start()) else { return };
    cassandra.restart().unwrap();
}
