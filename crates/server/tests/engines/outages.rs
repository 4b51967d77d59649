//! The engine's server is killed, and paused for longer than every timeout, while shoppers shop: nothing that was
//! acknowledged is lost, and the shop says in between that it cannot.

use crate::{
    cassandra, dynamodb, postgres,
    shop::{Node, Shop, passed},
};
use engines::{Faults, cassandra::Cassandra, dynamodb::DynamoDb, postgres::Postgres, wait_until};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Longer than every timeout of every engine.
const PAUSE: Duration = Duration::from_secs(8);
const SHOPPERS: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `/readyz` answers so.
fn until(node: &Node, status: u16) {
    assert!(wait_until(PATIENCE, || node.get("/readyz", None).0 == status), "/readyz does not say {status}");
}

/// Shops until told to stop: each add is repeated under its key until it is acknowledged. Answers how many there were.
fn shop_on(node: &Node, token: &str, is_over: &AtomicBool) -> u32 {
    let mut added = 0;
    while !is_over.load(Ordering::Relaxed) {
        added += 1;
        let key = added.to_string();
        assert!(
            wait_until(PATIENCE, || node.add(token, "MUG-BLUE", 1, &key) == 200),
            "it is never acknowledged"
        );
    }
    added
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
    let tokens: Vec<String> =
        (0..SHOPPERS).map(|number| shop.shopper(&format!("shopper {number}"))).collect();
    let is_over = AtomicBool::new(false);
    let added: Vec<u32> = std::thread::scope(|scope| {
        let (node, is_over) = (&node, &is_over);
        let shoppers: Vec<_> =
            tokens.iter().map(|token| scope.spawn(move || shop_on(node, token, is_over))).collect();
        harm(node, server);
        is_over.store(true, Ordering::Relaxed);
        shoppers.into_iter().map(|shopper| shopper.join().unwrap()).collect()
    });
    for (token, added) in tokens.iter().zip(added) {
        assert_eq!(node.shows(token), format!("MUG-BLUE {added}"), "each acknowledged add, once");
    }
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
