//! The table `[postgres]`: where the clusters are, and how they are asked.

use super::{ConfigError, authorities::Authorities, engine::millis, secret::Secret};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use storage_postgres::{PostgresOptions, ServerUrl, ShardOptions, Timeouts, TlsMode};

/// PostgreSQL.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Postgres {
    /// The server that takes writes.
    pub url: Secret,
    /// Its streaming replicas, for reads that may be stale.
    pub replicas: Vec<Secret>,
    /// Further clusters: each the server that takes writes, then its replicas.
    pub shards: Vec<Vec<Secret>>,
    /// The schema that holds the tables.
    pub schema: String,
    /// Connect under TLS, to a server whose certificate is valid.
    pub tls: bool,
    /// A file of certificates to trust in place of the system's.
    pub ca_file: PathBuf,
    /// Connections to each server: 1 to 1,000.
    pub connections_max: usize,
    /// Milliseconds to be given a connection: 1 to 60,000.
    pub pool_wait_ms: u64,
    /// Milliseconds to connect: 1 to 60,000.
    pub connect_ms: u64,
    /// Milliseconds of a statement: 1 to 60,000.
    pub statement_ms: u64,
    /// Milliseconds of a read at a replica: 1 to 60,000.
    pub replica_ms: u64,
    /// Seconds that a replica may be behind: 1 to 3,600.
    pub replica_lag_seconds: u64,
    /// Use a server that may forget what it acknowledged.
    pub accept_loss: bool,
}

impl Default for Postgres {
    fn default() -> Self {
        let timeouts = Timeouts::default();
        Self {
            url: Secret::default(),
            replicas: Vec::new(),
            shards: Vec::new(),
            schema: "evercart".to_owned(),
            tls: false,
            ca_file: PathBuf::new(),
            connections_max: 16,
            pool_wait_ms: millis(timeouts.pool_wait),
            connect_ms: millis(timeouts.connect),
            statement_ms: millis(timeouts.statement),
            replica_ms: millis(timeouts.replica),
            replica_lag_seconds: 10,
            accept_loss: false,
        }
    }
}

impl Postgres {
    /// What the engine is told.
    pub fn options(&self) -> Result<PostgresOptions, ConfigError> {
        let first = std::iter::once(&self.url).chain(&self.replicas).collect::<Vec<_>>();
        let others = self.shards.iter().map(|cluster| cluster.iter().collect());
        let clusters: Vec<Vec<&Secret>> = std::iter::once(first).chain(others).collect();
        let shards = clusters.into_iter().map(|cluster| shard(&cluster)).collect::<Result<_, _>>()?;
        let ms = Duration::from_millis;
        Ok(PostgresOptions {
            schema: self.schema.clone(),
            tls: match self.tls {
                // The engine reads the file itself, when it connects; here it is looked at.
                true => TlsMode::Verify {
                    ca: Authorities::read("postgres.ca_file", &self.ca_file)?.map(|_| self.ca_file.clone()),
                },
                false => TlsMode::Off,
            },
            connections_max: self.connections_max,
            timeouts: Timeouts {
                pool_wait: ms(self.pool_wait_ms),
                connect: ms(self.connect_ms),
                statement: ms(self.statement_ms),
                replica: ms(self.replica_ms),
                ..Timeouts::default()
            },
            replica_lag_max: Duration::from_secs(self.replica_lag_seconds),
            accept_loss: self.accept_loss,
            ..PostgresOptions::sharded(shards)
        })
    }
}

fn shard(cluster: &[&Secret]) -> Result<ShardOptions, ConfigError> {
    let parse = |url: &&Secret| -> Result<ServerUrl, ConfigError> {
        let text = url.read("postgres.url")?;
        text.parse().map_err(|error: storage_postgres::BadServerUrl| ConfigError::Engine {
            key: "postgres.url",
            source: error.into(),
        })
    };
    let missing = || ConfigError::OutOfBounds {
        key: "postgres.shards",
        value: "an empty list".to_owned(),
        bound: "lists of at least one address",
    };
    let (primary, replicas) = cluster.split_first().ok_or_else(missing)?;
    Ok(ShardOptions {
        primary: parse(primary)?,
        replicas: replicas.iter().map(parse).collect::<Result<_, _>>()?,
    })
}
