//! Redis over TLS: carts are kept and writes told as in the clear, and nobody is told anything who is not trusted.

use crate::ground::{self, POLICIES, Tiers, cart, engine, node, options, shown, until, write};
use engines::redis::{Options, PASSWORD, Redis};
use parking_lot::Mutex;
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    time::Duration,
};
use storage_cache::{CacheError, CacheOptions, Policy, cached};

async fn secure_redis() -> Option<Redis> {
    ground::own_redis(Options { durable: false, password: true, tls: true }).await
}

fn authority(redis: &Redis) -> Option<Vec<u8>> {
    Some(std::fs::read(redis.certificate().unwrap()).unwrap())
}

/// Options for this URL and those who trust this authority.
fn trusting(authority: Option<Vec<u8>>, policy: Policy, url: &str) -> CacheOptions {
    let mut options = options(policy, Tiers::Both, url);
    options.redis.as_mut().unwrap().certificate = authority;
    options
}

/// How many keys it keeps, by its own word.
async fn keys(redis: &Redis) -> u64 {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("DBSIZE").query_async(&mut connection).await.unwrap()
}

#[tokio::test]
async fn carts_are_kept_in_redis_and_other_nodes_are_told_of_writes_over_tls() {
    let Some(redis) = secure_redis().await else { return };
    for policy in POLICIES {
        let before = keys(&redis).await;
        let (stores, watched) = engine();
        let options = trusting(authority(&redis), policy, &redis.secure_url().unwrap());
        let ((first, a), (second, b)) = (node(&stores, &options).await, node(&stores, &options).await);
        assert_eq!((a.redis_is_up(), b.redis_is_up()), (Some(true), Some(true)));
        write(&first, cart(1), 0).await.unwrap();
        assert_eq!(shown(&first, cart(1)).await, 1);
        assert!(keys(&redis).await > before, "{policy:?}: nothing is kept");
        let loads = watched.loads();
        assert_eq!((shown(&second, cart(1)).await, watched.loads()), (1, loads), "{policy:?}: not of redis");
        let has_a_copy = async || shown(&second, cart(1)).await == 1 && b.local_carts() == 1;
        until("the other node has a copy", has_a_copy).await;
        write(&first, cart(1), 1).await.unwrap();
        until("the other node is told", async || shown(&second, cart(1)).await == 2).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_not_trusted_is_not_used_and_carts_work_on() {
    let (Some(redis), Some(other)) = (secure_redis().await, secure_redis().await) else { return };
    let url = redis.secure_url().unwrap();
    let by_address = url.replace("localhost", "127.0.0.1");
    let in_the_clear = redis.url().replace("redis://", "rediss://");
    let cases = [
        ("another authority", authority(&other), &url),
        ("those of the system", None, &url),
        ("another name", authority(&redis), &by_address),
        ("a port without tls", authority(&redis), &in_the_clear),
    ];
    for (what, authority, url) in cases {
        let (stores, watched) = engine();
        let (stores, handle) = node(&stores, &trusting(authority, Policy::WriteThrough, url)).await;
        assert_eq!(handle.redis_is_up(), Some(false), "{what}");
        write(&stores, cart(1), 0).await.unwrap();
        assert_eq!((shown(&stores, cart(1)).await, watched.loads()), (1, 1), "{what}");
    }
    assert_eq!(keys(&redis).await, 0, "somebody was told something");
}

#[tokio::test]
async fn a_certificate_is_looked_at_whatever_the_url_says() {
    let Some(redis) = secure_redis().await else { return };
    let (stores, _) = engine();
    let url = redis.secure_url().unwrap();
    // What the client takes for TLS too.
    for url in [url.replace("rediss:", "REDISS:"), url.replace("rediss:", "valkeys:")] {
        let trusted = trusting(authority(&redis), Policy::WriteAround, &url);
        assert_eq!(node(&stores, &trusted).await.1.redis_is_up(), Some(true), "{url}");
        let untrusted = trusting(None, Policy::WriteAround, &url);
        assert_eq!(node(&stores, &untrusted).await.1.redis_is_up(), Some(false), "{url}");
    }
    let unchecked = trusting(None, Policy::WriteAround, &format!("{url}/#insecure"));
    assert!(cached(stores, unchecked).await.is_err(), "whoever answers is believed");
}

#[tokio::test]
async fn a_wrong_password_is_named_over_tls_and_not_shown() {
    let Some(redis) = secure_redis().await else { return };
    let (stores, _) = engine();
    let url = redis.secure_url().unwrap().replace(PASSWORD, "guess");
    let options = trusting(authority(&redis), Policy::WriteAround, &url);
    let refused = cached(stores, options).await.map(|(_, handle)| handle).unwrap_err();
    assert!(matches!(refused, CacheError::Credentials(_)), "{refused:?}");
    assert!(refused.to_string().contains("check user and password"), "{refused}");
    assert!(!format!("{refused:?}").contains("guess"), "{refused:?}");
}

/// What comes in at a port, each connection by itself, and is answered as by a server without TLS.
fn recorded(listener: TcpListener) -> Arc<Mutex<Vec<Vec<u8>>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = heard.clone();
    std::thread::spawn(move || {
        for mut caller in listener.incoming().map_while(Result::ok) {
            let mut bytes = vec![0; 4_096];
            caller.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let length = caller.read(&mut bytes).unwrap_or(0);
            bytes.truncate(length);
            drop(caller.write_all(b"-ERR unknown command\r\n"));
            hearing.lock().push(bytes);
        }
    });
    heard
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_where_tls_is_not_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rediss://:{PASSWORD}@{}", listener.local_addr().unwrap());
    let heard = recorded(listener);
    let (stores, _) = engine();
    let options = options(Policy::WriteThrough, Tiers::Redis, &url);
    let (stores, handle) = node(&stores, &options).await;
    write(&stores, cart(1), 0).await.unwrap();
    until("it was tried again", async || heard.lock().len() >= 3).await;
    assert_eq!(handle.redis_is_up(), Some(false));
    for bytes in &*heard.lock() {
        assert_eq!(bytes.first(), Some(&0x16), "no handshake of TLS: {bytes:?}");
        assert!(!bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()));
    }
}
