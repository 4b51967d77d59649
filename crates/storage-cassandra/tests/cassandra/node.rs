//! Keyspaces on real nodes.

use engines::relay::Relay;
use scylla::client::{session::Session, session_builder::SessionBuilder};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use storage_cassandra::{CassandraOptions, schema};

/// Options for a keyspace with one copy on one node.
pub(crate) fn options(address: SocketAddr, keyspace: &str) -> CassandraOptions {
    let datacenter = engines::cassandra::DATACENTER;
    CassandraOptions {
        keyspace: keyspace.to_owned(),
        replication: BTreeMap::from([(datacenter.to_owned(), 1)]),
        ..CassandraOptions::new(vec![address.to_string()], datacenter)
    }
}

/// Options that reach a node through a relay. The driver takes a node's port for that of the contact point.
pub(crate) fn behind(relay: &Relay, address: SocketAddr, keyspace: &str) -> CassandraOptions {
    let known_as = SocketAddr::new(address.ip(), relay.address().port());
    CassandraOptions {
        addresses: BTreeMap::from([(known_as, relay.address())]),
        ..options(relay.address(), keyspace)
    }
}

/// A session beside the store's, to look behind it.
pub(crate) async fn session(address: SocketAddr) -> Session {
    SessionBuilder::new().known_node_addr(address).build().await.expect("the node lets a session in")
}

/// The node that tests without faults share; `None` where no node can be had.
pub(crate) async fn shared() -> Option<SocketAddr> {
    let started = tokio::task::spawn_blocking(|| engines::or_skip(engines::shared::cassandra()));
    started.await.expect("starting a node does not panic")
}

/// A keyspace of its own with all its tables, made anew.
pub(crate) async fn fresh(address: SocketAddr, keyspace: &str) -> CassandraOptions {
    let options = options(address, keyspace);
    let dropped = format!("DROP KEYSPACE IF EXISTS {keyspace}");
    session(address).await.query_unpaged(dropped, ()).await.expect("a keyspace can be dropped");
    schema::init(&options).await.expect("the schema can be made");
    options
}

/// Runs what blocks: servers start, stop and end that way.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("what blocks does not panic")
}

/// Asks again every 50 ms until there is an answer, for a minute.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let answer = async {
        loop {
            ticks.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answer)
        .await
        .unwrap_or_else(|_| panic!("{what}: not in a minute"))
}
