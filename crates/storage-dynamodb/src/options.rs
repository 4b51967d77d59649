//! Settings of the engine, with their defaults and bounds.

use std::time::Duration;

use crate::{DynamoDbError, Secret};

/// Where credentials come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// The usual chain: environment, profile files, web identity (IRSA), container and instance roles. Profiles that
    /// need a browser (SSO) or run a program are not followed.
    #[default]
    Chain,
    /// A key that is configured.
    Key {
        /// Its public half.
        access_key_id: String,
        /// Its secret half.
        secret_access_key: Secret,
        /// Where the key is temporary.
        session_token: Option<Secret>,
    },
}

/// Where records are decided when that is another region than the one whose carts are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The AWS region of the table of records.
    pub region: String,
    /// Another address than that region's own.
    pub endpoint_url: Option<String>,
}

/// Settings of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamoDbOptions {
    /// The AWS region whose tables are used, such as `eu-west-1`; requests are signed for it. No default: carts that are
    /// written in a region other than the one meant have two writers to a row.
    pub region: String,
    /// Another address than the region's own: DynamoDB Local, a VPC endpoint, ScyllaDB Alternator. Default: none.
    pub endpoint_url: Option<String>,
    /// The home of the table of records, the same for all regions. Default: none, records are where carts are. It must be
    /// one for all regions unless that table is a global one of strong consistency.
    pub records_home: Option<Home>,
    /// What the names of the tables begin with, letters, digits, `_`, `-` and `.`. Default `evercart-`.
    pub table_prefix: String,
    /// Where credentials come from. Default: the chain.
    pub access: Access,
    /// PEM certificates of authorities, for an endpoint that the system's do not vouch for. They are trusted in place of
    /// the system's; with the chain besides them, for it asks others. Whoever reads them sees to it that each can be used:
    /// the SDK does not come back from one that cannot. Default: none.
    pub authorities_pem: Option<Vec<u8>>,
    /// The most that connecting may take. Default 1 s.
    pub connect_timeout: Duration,
    /// The most that one attempt of a request may take, connecting included. Default 1 s.
    pub attempt_timeout: Duration,
    /// The most that a request may take, its attempts and the pauses between them included. Default 3 s.
    pub operation_timeout: Duration,
    /// Attempts of a request, from 1. Default 3.
    pub attempts_max: u32,
    /// Tables that `init` creates refuse to be deleted until that is switched off. Default true.
    pub deletion_protection: bool,
}

impl DynamoDbOptions {
    /// The defaults for a region.
    pub fn in_region(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            endpoint_url: None,
            records_home: None,
            table_prefix: "evercart-".to_owned(),
            access: Access::Chain,
            authorities_pem: None,
            connect_timeout: Duration::from_secs(1),
            attempt_timeout: Duration::from_secs(1),
            operation_timeout: Duration::from_secs(3),
            attempts_max: 3,
            deletion_protection: true,
        }
    }
}

impl DynamoDbOptions {
    /// Says which setting is out of its bounds.
    pub(crate) fn validate(&self) -> Result<(), DynamoDbError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let problem = if self.region.is_empty()
            || self.records_home.as_ref().is_some_and(|home| home.region.is_empty())
        {
            "the region is not set"
        } else if self.table_prefix.len() > 200 || !self.table_prefix.chars().all(is_name) {
            "the table prefix may have 200 letters, digits, `_`, `-` and `.`"
        } else if self.attempts_max == 0 || self.attempts_max > 10 {
            "attempts are from 1 to 10"
        } else if self.attempt_timeout.is_zero() || self.operation_timeout < self.attempt_timeout {
            "the timeout of an attempt is above zero, and that of an operation not below it"
        } else {
            return Ok(());
        };
        Err(DynamoDbError::Setting(problem))
    }
}
