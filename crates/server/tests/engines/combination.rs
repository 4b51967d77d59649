//! The combinations of the phases table that are more than one process: an engine that is a server of its own, and the
//! cache in front of it, as the text of a shop's configuration file.
//!
//! Always holds: the real server and the real layer, named by the same keys that an operator writes, and nothing else of
//! them than where they are. Deliberately absent: anything that keeps two shops apart but the name that they are given.

/// A word that must not be printed.
pub(crate) const SECRET: &str = "correct-horse-battery";

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Postgres,
    Dynamodb,
    Cassandra,
}

/// The cache in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    None,
    Local,
    Redis,
    Both,
}

/// An engine with its cache: `write-through` or `write-around` where there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Combination {
    pub(crate) engine: Engine,
    pub(crate) tier: Tier,
    pub(crate) policy: &'static str,
}

impl Combination {
    /// The configuration of a shop that shares the servers, and nothing else, with those of other names. `None` where a
    /// server cannot be had, which was said.
    pub(crate) fn config(self, apart: &str) -> Option<String> {
        Some(self.engine.config(apart)? + &self.cache(apart)?)
    }

    /// The part of the configuration that says how carts are cached.
    pub(crate) fn cache(self, apart: &str) -> Option<String> {
        let Self { tier, policy, .. } = self;
        let redis_url = match tier {
            Tier::None => return Some(String::new()),
            Tier::Local => String::new(),
            Tier::Redis | Tier::Both => engines::or_skip(engines::shared::redis())?,
        };
        let local_bytes = if tier == Tier::Redis { 0 } else { 64 << 20 };
        Some(format!(
            "[cache]\npolicy = \"{policy}\"\nlocal_bytes = {local_bytes}\nredis_url = \"{redis_url}\"\n\
             key_prefix = \"{apart}:\"\nredis_timeout_ms = 2000\n"
        ))
    }
}

impl Engine {
    /// The part of the configuration that says where the engine is, and what its tables are called.
    pub(crate) fn config(self, apart: &str) -> Option<String> {
        Some(match self {
            Self::Postgres => postgres(&engines::or_skip(engines::shared::postgres())?, apart),
            Self::Dynamodb => dynamodb(&engines::or_skip(engines::shared::dynamodb())?, apart),
            Self::Cassandra => cassandra(engines::or_skip(engines::shared::cassandra())?, apart),
        })
    }
}

/// A shop on PostgreSQL, in a schema of this name.
pub(crate) fn postgres(url: &str, schema: &str) -> String {
    format!("engine = \"postgres\"\n[postgres]\nurl = \"{url}\"\nschema = \"{schema}\"\naccept_loss = true\n")
}

/// A shop on DynamoDB, whose tables' names begin so.
pub(crate) fn dynamodb(url: &str, prefix: &str) -> String {
    format!(
        "engine = \"dynamodb\"\n[dynamodb]\nregion = \"{}\"\nendpoint_url = \"{url}\"\ntable_prefix = \"{prefix}-\"\n\
         access_key_id = \"shop\"\nsecret_access_key = \"{SECRET}\"\ndeletion_protection = false\n",
        engines::dynamodb::REGION
    )
}

/// A shop on Cassandra, in a keyspace of this name.
pub(crate) fn cassandra(address: std::net::SocketAddr, keyspace: &str) -> String {
    let datacenter = engines::cassandra::DATACENTER;
    format!(
        "engine = \"cassandra\"\n[cassandra]\ncontact_points = [\"{address}\"]\nlocal_datacenter = \"{datacenter}\"\n\
         keyspace = \"{keyspace}\"\nreplication = [\"{datacenter}=1\"]\n"
    )
}
