//! How a cache starts: without Redis where there is none, and not at all where the configuration is wrong.

use crate::ground::{self, Tiers, cart, engine, node, options, shown, until, write};
use engines::{
    Faults,
    redis::{Options, Redis},
};
use storage_cache::{CacheError, Policy, RedisUrl, cached};

async fn own_redis() -> Option<Redis> {
    ground::own_redis(Options::default()).await
}

#[tokio::test]
async fn it_starts_without_a_redis_and_takes_it_up_when_it_is_there() {
    let Some(redis) = own_redis().await else { return };
    redis.kill().unwrap();
    let (stores, watched) = engine();
    let (stores, handle) = node(&stores, &options(Policy::WriteAround, Tiers::Both, &redis.url())).await;
    assert_eq!((handle.redis_is_up(), handle.local_is_served()), (Some(false), Some(false)));
    write(&stores, cart(1), 0).await.unwrap();
    assert_eq!(shown(&stores, cart(1)).await, 1);
    let redis = tokio::task::spawn_blocking(move || redis.restart().map(|()| redis)).await.unwrap().unwrap();
    until("redis is used", async || handle.redis_is_up() == Some(true)).await;
    assert_eq!(handle.local_is_served(), Some(true));
    until("what was written meanwhile has left it", async || handle.redis_owed() == 0).await;
    shown(&stores, cart(1)).await;
    let loads = watched.loads();
    assert_eq!((shown(&stores, cart(1)).await, watched.loads()), (1, loads), "{redis:?}");
}

#[tokio::test]
async fn wrong_credentials_and_a_wrong_database_are_errors_that_say_what_to_do() {
    let Some(redis) = own_redis().await else { return };
    let (address, (stores, _)) = (redis.address(), engine());
    let start = async |url: String| {
        let started = cached(stores.clone(), options(Policy::WriteAround, Tiers::Both, &url)).await;
        started.map(|(_, handle)| handle)
    };
    let wrong = start(format!("redis://{address}/99")).await.unwrap_err();
    assert!(matches!(wrong, CacheError::Refused(_)), "{wrong:?}");
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let command = redis::cmd("CONFIG").arg("SET").arg("requirepass").arg("swordfish").to_owned();
    command.query_async::<()>(&mut connection).await.unwrap();
    for url in [
        format!("redis://{address}"),
        format!("redis://:guess@{address}"),
        format!("redis://shop:guess@{address}"),
    ] {
        let refused = start(url).await.unwrap_err();
        assert!(matches!(refused, CacheError::Credentials(_)), "{refused:?}");
        assert!(refused.to_string().contains("check user and password"), "{refused}");
        assert!(!format!("{refused:?}").contains("guess"), "{refused:?}");
    }
    let handle = start(format!("redis://:swordfish@{address}")).await.unwrap();
    assert_eq!(handle.redis_is_up(), Some(true));
}

#[tokio::test]
async fn a_certificate_that_is_none_is_an_error() {
    let (stores, _) = engine();
    let mut options = options(Policy::WriteAround, Tiers::Redis, "rediss://localhost:1");
    for junk in ["junk", "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n"] {
        options.redis.as_mut().unwrap().certificate = Some(junk.into());
        let refused = cached(stores.clone(), options.clone()).await.map(|(_, handle)| handle).unwrap_err();
        assert!(matches!(refused, CacheError::Certificate), "{refused:?}");
    }
}

#[test]
fn a_url_that_is_none_is_an_error() {
    for url in ["", "localhost", "http://localhost", "redis://", "redis://host:notaport"] {
        assert!(matches!(RedisUrl::parse(url), Err(CacheError::Url)), "{url}");
    }
}
