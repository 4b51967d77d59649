//! A kill in the middle of many checkouts of few units, over every engine: of evercart, and of the engine's own server.
//!
//! Load and judgement are those of the crash test over the embedded engine (`gameday::durability::checkouts`): never sold
//! more than stocked, nothing held in the end, every acknowledged order there with its units, each line in one order,
//! money set aside for orders alone.

use crate::{cassandra, dynamodb, fresh, postgres, shop::Shop};
use engines::{Faults, cassandra::Cassandra, dynamodb::DynamoDb, postgres::Postgres};
use gameday::durability::{
    Ground,
    checkouts::{self, Course, Victim},
};

/// Some seconds of it: what takes longest is that claims of whoever was killed run out.
const COURSE: Course =
    Course { rounds: 2, accounts: 6, crowd: 24, workers: 12, load_ms: (700, 1500), delivery: (1, 4) };

fn check(config: &str, victim: &Victim<'_>) {
    let shop = Shop::configured(config);
    let made = shop.engine("init");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let folder = shop.data().with_file_name("ground");
    let seed = u64::from(std::process::id());
    let ground = Ground::new(env!("CARGO_BIN_EXE_evercart").into(), folder, seed);
    let mut sold = checkouts::shop(&ground, "data");
    sold.evercart.config = Some(shop.config().to_owned());
    // The server and what harms it are in one process here, and the engine blocks a thread of it.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    let verdict = runtime.block_on(checkouts::run_with(&ground, sold, &COURSE, victim)).unwrap();
    let figures: Vec<_> =
        verdict.figures.iter().map(|figure| format!("{} {}", figure.value, figure.name)).collect();
    assert!(verdict.has_passed(), "seed {seed}: {:#?}\n{}", verdict.findings, figures.join(", "));
}

/// The engine's server is the one that is killed.
fn check_engine(config: &str, server: &(dyn Faults + Sync)) {
    let kill = || {
        server.kill()?;
        Ok(server.restart()?)
    };
    check(config, &Victim::Engine(&kill));
}

#[test]
fn checkouts_over_postgresql_survive_a_kill_of_evercart() {
    let Some(url) = engines::or_skip(engines::shared::postgres()) else { return };
    check(&postgres(&url), &Victim::Evercart);
}

#[test]
fn checkouts_behind_a_cache_survive_a_kill_of_evercart() {
    let Some(url) = engines::or_skip(engines::shared::postgres()) else { return };
    let Some(redis) = engines::or_skip(engines::shared::redis()) else { return };
    let prefix = fresh("kills");
    let cache =
        format!("[cache]\npolicy = \"write-through\"\nredis_url = \"{redis}\"\nkey_prefix = \"{prefix}:\"\n");
    check(&format!("{}{cache}", postgres(&url)), &Victim::Evercart);
}

#[test]
fn checkouts_over_dynamodb_survive_a_kill_of_evercart() {
    let Some(url) = engines::or_skip(engines::shared::dynamodb()) else { return };
    check(&dynamodb(&url), &Victim::Evercart);
}

#[test]
fn checkouts_over_cassandra_survive_a_kill_of_evercart() {
    let Some(address) = engines::or_skip(engines::shared::cassandra()) else { return };
    check(&cassandra(address), &Victim::Evercart);
}

#[test]
fn checkouts_survive_a_kill_of_their_postgresql() {
    let Some(server) = engines::or_skip(Postgres::start()) else { return };
    check_engine(&postgres(&server.url()), &server);
}

#[test]
fn checkouts_survive_a_kill_of_their_dynamodb() {
    let on_disk = engines::dynamodb::Options { on_disk: true };
    let Some(server) = engines::or_skip(DynamoDb::start_with(on_disk)) else { return };
    check_engine(&dynamodb(&server.url()), &server);
}

#[test]
fn checkouts_survive_a_kill_of_their_cassandra() {
    let Some(server) = engines::or_skip(Cassandra::start()) else { return };
    check_engine(&cassandra(server.address()), &server);
}
