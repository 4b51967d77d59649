//! A bad network under shoppers: between the shop and its engine, between the shop and Redis, and in front of the shop.
//!
//! Connections are cut, within a write and before an answer; answers come later than anybody waits for them; nobody can
//! connect. Nothing that was acknowledged is lost or counted twice, whoever is not served is told so in time, and
//! `/readyz` says it and takes it back. Without its Redis the shop serves everybody as before.

use crate::{
    cassandra, dynamodb, fresh,
    outages::until,
    postgres,
    shop::{Node, Shop, passed},
    shoppers::{Seen, Shopping, shop_through},
};
use engines::relay::{Relay, Way};
use std::{net::SocketAddr, time::Duration};

/// Each way: an answer takes longer than every timeout of every engine.
const LATE: Duration = Duration::from_secs(6);
/// No answer may take longer, whatever the engine does.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// With a Redis that is away: its own timeout is 20 ms, and this machine is busy.
const PROMPT: Duration = Duration::from_secs(2);

/// A shop with the slice in its carts, started.
fn open(config: &str) -> (Shop, Node) {
    let shop = Shop::configured(config);
    let made = shop.engine("init");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let node = shop.serve(&shop.data());
    passed(shop.replay(&node));
    (shop, node)
}

/// Cuts connections again and again, each time somewhere else, while shoppers go on.
fn cut(relay: &Relay, shopping: &Shopping) {
    for bytes in [0, 40, 300, 2_000] {
        relay.cut();
        shopping.go_on();
        relay.cut_after(Way::ToClient, bytes);
        shopping.go_on();
        relay.cut_after(Way::ToServer, bytes);
        shopping.go_on();
    }
    relay.heal();
}

/// Only 200 and 503, which says when to come back, and none of them late.
fn in_time(seen: &Seen, most: Duration) {
    assert!(seen.statuses.keys().all(|status| matches!(status, 0 | 200 | 503)), "{seen:?}");
    assert_eq!(seen.without_retry_after, 0, "{seen:?}");
    assert!(seen.slowest <= most, "{seen:?}");
}

/// An engine behind a relay.
fn check(relay: &Relay, config: &str) {
    let (shop, node) = open(config);
    let harm = |shopping: &Shopping| {
        cut(relay, shopping);
        relay.delay(LATE);
        until(&node, 503);
        relay.heal();
        until(&node, 200);
        relay.refuse();
        relay.cut();
        until(&node, 503);
        relay.heal();
        until(&node, 200);
        shopping.go_on();
    };
    let (shopping, _) = shop_through(&shop, &node, &node.url, harm);
    in_time(&shopping.seen(), ANSWER_MAX);
}

fn address(url: &str) -> SocketAddr {
    let (_, rest) = url.rsplit_once("//").unwrap();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap().parse().unwrap()
}

/// A relay to the server of a URL, and the URL through it.
fn relayed(url: &str) -> (Relay, String) {
    let server = address(url);
    let relay = Relay::to(server).unwrap();
    let through = url.replace(&server.to_string(), &relay.address().to_string());
    (relay, through)
}

#[test]
fn a_bad_network_to_postgresql_costs_no_add_and_counts_none_twice() {
    let Some(url) = engines::or_skip(engines::shared::postgres()) else { return };
    let (relay, through) = relayed(&url);
    check(&relay, &postgres(&through));
}

#[test]
fn a_bad_network_to_dynamodb_costs_no_add_and_counts_none_twice() {
    let Some(url) = engines::or_skip(engines::shared::dynamodb()) else { return };
    let (relay, through) = relayed(&url);
    check(&relay, &dynamodb(&through));
}

#[test]
fn a_bad_network_to_cassandra_costs_no_add_and_counts_none_twice() {
    let Some(address) = engines::or_skip(engines::shared::cassandra()) else { return };
    let relay = Relay::to(address).unwrap();
    check(&relay, &cassandra(relay.address()));
}

#[test]
fn a_redis_that_is_cut_slow_or_away_is_not_noticed_by_shoppers() {
    let Some(url) = engines::or_skip(engines::shared::postgres()) else { return };
    let Some(redis) = engines::or_skip(engines::shared::redis()) else { return };
    for policy in ["write-through", "write-around"] {
        let (relay, through) = relayed(&redis);
        let prefix = fresh("network");
        let cache = format!(
            "[cache]\npolicy = \"{policy}\"\nredis_url = \"{through}\"\nkey_prefix = \"{prefix}:\"\n"
        );
        let (shop, node) = open(&format!("{}{cache}", postgres(&url)));
        let is_ready = || assert_eq!(node.get("/readyz", None).0, 200, "the shop needs no redis");
        let harm = |shopping: &Shopping| {
            cut(&relay, shopping);
            relay.delay(LATE);
            shopping.go_on();
            is_ready();
            relay.heal();
            shopping.go_on();
            relay.refuse();
            relay.cut();
            shopping.go_on();
            is_ready();
            relay.heal();
            shopping.go_on();
        };
        let (shopping, _) = shop_through(&shop, &node, &node.url, harm);
        let seen = shopping.seen();
        in_time(&seen, PROMPT);
        assert_eq!(seen.statuses.keys().copied().collect::<Vec<_>>(), [200], "{seen:?}");
    }
}

#[test]
fn an_add_whose_answer_never_arrives_and_that_is_sent_again_counts_once() {
    let Some(url) = engines::or_skip(engines::shared::postgres()) else { return };
    let (shop, node) = open(&postgres(&url));
    let relay = Relay::to(address(&node.url)).unwrap();
    let door = format!("http://{}", relay.address());
    let harm = |shopping: &Shopping| {
        for _ in 0..20 {
            relay.cut_after(Way::ToClient, 0);
            shopping.go_on();
        }
    };
    let (shopping, added) = shop_through(&shop, &node, &door, harm);
    let seen = shopping.seen();
    let lost = seen.statuses.get(&0).copied().unwrap_or_default();
    assert!(lost >= 20 && added > lost, "{added} adds: {seen:?}");
}
