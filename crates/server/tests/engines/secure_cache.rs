//! A shop whose cache is a Redis behind TLS, by configuration alone: the authority is right, is another's, or cannot be read.

use crate::{
    fresh, postgres,
    shop::{Shop, passed},
};
use engines::redis::{Options, PASSWORD, Redis};
use std::path::Path;

fn secure_redis() -> Option<Redis> {
    engines::or_skip(Redis::start_with(Options { durable: false, password: true, tls: true }))
}

/// A shop on PostgreSQL whose cache trusts the authorities of a file.
fn shop(url: &str, authorities: &Path) -> Option<Shop> {
    let engine = postgres(&engines::or_skip(engines::shared::postgres())?);
    let shop = Shop::configured(&format!(
        "{engine}[cache]\npolicy = \"write-through\"\nredis_url = \"{url}\"\nredis_ca_file = \"{}\"\n\
         key_prefix = \"{}:\"\nredis_timeout_ms = 2000\n",
        authorities.display(),
        fresh("secure")
    ));
    let made = shop.engine("init");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(shop)
}

#[test]
fn a_shop_whose_redis_is_behind_tls_is_the_same_shop() {
    let Some(redis) = secure_redis() else { return };
    let Some(shop) = shop(&redis.secure_url().unwrap(), &redis.certificate().unwrap()) else { return };
    let node = shop.serve(&shop.data());
    passed(shop.replay(&node));
    let second = shop.serve(&shop.second_data());
    let ann = shop.shopper("ann");
    for count in 1..=5 {
        assert_eq!(node.add(&ann, "MUG-BLUE", 1, &count.to_string()), 200);
        let is_told = || second.shows(&ann) == format!("MUG-BLUE {count}");
        assert!(engines::wait_until(std::time::Duration::from_secs(10), is_told), "{}", second.shows(&ann));
    }
    let metrics = second.metrics();
    assert!(metrics.contains("\nevercart_cache_redis_up 1\n"), "{metrics}");
    let log = shop.log();
    assert!(!log.contains(PASSWORD) && !log.contains("cannot be reached"), "{log}");
}

#[test]
fn a_redis_whose_authority_is_not_trusted_is_left_alone_and_the_log_says_why() {
    let (Some(redis), Some(other)) = (secure_redis(), secure_redis()) else { return };
    let url = redis.secure_url().unwrap();
    let by_address = url.replace("localhost", "127.0.0.1");
    let cases = [(&url, &other, "invalid peer certificate"), (&by_address, &redis, "not valid for name")];
    for (url, trusted, why) in cases {
        let Some(shop) = shop(url, &trusted.certificate().unwrap()) else { return };
        let node = shop.serve(&shop.data());
        assert_eq!(node.get("/readyz", None).0, 200);
        let ann = shop.shopper("ann");
        assert_eq!(node.add(&ann, "MUG-BLUE", 2, "a"), 200);
        assert_eq!(node.shows(&ann), "MUG-BLUE 2");
        assert!(node.metrics().contains("\nevercart_cache_redis_up 0\n"), "{}", node.metrics());
        let log = shop.log();
        let told = log.lines().find(|line| line.contains("redis cannot be reached")).unwrap_or_default();
        assert!(told.contains(why) && told.contains("which authorities are trusted"), "{log}");
        assert!(!log.contains(PASSWORD), "{log}");
    }
}

#[test]
fn a_file_of_authorities_that_cannot_be_read_keeps_the_shop_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let garbled = folder.path().join("garbled.pem");
    std::fs::write(&garbled, "no certificate").unwrap();
    for (file, why) in
        [(garbled.as_path(), "BEGIN CERTIFICATE"), (&folder.path().join("none.pem"), "No such file")]
    {
        let shop = Shop::configured(&format!(
            "engine = \"postgres\"\n[postgres]\nurl = \"postgres://shop@127.0.0.1:1/shop\"\n[cache]\n\
             policy = \"write-through\"\nredis_url = \"rediss://:{PASSWORD}@localhost:1\"\nredis_ca_file = \"{}\"\n",
            file.display()
        ));
        let output = shop.does_not_start();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.matches("evercart: ").count(), 1, "{said}");
        assert!(said.contains("cache.redis_ca_file") && said.contains(why), "{said}");
        assert!(said.contains(&file.display().to_string()) && !said.contains(PASSWORD), "{said}");
    }
}
