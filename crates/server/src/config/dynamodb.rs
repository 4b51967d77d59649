//! The table `[dynamodb]`: where the tables are, who asks, and how long anything may take.

use super::{ConfigError, authorities::Authorities, engine::millis, secret::Secret};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use storage_dynamodb::{Access, DynamoDbOptions, Home};

/// DynamoDB.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dynamodb {
    /// The AWS region whose tables are used.
    pub region: String,
    /// Another address than the region's own.
    pub endpoint_url: String,
    /// The region of the table of records, where that is another.
    pub records_region: String,
    /// Another address than that region's own.
    pub records_endpoint_url: String,
    /// What the names of the tables begin with.
    pub table_prefix: String,
    /// The public half of a key; empty: the usual chain of credentials.
    pub access_key_id: String,
    /// Its secret half.
    pub secret_access_key: Secret,
    /// Of a temporary key.
    pub session_token: Secret,
    /// A file of certificates to trust, for an endpoint of one's own.
    pub ca_file: PathBuf,
    /// Milliseconds to connect: 1 to 60,000.
    pub connect_ms: u64,
    /// Milliseconds of one attempt: 1 to 60,000.
    pub attempt_ms: u64,
    /// Milliseconds of a request with all its attempts: 1 to 60,000.
    pub operation_ms: u64,
    /// Attempts of a request: 1 to 10.
    pub attempts_max: u32,
    /// New tables refuse to be deleted.
    pub deletion_protection: bool,
}

impl Default for Dynamodb {
    fn default() -> Self {
        let options = DynamoDbOptions::in_region("");
        Self {
            region: String::new(),
            endpoint_url: String::new(),
            records_region: String::new(),
            records_endpoint_url: String::new(),
            table_prefix: options.table_prefix,
            access_key_id: String::new(),
            secret_access_key: Secret::default(),
            session_token: Secret::default(),
            ca_file: PathBuf::new(),
            connect_ms: millis(options.connect_timeout),
            attempt_ms: millis(options.attempt_timeout),
            operation_ms: millis(options.operation_timeout),
            attempts_max: options.attempts_max,
            deletion_protection: options.deletion_protection,
        }
    }
}

impl Dynamodb {
    /// What the engine is told.
    pub fn options(&self) -> Result<DynamoDbOptions, ConfigError> {
        let said = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let ms = Duration::from_millis;
        Ok(DynamoDbOptions {
            endpoint_url: said(&self.endpoint_url),
            records_home: said(&self.records_region)
                .map(|region| Home { region, endpoint_url: said(&self.records_endpoint_url) }),
            table_prefix: self.table_prefix.clone(),
            access: self.access()?,
            authorities_pem: Authorities::read("dynamodb.ca_file", &self.ca_file)?.map(|read| read.pem),
            connect_timeout: ms(self.connect_ms),
            attempt_timeout: ms(self.attempt_ms),
            operation_timeout: ms(self.operation_ms),
            attempts_max: self.attempts_max,
            deletion_protection: self.deletion_protection,
            ..DynamoDbOptions::in_region(self.region.clone())
        })
    }

    fn access(&self) -> Result<Access, ConfigError> {
        if self.access_key_id.is_empty() {
            return Ok(Access::Chain);
        }
        let session_token = match self.session_token.is_empty() {
            true => None,
            false => Some(self.session_token.read("dynamodb.session_token")?.into()),
        };
        Ok(Access::Key {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.read("dynamodb.secret_access_key")?.into(),
            session_token,
        })
    }
}
