//! Keyspaces on real nodes.

use scylla::client::{session::Session, session_builder::SessionBuilder};
use std::{collections::BTreeMap, net::SocketAddr};
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
