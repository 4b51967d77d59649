//! The files of `examples/`, as they are: each phase of a shop's growth is started from its file and shopped through.
//!
//! What must differ here is told by the environment, which goes before the file: where servers are, names of this test's
//! own, credentials, and that servers of a test may forget. A key of a file that does not exist keeps the shop from
//! starting, so it fails the test.

use crate::{
    SECRET, fresh,
    shop::{Shop, passed},
};
use std::{collections::BTreeSet, path::PathBuf};

type Environment = Vec<(&'static str, String)>;

fn examples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"))
}

fn file(phase: u32) -> String {
    std::fs::read_to_string(examples().join(format!("phase-{phase}.toml"))).unwrap()
}

/// Starts it and shops the slice through: no cart differs.
fn check(phase: u32, environment: Environment) {
    let shop = Shop::configured(&file(phase)).with(environment);
    for what in ["init", "check"] {
        let output = shop.engine(what);
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let node = shop.serve(&shop.data());
    assert_eq!(node.get("/readyz", None).0, 200);
    let report = passed(shop.replay(&node));
    assert_eq!(report["differing_carts"], 0, "{report:#}");
}

fn postgres() -> Option<Environment> {
    let url = engines::or_skip(engines::shared::postgres())?;
    let schema = ("EVERCART_POSTGRES__SCHEMA", fresh("phase"));
    Some(vec![("EVERCART_POSTGRES__URL", url), schema, ("EVERCART_POSTGRES__ACCEPT_LOSS", "true".to_owned())])
}

fn dynamodb() -> Option<Environment> {
    let url = engines::or_skip(engines::shared::dynamodb())?;
    Some(vec![
        ("EVERCART_DYNAMODB__ENDPOINT_URL", url),
        ("EVERCART_DYNAMODB__TABLE_PREFIX", format!("{}-", fresh("phase"))),
        // The usual chain begins with these.
        ("AWS_ACCESS_KEY_ID", "phase".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
    ])
}

fn cassandra() -> Option<Environment> {
    let address = engines::or_skip(engines::shared::cassandra())?;
    Some(vec![
        ("EVERCART_CASSANDRA__CONTACT_POINTS", format!("[\"{address}\"]")),
        ("EVERCART_CASSANDRA__KEYSPACE", fresh("phase")),
        // One node cannot keep three copies.
        ("EVERCART_CASSANDRA__REPLICATION", format!("[\"{}=1\"]", engines::cassandra::DATACENTER)),
    ])
}

fn redis() -> Option<Environment> {
    let url = engines::or_skip(engines::shared::redis())?;
    let prefix = format!("{}:", fresh("phase"));
    Some(vec![("EVERCART_CACHE__REDIS_URL", url), ("EVERCART_CACHE__KEY_PREFIX", prefix)])
}

fn behind_redis(engine: Option<Environment>) -> Option<Environment> {
    Some([engine?, redis()?].concat())
}

#[test]
fn phase_0_runs_as_its_file_says() {
    check(0, Vec::new());
}

#[test]
fn phase_1_runs_as_its_file_says() {
    let Some(environment) = postgres() else { return };
    check(1, environment);
}

#[test]
fn phase_2_runs_as_its_file_says() {
    let Some(environment) = behind_redis(postgres()) else { return };
    check(2, environment);
}

#[test]
fn phase_3_runs_as_its_file_says() {
    let Some(environment) = behind_redis(dynamodb()) else { return };
    check(3, environment);
}

#[test]
fn phase_4_runs_as_its_file_says() {
    let Some(environment) = behind_redis(cassandra()) else { return };
    check(4, environment);
}

#[test]
fn every_file_of_examples_is_one_that_is_tried_here() {
    let files = std::fs::read_dir(examples()).unwrap().map(|file| file.unwrap().file_name());
    let files: BTreeSet<String> = files.map(|name| name.to_string_lossy().into_owned()).collect();
    let tried: BTreeSet<String> = (0..=4).map(|phase| format!("phase-{phase}.toml")).collect();
    assert_eq!(files, tried);
}

#[test]
fn a_key_that_does_not_exist_keeps_the_shop_of_a_file_from_starting() {
    for phase in 0..=4 {
        let shop = Shop::configured(&format!("{}\n[carts]\nacount_idle_days = 7\n", file(phase)));
        let said = String::from_utf8_lossy(&shop.engine("check").stderr).into_owned();
        assert!(said.contains("did you mean `carts.account_idle_days`"), "phase {phase}: {said}");
    }
}
