//! The table `[cassandra]`: where the cluster is, which part of it is this region's, and how it is asked.

use super::{ConfigError, authorities::Authorities, engine::millis, secret::Secret};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use storage_cassandra::{CassandraOptions, Credentials, EventualReads, SerialLevel, TlsOptions};

/// Cassandra.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cassandra {
    /// Some nodes, as `host:port`.
    pub contact_points: Vec<String>,
    /// The data centre of this region, as the cluster calls it.
    pub local_datacenter: String,
    /// The keyspace.
    pub keyspace: String,
    /// Copies in each data centre of a keyspace that is made, as `name=copies`.
    pub replication: Vec<String>,
    /// Who asks; empty: anybody is let in.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// Connect under TLS.
    pub tls: bool,
    /// A file of certificates to trust in place of the system's.
    pub ca_file: PathBuf,
    /// How new ordinary reads are.
    pub eventual_reads: EventualReadsSetting,
    /// The data centre in which records are decided; `everywhere` decides them by a majority of all.
    pub records_datacenter: String,
    /// Milliseconds to connect: 1 to 60,000.
    pub connect_ms: u64,
    /// Milliseconds of a read or a blind insert: 1 to 60,000.
    pub request_ms: u64,
    /// Milliseconds of a conditional write: 1 to 60,000.
    pub conditional_ms: u64,
}

/// How new ordinary reads are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventualReadsSetting {
    /// They see what was acknowledged in this data centre.
    #[default]
    LocalQuorum,
    /// One replica's answer.
    LocalOne,
}

/// The word for records that are decided by a majority of all data centres.
const EVERYWHERE: &str = "everywhere";

impl Default for Cassandra {
    fn default() -> Self {
        let options = CassandraOptions::new(Vec::new(), "");
        Self {
            contact_points: Vec::new(),
            local_datacenter: String::new(),
            keyspace: options.keyspace,
            replication: Vec::new(),
            user: String::new(),
            password: Secret::default(),
            tls: false,
            ca_file: PathBuf::new(),
            eventual_reads: EventualReadsSetting::default(),
            records_datacenter: String::new(),
            connect_ms: millis(options.connect_timeout),
            request_ms: millis(options.request_timeout),
            conditional_ms: millis(options.conditional_timeout),
        }
    }
}

impl Cassandra {
    /// What the engine is told.
    pub fn options(&self) -> Result<CassandraOptions, ConfigError> {
        let mut options = CassandraOptions::new(self.contact_points.clone(), &self.local_datacenter);
        options.keyspace.clone_from(&self.keyspace);
        if !self.replication.is_empty() {
            options.replication = self.copies()?;
        }
        if !self.user.is_empty() {
            let password = storage_cassandra::Secret::new(&self.password.read("cassandra.password")?);
            options.credentials = Some(Credentials { user: self.user.clone(), password });
        }
        if self.tls {
            let authorities = Authorities::read("cassandra.ca_file", &self.ca_file)?;
            options.tls = Some(TlsOptions { authorities_pem: authorities.map(|read| read.pem) });
        }
        options.eventual = match self.eventual_reads {
            EventualReadsSetting::LocalQuorum => EventualReads::LocalQuorum,
            EventualReadsSetting::LocalOne => EventualReads::LocalOne,
        };
        options.serial = match self.records_datacenter.as_str() {
            "" => SerialLevel::Home { datacenter: self.local_datacenter.clone() },
            EVERYWHERE => SerialLevel::Everywhere,
            home => SerialLevel::Home { datacenter: home.to_owned() },
        };
        options.connect_timeout = Duration::from_millis(self.connect_ms);
        options.request_timeout = Duration::from_millis(self.request_ms);
        options.conditional_timeout = Duration::from_millis(self.conditional_ms);
        Ok(options)
    }

    fn copies(&self) -> Result<BTreeMap<String, u32>, ConfigError> {
        let parse = |text: &String| {
            let (datacenter, copies) = text.split_once('=')?;
            Some((datacenter.to_owned(), copies.parse().ok().filter(|copies| *copies > 0)?))
        };
        let wrong = |text: &String| ConfigError::OutOfBounds {
            key: "cassandra.replication",
            value: text.clone(),
            bound: "data centres with their copies, such as `dc1=3`",
        };
        self.replication.iter().map(|text| parse(text).ok_or_else(|| wrong(text))).collect()
    }
}
