//! How a cache is to be. Plain values: where they come from is the server's business.

use crate::error::CacheError;
use std::{fmt, time::Duration};

/// What a write does to the cache, after the engine has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The written row or delta is put into the cached cart where that is exactly one write behind; else the cart leaves.
    WriteThrough,
    /// The cart leaves the cache.
    WriteAround,
}

/// How copies in the processes of other nodes learn of a write, and what is served meanwhile.
///
/// In all modes the node that wrote a cart never serves an older one; rows that other *regions* wrote arrive by the
/// engine's replication and are at most `max_age` (in process `local_max_age`) late; and a node that still reaches Redis
/// while the writer does not sees the writer's carts at most `max_age` late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coherence {
    /// They do not: a copy in process is served until it is `local_max_age` old, whoever has written since.
    Aged,
    /// Redis tells them, usually within a millisecond. A node that has lost Redis notices within about a second (at once
    /// when the connection broke), drops all copies in process, and asks the engine until it hears Redis again: so a copy
    /// is stale for that second at most, unless it is the writer that has lost Redis: then up to `local_max_age`.
    Published,
    /// Redis tells them. A node that has lost Redis goes on with its copies, so these are stale for `local_max_age` at
    /// most; they are dropped when it hears Redis again.
    PublishedElseAged,
}

/// How a cache is to be.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// What a write does.
    pub policy: Policy,
    /// Bytes of carts kept in this process, with what they cost beside themselves; 0: none.
    pub local_bytes: u64,
    /// The Redis behind it.
    pub redis: Option<RedisOptions>,
    /// The oldest that is served, counted from when the engine was asked. The bound for rows of other regions. The same on
    /// all nodes of a deployment.
    pub max_age: Duration,
    /// The same for copies in this process; never above `max_age`.
    pub local_max_age: Duration,
    /// How this node's copies learn of what others write.
    pub coherence: Coherence,
    /// How late the engine's eventual loads may show this region's own writes: for so long after a write the cart is not
    /// filled in again. 0 where they are served by what takes the writes; some seconds with read replicas, or on DynamoDB.
    pub replica_lag: Duration,
    /// The longest after which a write whose answer was lost can still take effect; the cart is not filled in before.
    pub late_write: Duration,
}

impl CacheOptions {
    /// In process alone: 64 MiB, at most 60 s old.
    pub fn local(policy: Policy) -> Self {
        Self {
            policy,
            local_bytes: 64 * 1024 * 1024,
            redis: None,
            max_age: Duration::from_secs(60),
            local_max_age: Duration::from_secs(60),
            coherence: Coherence::Aged,
            replica_lag: Duration::ZERO,
            late_write: Duration::from_secs(10),
        }
    }

    /// In Redis alone, at most 60 s old.
    pub fn redis(policy: Policy, url: RedisUrl) -> Self {
        Self { local_bytes: 0, redis: Some(RedisOptions::new(url)), ..Self::local(policy) }
    }

    /// In process and in Redis, which tells of what other nodes write.
    pub fn both(policy: Policy, url: RedisUrl) -> Self {
        let coherence = Coherence::Published;
        Self { redis: Some(RedisOptions::new(url)), coherence, ..Self::local(policy) }
    }

    pub(crate) fn check(&self) -> Result<(), CacheError> {
        match (self.local_bytes, &self.redis) {
            (0, None) => Err(CacheError::NoTier),
            (_, None) if self.coherence != Coherence::Aged => Err(CacheError::NothingCarriesMessages),
            _ => Ok(()),
        }
    }
}

/// A Redis, version 6 or newer, not a cluster.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Where it is.
    pub url: RedisUrl,
    /// The certificate authority that signed its certificate, in PEM; `None`: those of the system.
    pub certificate: Option<Vec<u8>>,
    /// What all keys and the channel begin with. Nodes of one deployment share it, deployments must not.
    pub key_prefix: String,
    /// The longest that one operation waits for it. A load takes two at most, a write one.
    pub timeout: Duration,
    /// After so many failures on end it is left alone until it answers a probe.
    pub failures_max: u32,
    /// Carts that are remembered as written while it was away; beyond, everything in it is given up.
    pub owed_max: usize,
}

impl RedisOptions {
    /// 20 ms for an operation, left alone after 5 failures, 100,000 carts remembered.
    pub fn new(url: RedisUrl) -> Self {
        Self {
            url,
            certificate: None,
            key_prefix: "evercart:".to_owned(),
            timeout: Duration::from_millis(20),
            failures_max: 5,
            owed_max: 100_000,
        }
    }
}

/// The URL of a Redis. It may hold a password, and is never printed.
#[derive(Clone)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// Takes `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn parse(url: &str) -> Result<Self, CacheError> {
        redis::parse_redis_url(url).ok_or(CacheError::Url)?;
        redis::Client::open(url).map_err(|_| CacheError::Url)?;
        Ok(Self(url.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_never_shows_its_password_nor_does_the_refusal_of_one() {
        let url = RedisUrl::parse("rediss://shop:hunter2@cache.example:6380/1").unwrap();
        let options = CacheOptions::both(Policy::WriteAround, url);
        assert!(!format!("{options:?}").contains("hunter2"), "{options:?}");
        let refused = RedisUrl::parse("http://shop:hunter2@cache.example").unwrap_err();
        assert!(!format!("{refused:?} {refused}").contains("hunter2"), "{refused:?}");
    }

    #[test]
    fn options_that_contradict_each_other_are_refused_with_what_to_do() {
        let nothing = CacheOptions { local_bytes: 0, ..CacheOptions::local(Policy::WriteAround) };
        assert!(nothing.check().unwrap_err().to_string().contains("give it bytes"));
        let unheard =
            CacheOptions { coherence: Coherence::Published, ..CacheOptions::local(Policy::WriteAround) };
        assert!(unheard.check().unwrap_err().to_string().contains("configure one"));
    }
}
