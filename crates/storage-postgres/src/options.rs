//! Settings of the engine, with their defaults and bounds.

use std::path::PathBuf;
use std::time::Duration;

use crate::ServerUrl;

/// How servers are talked to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// In the clear: for a server on the same machine or in a network of its own. The default.
    #[default]
    Off,
    /// Under TLS, and only with a certificate that is valid for the host of the address.
    Verify {
        /// A file of certificates (PEM) that are trusted; without it those that the system trusts.
        ca: Option<PathBuf>,
    },
}

/// One cluster: a server that takes writes and servers that follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardOptions {
    /// Takes all writes and every read that must be fresh.
    pub primary: ServerUrl,
    /// Streaming replicas of it, for reads that may be stale. May be empty.
    pub replicas: Vec<ServerUrl>,
}

/// How long anything may take. The longest a statement can take is the sum of `pool_wait`, `connect` and twice
/// `statement`; with replicas, `replica` more; while slots move, `slot_wait` more. A call is one statement; a conditional
/// write whose row a rival changes at the same moment is two, and ten at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To be given a connection when all are in use. Default 1 s.
    pub pool_wait: Duration,
    /// To connect, log in and be ready. Default 2 s.
    pub connect: Duration,
    /// Of a statement: the server ends it after this, and it is given up on a quarter of a second later. Default 2 s.
    pub statement: Duration,
    /// Of a read at a replica, after which the primary is asked. Default 250 ms.
    pub replica: Duration,
    /// For a slot that is on its way to another shard. Default 2 s.
    pub slot_wait: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            pool_wait: Duration::from_secs(1),
            connect: Duration::from_secs(2),
            statement: Duration::from_secs(2),
            replica: Duration::from_millis(250),
            slot_wait: Duration::from_secs(2),
        }
    }
}

/// Settings of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// The clusters, always in the same order; a new one is added at the end. At least one, at most 255.
    pub shards: Vec<ShardOptions>,
    /// The schema that holds the tables: lower case letters, digits and `_`, at most 63. Default `evercart`.
    pub schema: String,
    /// How servers are talked to. Default: in the clear.
    pub tls: TlsMode,
    /// Connections to each server. Default 16, at least 1.
    pub connections_max: usize,
    /// How long anything may take.
    pub timeouts: Timeouts,
    /// A replica that is further behind is not read. Default 10 s.
    pub replica_lag_max: Duration,
    /// How often each replica is looked at. Default 1 s.
    pub replica_check_every: Duration,
    /// Also use a server that may forget what it acknowledged (`fsync`, `full_page_writes` or `synchronous_commit` is
    /// off). For tests and trials. Default false.
    pub accept_loss: bool,
}

impl PostgresOptions {
    /// One server and the defaults.
    pub fn single(primary: ServerUrl) -> Self {
        Self::sharded(vec![ShardOptions { primary, replicas: Vec::new() }])
    }

    /// Several clusters and the defaults.
    pub fn sharded(shards: Vec<ShardOptions>) -> Self {
        Self {
            shards,
            schema: "evercart".to_owned(),
            tls: TlsMode::default(),
            connections_max: 16,
            timeouts: Timeouts::default(),
            replica_lag_max: Duration::from_secs(10),
            replica_check_every: Duration::from_secs(1),
            accept_loss: false,
        }
    }
}
