//! The engine's server is killed, and paused for longer than every timeout, while shoppers shop: nothing that was
//! acknowledged is lost, and the shop says in between that it cannot.

use crate::{
    cassandra, dynamodb, postgres,
    shop::{Node, Shop, passed},
    shoppers::{PATIENCE, shop_through},
};
use engines::{Faults, cassandra::Cassandra, dynamodb::DynamoDb, postgres::Postgres, wait_until};
use std::time::{Duration, Instant};

/// Longer than every timeout of every engine.
const PAUSE: Duration = Duration::from_secs(8);

/// Waits until `/readyz` answers so.
pub(crate) fn until(node: &Node, status: u16) {
    assert!(wait_until(PATIENCE, || node.get("/readyz", None).0 == status), "/readyz does not say {status}");
}

/// Kills and pauses the server, and waits each time until the shop says that it cannot and that it can again.
fn harm(node: &Node, server: &dyn Faults) {
    server.kill().unwrap();
    until(node, 503);
    server.restart().unwrap();
    until(node, 200);
    server.pause().unwrap();
    until(node, 503);
    let paused = Instant::now();
    assert!(wait_until(PATIENCE, || paused.elapsed() > PAUSE));
    server.resume().unwrap();
    until(node, 200);
}

fn check(config: &str, server: &dyn Faults) {
    let shop = Shop::configured(config);
    assert!(shop.engine("init").status.success());
    let node = shop.serve(&shop.data());
    passed(shop.replay(&node));
    shop_through(&shop, &node, &node.url, |_| harm(&node, server));
}

#[test]
fn a_postgresql_that_is_killed_and_paused_takes_nothing_with_it() {
    let Some(server) = engines::or_skip(Postgres::start()) else { return };
    check(&postgres(&server.url()), &server);
}

#[test]
fn a_dynamodb_that_is_killed_and_paused_takes_nothing_with_it() {
    let on_disk = engines::dynamodb::Options { on_disk: true };
    let Some(server) = engines::or_skip(DynamoDb::start_with(on_disk)) else { return };
    check(&dynamodb(&server.url()), &server);
}

#[test]
fn a_cassandra_that_is_killed_and_paused_takes_nothing_with_it() {
    let Some(server) = engines::or_skip(Cassandra::start()) else { return };
    check(&cassandra(server.address()), &server);
}
