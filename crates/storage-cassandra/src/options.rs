//! What an operator says of the cluster. Nothing here is looked up or guessed.

use crate::{OpenError, Secret};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

/// The longest name of a keyspace that Cassandra takes.
const KEYSPACE_BYTES_MAX: usize = 48;

/// How new a read is that asks for nothing special.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventualReads {
    /// `LOCAL_QUORUM`: sees what was acknowledged in this data centre.
    #[default]
    LocalQuorum,
    /// `LOCAL_ONE`: half the work and one replica's answer; a page that is loaded at once after an add may not show it.
    LocalOne,
}

/// Where conditional writes of linearizable records are decided: one level for all processes of a keyspace.
///
/// `LOCAL_SERIAL` counts in the data centre of the node that is asked, so it always names one: asked in two places, it
/// would decide twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SerialLevel {
    /// `SERIAL`: by a majority of all replicas, over three data centres or more.
    Everywhere,
    /// `LOCAL_SERIAL`, in this data centre alone, whoever asks from wherever.
    Home {
        /// Its name in the cluster.
        datacenter: String,
    },
}

impl SerialLevel {
    /// As it is written down in the keyspace.
    pub(crate) fn as_stored(&self) -> String {
        match self {
            Self::Everywhere => "everywhere".to_owned(),
            Self::Home { datacenter } => format!("home {datacenter}"),
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The role.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// How nodes prove who they are. Their certificates must name their addresses.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Authorities to believe, as PEM; `None` believes those of the machine.
    pub authorities_pem: Option<Vec<u8>>,
}

/// Where the cluster is, and how it is asked.
#[derive(Clone, Debug)]
pub struct CassandraOptions {
    /// `host:port` of some nodes, those of the local data centre first; the others are found from there.
    pub contact_points: Vec<String>,
    /// Nodes that are reached under another address than they tell, as through a forwarded port. Default: none.
    pub addresses: BTreeMap<SocketAddr, SocketAddr>,
    /// The data centre of this region, as the cluster calls it.
    pub local_datacenter: String,
    /// Lower case letters, digits and `_`, 48 at most. Default `evercart`.
    pub keyspace: String,
    /// Copies in each data centre, for a keyspace that is made. Default: three in the local one.
    pub replication: BTreeMap<String, u32>,
    /// Who asks; `None` where the cluster lets in anybody.
    pub credentials: Option<Credentials>,
    /// TLS; `None` for a network that nobody else is on.
    pub tls: Option<TlsOptions>,
    /// How new ordinary reads are. Default `LOCAL_QUORUM`.
    pub eventual: EventualReads,
    /// Where records are decided. Default: at home in the local data centre.
    pub serial: SerialLevel,
    /// The longest time to a connection. Default 2 seconds.
    pub connect_timeout: Duration,
    /// The longest time of a read or a blind insert. Default 3 seconds: longer than the server's own 2 for a write.
    pub request_timeout: Duration,
    /// The longest time of a conditional write. Default 5 seconds.
    pub conditional_timeout: Duration,
    /// Carts whose fold pointer and marker this process remembers, about 150 bytes each. Default 200,000.
    pub remembered_max: usize,
}

impl CassandraOptions {
    /// The defaults for a cluster that is reached here.
    pub fn new(contact_points: Vec<String>, local_datacenter: &str) -> Self {
        Self {
            contact_points,
            addresses: BTreeMap::new(),
            local_datacenter: local_datacenter.to_owned(),
            keyspace: "evercart".to_owned(),
            replication: BTreeMap::from([(local_datacenter.to_owned(), 3)]),
            credentials: None,
            tls: None,
            eventual: EventualReads::default(),
            serial: SerialLevel::Home { datacenter: local_datacenter.to_owned() },
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(3),
            conditional_timeout: Duration::from_secs(5),
            remembered_max: 200_000,
        }
    }

    /// Refuses what no cluster could make sense of; names of keyspaces and data centres go into statements as text.
    pub(crate) fn validate(&self) -> Result<(), OpenError> {
        let refuse = |option, why| Err(OpenError::Option { option, why });
        if self.contact_points.is_empty() {
            return refuse("contact_points", "names no node");
        }
        let starts = self.keyspace.starts_with(|c: char| c.is_ascii_lowercase());
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !starts || !self.keyspace.chars().all(is_plain) || self.keyspace.len() > KEYSPACE_BYTES_MAX {
            return refuse("keyspace", "must be a lower case letter and up to 47 letters, digits or `_`");
        }
        if !self.datacenters().all(|name| is_datacenter(name)) {
            return refuse(
                "local_datacenter",
                "and every other data centre must be letters, digits, `-`, `_` or `.`",
            );
        }
        if self.replication.values().any(|copies| *copies == 0) {
            return refuse("replication", "must keep at least one copy in each data centre it names");
        }
        Ok(())
    }

    fn datacenters(&self) -> impl Iterator<Item = &String> {
        self.replication.keys().chain(self.places())
    }

    /// The data centres that must have copies: where rows are read and written, and where records are decided.
    pub(crate) fn places(&self) -> impl Iterator<Item = &String> {
        let home = match &self.serial {
            SerialLevel::Everywhere => None,
            SerialLevel::Home { datacenter } => Some(datacenter),
        };
        home.into_iter().chain([&self.local_datacenter])
    }
}

fn is_datacenter(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> CassandraOptions {
        CassandraOptions::new(vec!["127.0.0.1:9042".to_owned()], "dc1")
    }

    #[test]
    fn names_that_would_change_a_statement_are_refused() {
        assert!(options().validate().is_ok());
        for keyspace in ["", "1a", "A", "a b", "a;drop", &"a".repeat(49)] {
            let options = CassandraOptions { keyspace: keyspace.to_owned(), ..options() };
            assert!(options.validate().is_err(), "{keyspace}");
        }
        for datacenter in ["", "dc'1", "d c"] {
            let options = CassandraOptions { local_datacenter: datacenter.to_owned(), ..options() };
            assert!(options.validate().is_err(), "{datacenter}");
        }
    }

    #[test]
    fn no_password_is_printed() {
        let credentials = Credentials { user: "shop".to_owned(), password: Secret::new("correct horse") };
        let options = CassandraOptions { credentials: Some(credentials), ..options() };
        let printed = format!("{options:?}");
        assert!(printed.contains("shop") && !printed.contains("horse"), "{printed}");
    }
}
