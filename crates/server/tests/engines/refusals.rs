//! What a configuration that does not fit is told: one message that says what to do, and no secret in it.

use crate::{SECRET, dynamodb, fresh, postgres, shop::Shop};

#[track_caller]
fn check(config: &str, told: &[&str]) {
    let shop = Shop::configured(config);
    for what in ["init", "check"] {
        let output = shop.engine(what);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(told.iter().all(|word| said.contains(word)), "{what}: {said}");
        assert!(!said.contains(SECRET) && !said.contains("panicked"), "{said}");
    }
}

#[test]
fn an_engine_that_nobody_answers_for_is_named() {
    check(&postgres(&format!("postgres://shop:{SECRET}@127.0.0.1:1/shop")), &["127.0.0.1:1", "check host"]);
    check(&dynamodb("http://127.0.0.1:1"), &["dynamodb", "endpoint"]);
    let datacenter = "local_datacenter = \"dc1\"\n";
    let nobody =
        format!("engine = \"cassandra\"\n[cassandra]\ncontact_points = [\"127.0.0.1:1\"]\n{datacenter}");
    check(&nobody, &["127.0.0.1:1", "check the addresses"]);
}

#[test]
fn what_no_server_is_needed_to_see_is_seen_without_one() {
    check("engine = \"postgres\"", &["postgres.url"]);
    check(&format!("engine = \"postgres\"\n[postgres]\nurl = \"{SECRET}\""), &["postgres.url"]);
    check("engine = \"postgres\"\n[postgres]\nurl = \"file:/nowhere\"", &["postgres.url", "/nowhere"]);
    check("engine = \"cassandra\"", &["contact_points"]);
    check("engine = \"dynamodb\"", &["region"]);
    check("engine = \"oracle\"", &["oracle", "postgres"]);
    check(
        "engine = \"cassandra\"\n[cassandra]\nreplication = [\"dc1\"]",
        &["cassandra.replication", "dc1=3"],
    );
}

#[test]
fn a_database_and_a_data_centre_that_are_not_there_are_named() {
    if let Some(url) = engines::or_skip(engines::shared::postgres()) {
        let (server, _) = url.rsplit_once('/').unwrap();
        let name = fresh("nodb");
        check(&postgres(&format!("{server}/{name}")), &[&name, "createdb"]);
    }
    if let Some(address) = engines::or_skip(engines::shared::cassandra()) {
        let elsewhere = format!(
            "engine = \"cassandra\"\n[cassandra]\ncontact_points = [\"{address}\"]\nlocal_datacenter = \"mars\"\n"
        );
        check(&elsewhere, &["mars", "local_datacenter"]);
    }
}
