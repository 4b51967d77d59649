//! Servers, and a schema of its own for each case.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engines::postgres::Postgres as Server;
use storage_postgres::{Postgres, PostgresOptions, ShardOptions, init};
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;

/// Runs what blocks.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it does not panic")
}

/// A name that no other case of this or another run has.
pub(crate) fn fresh_name(what: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    format!("{what}_{}_{now}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Options for tests: small pools, as a test server has few connections, and no syncs.
pub(crate) fn options(primaries: &[String]) -> PostgresOptions {
    let shard = |url: &String| ShardOptions { primary: url.parse().unwrap(), replicas: Vec::new() };
    PostgresOptions {
        schema: fresh_name("case"),
        connections_max: 4,
        accept_loss: true,
        ..PostgresOptions::sharded(primaries.iter().map(shard).collect())
    }
}

/// An engine on fresh tables.
pub(crate) async fn open(options: &PostgresOptions) -> Postgres {
    init(options).await.unwrap();
    Postgres::open(options).await.unwrap()
}

/// The server that all cases share; nothing where none can be had.
pub(crate) async fn shared() -> Option<String> {
    blocking(|| engines::or_skip(engines::shared::postgres())).await
}

/// Two databases of the shared server, which stand for two clusters.
pub(crate) async fn two_databases() -> Option<[String; 2]> {
    static MADE: OnceCell<[String; 2]> = OnceCell::const_new();
    let url = shared().await?;
    let make = async || {
        let names = ["left", "right"].map(fresh_name);
        for name in &names {
            sql(&url, &format!("CREATE DATABASE {name}")).await;
        }
        names.map(|name| on_database(&url, &name))
    };
    Some(MADE.get_or_init(make).await.clone())
}

/// The same server, another database.
pub(crate) fn on_database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// Executes statements on a connection of their own, and returns the first column of all rows as text.
pub(crate) async fn sql(url: &str, statements: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let messages = client.simple_query(statements).await.unwrap();
    connection.abort();
    let first = |message: &tokio_postgres::SimpleQueryMessage| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    };
    messages.iter().filter_map(first).collect()
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < deadline, "not so after 30 s: {what}");
        tokio::task::yield_now().await;
    }
}

/// A server of its own, for a test that harms it.
pub(crate) async fn own() -> Option<Server> {
    blocking(|| engines::or_skip(Server::start())).await
}
