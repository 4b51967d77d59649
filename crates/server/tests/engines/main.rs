//! The same shop over every engine that is a server of its own, by configuration alone.
//!
//! Real servers, the built binary, and the replay of real invoices as the judge. An engine that this machine cannot have is
//! skipped aloud, and fails where `CI` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test; what took how long is seen with `--nocapture`"
)]

mod checkout;
mod checkout_kills;
mod combination;
mod conformance;
mod network;
mod outages;
mod phases;
mod refusals;
mod room;
mod secure_cache;
mod shop;
mod shoppers;
mod slots;
mod stores;

use combination::SECRET;
use shop::{Shop, passed};

/// A name that no other test has.
fn fresh(what: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn postgres(url: &str) -> String {
    combination::postgres(url, &fresh("shop"))
}

fn dynamodb(url: &str) -> String {
    combination::dynamodb(url, &fresh("shop"))
}

fn cassandra(address: std::net::SocketAddr) -> String {
    combination::cassandra(address, &fresh("shop"))
}

/// Initialises, replays, looks from a second node, and after a kill of both.
fn check(config: &str) {
    let shop = Shop::configured(config);
    let before = shop.engine("check");
    let told = String::from_utf8_lossy(&before.stderr).into_owned();
    assert!(!before.status.success() && told.contains("run `evercart engine init`"), "{told}");
    for _ in 0..2 {
        let made = shop.engine("init");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    assert!(shop.engine("check").status.success());
    let node = shop.serve(&shop.data());
    assert_eq!(node.get("/readyz", None).0, 200);
    passed(shop.replay(&node));
    let ann = shop.shopper("ann");
    assert_eq!(node.add(&ann, "MUG-BLUE", 2, "a"), 200);
    let second = shop.serve(&shop.second_data());
    assert_eq!(second.shows(&ann), "MUG-BLUE 2");
    assert_eq!(second.add(&ann, "MUG-WHITE", 1, "b"), 200);
    // Behind a cache the other node is told a moment later; a caller with a context token would not even see that.
    let is_told = || node.shows(&ann) == "MUG-BLUE 2, MUG-WHITE 1";
    assert!(engines::wait_until(std::time::Duration::from_secs(10), is_told), "{}", node.shows(&ann));
    drop((node, second));
    assert_eq!(shop.serve(&shop.data()).shows(&ann), "MUG-BLUE 2, MUG-WHITE 1");
    let renewed = shop.engine("renew");
    assert!(renewed.status.success(), "{}", String::from_utf8_lossy(&renewed.stderr));
    let node = shop.serve(&shop.data());
    assert_eq!(node.add(&ann, "MUG-BLUE", 1, "c"), 200);
    assert_eq!(
        node.shows(&ann),
        "MUG-BLUE 3, MUG-WHITE 1",
        "another owner writes, and the rows of the old one are read"
    );
    assert!(shop.log().contains("checkout is off"), "until the stock is counted");
    assert!(!shop.log().contains(SECRET));
}

#[test]
fn a_shop_on_postgresql_is_the_same_shop() {
    let Some(url) = engines::or_skip(engines::shared::postgres()) else { return };
    check(&postgres(&url));
}

#[test]
fn a_shop_behind_a_cache_in_process_and_in_redis_is_the_same_shop() {
    let Some(url) = engines::or_skip(engines::shared::postgres()) else { return };
    let Some(redis) = engines::or_skip(engines::shared::redis()) else { return };
    for policy in ["write-through", "write-around"] {
        let prefix = fresh("shop");
        let cache =
            format!("[cache]\npolicy = \"{policy}\"\nredis_url = \"{redis}\"\nkey_prefix = \"{prefix}:\"\n");
        check(&format!("{}{cache}", postgres(&url)));
    }
}

#[test]
fn a_shop_on_dynamodb_is_the_same_shop() {
    let Some(url) = engines::or_skip(engines::shared::dynamodb()) else { return };
    check(&dynamodb(&url));
}

#[test]
fn a_shop_on_cassandra_is_the_same_shop() {
    let Some(address) = engines::or_skip(engines::shared::cassandra()) else { return };
    check(&cassandra(address));
}
