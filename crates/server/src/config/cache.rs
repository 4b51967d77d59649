//! The table `[cache]`: copies of carts in front of an engine that is a server of its own.
//!
//! The embedded engine needs none: it keeps what is read in memory itself (`store.clean_bytes_max`).

use super::{ConfigError, authorities::Authorities, secret::Secret};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use storage_cache::{CacheOptions, Coherence, Policy, RedisOptions, RedisUrl};

/// The cache.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// What a write does to it.
    pub policy: PolicySetting,
    /// Memory for copies in this process: 0 to 256 GiB; 0 is none.
    pub local_bytes: u64,
    /// A Redis behind it; empty: none.
    pub redis_url: Secret,
    /// A file of certificates to trust for it in place of the system's.
    pub redis_ca_file: PathBuf,
    /// What all its keys begin with.
    pub key_prefix: String,
    /// How copies in this process learn of what other nodes write.
    pub coherence: CoherenceSetting,
    /// Seconds that anything is served at most: 1 to 86,400.
    pub max_age_seconds: u64,
    /// Seconds that copies in this process are: 1 to 86,400.
    pub local_max_age_seconds: u64,
    /// Milliseconds that eventual reads of the engine may be behind: 0 to 600,000.
    pub replica_lag_ms: u64,
    /// Milliseconds that an operation waits for Redis: 1 to 10,000.
    pub redis_timeout_ms: u64,
}

/// What a write does to the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySetting {
    /// There is no cache.
    #[default]
    None,
    /// The engine is written, then the cache.
    WriteThrough,
    /// The engine is written, then the copy is dropped.
    WriteAround,
}

/// How copies in a process learn of what others write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CoherenceSetting {
    /// They do not; age bounds them.
    Aged,
    /// Redis tells them; without it they are not served.
    #[default]
    Published,
    /// Redis tells them; without it age bounds them.
    PublishedElseAged,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            policy: PolicySetting::None,
            local_bytes: 64 << 20,
            redis_url: Secret::default(),
            redis_ca_file: PathBuf::new(),
            key_prefix: "evercart:".to_owned(),
            coherence: CoherenceSetting::default(),
            max_age_seconds: 60,
            local_max_age_seconds: 60,
            replica_lag_ms: 0,
            redis_timeout_ms: 20,
        }
    }
}

impl Cache {
    /// What the layer is told; `None` where there is no cache.
    pub fn options(&self) -> Result<Option<CacheOptions>, ConfigError> {
        let policy = match self.policy {
            PolicySetting::None => return Ok(None),
            PolicySetting::WriteThrough => Policy::WriteThrough,
            PolicySetting::WriteAround => Policy::WriteAround,
        };
        let redis = self.redis()?;
        // Without a Redis nobody carries messages, and age bounds copies whatever is configured.
        let coherence = match (self.coherence, &redis) {
            (CoherenceSetting::Aged, _) | (_, None) => Coherence::Aged,
            (CoherenceSetting::Published, Some(_)) => Coherence::Published,
            (CoherenceSetting::PublishedElseAged, Some(_)) => Coherence::PublishedElseAged,
        };
        let max_age = Duration::from_secs(self.max_age_seconds);
        Ok(Some(CacheOptions {
            local_bytes: self.local_bytes,
            redis,
            max_age,
            local_max_age: Duration::from_secs(self.local_max_age_seconds).min(max_age),
            coherence,
            replica_lag: Duration::from_millis(self.replica_lag_ms),
            ..CacheOptions::local(policy)
        }))
    }

    fn redis(&self) -> Result<Option<RedisOptions>, ConfigError> {
        const KEY: &str = "cache.redis_url";
        if self.redis_url.is_empty() {
            return Ok(None);
        }
        let url = RedisUrl::parse(&self.redis_url.read(KEY)?);
        let mut options =
            RedisOptions::new(url.map_err(|error| ConfigError::Engine { key: KEY, source: error.into() })?);
        options.key_prefix.clone_from(&self.key_prefix);
        options.timeout = Duration::from_millis(self.redis_timeout_ms);
        let authorities = Authorities::read("cache.redis_ca_file", &self.redis_ca_file)?;
        options.certificate = authorities.map(|read| read.pem);
        Ok(Some(options))
    }
}
