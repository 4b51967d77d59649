//! Where the server is, and tables of one's own on it.

use std::sync::atomic::{AtomicU32, Ordering};

use storage::Stores;
use storage_dynamodb::{Access, DynamoDb, DynamoDbOptions};

use crate::relay::Relay;

/// The server that the tests of this process share; none where this machine cannot have it.
pub(crate) async fn shared() -> Option<String> {
    blocking(|| engines::or_skip(engines::shared::dynamodb())).await
}

/// Starting and harming servers blocks.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Settings for tables that no other test uses.
pub(crate) fn options(url: &str) -> DynamoDbOptions {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let mut options = DynamoDbOptions::in_region("eu-west-1");
    options.endpoint_url = Some(url.to_owned());
    options.table_prefix = format!("t{}-{}-", std::process::id(), TABLES.fetch_add(1, Ordering::Relaxed));
    options.access = Access::Key {
        access_key_id: "local".to_owned(),
        secret_access_key: "local".into(),
        session_token: None,
    };
    options.deletion_protection = false;
    // The suite shares two cores with the server.
    options.attempt_timeout = std::time::Duration::from_secs(10);
    options.operation_timeout = std::time::Duration::from_secs(20);
    options
}

/// An engine with tables that hold nothing yet.
pub(crate) async fn fresh(url: &str) -> DynamoDb {
    let options = options(url);
    DynamoDb::init(options.clone()).await.unwrap();
    DynamoDb::open(options).await.unwrap()
}

/// The same empty tables through a relay and without it.
pub(crate) struct Pair {
    pub(crate) relay: Relay,
    pub(crate) relayed: Stores,
    pub(crate) direct: Stores,
}

impl Pair {
    pub(crate) async fn start() -> Option<Self> {
        let url = shared().await?;
        let relay = Relay::start(&url).await;
        let mut options = options(&url);
        DynamoDb::init(options.clone()).await.unwrap();
        let direct = DynamoDb::open(options.clone()).await.unwrap().stores();
        options.endpoint_url = Some(relay.url().to_owned());
        let relayed = DynamoDb::open(options).await.unwrap().stores();
        Some(Self { relay, relayed, direct })
    }
}
