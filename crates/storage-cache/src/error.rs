//! Why a cache could not be started. Once it runs, nothing that happens to it is an error of a cart.

/// Why a cache could not be started, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Neither tier is configured.
    #[error("the cache has no tier: give it bytes in process, a redis, or both")]
    NoTier,
    /// Coherence by messages was asked for, and there is nothing that carries them.
    #[error("copies in process can be told of writes by redis alone: configure one, or bound them by age")]
    NothingCarriesMessages,
    /// The URL is none. It is not repeated here, for it may hold a password.
    #[error(
        "the redis url cannot be read: write `redis://[user:password@]host[:port][/database]`, or `rediss://` for tls"
    )]
    Url,
    /// The certificate is none.
    #[error("the certificate for redis cannot be read: give the certificate authority's in pem")]
    Certificate,
    /// Redis does not let us in.
    #[error(
        "redis refused the credentials: check user and password in its url, and what its acl allows the user"
    )]
    Credentials(#[source] redis::RedisError),
    /// Redis is too old.
    #[error("redis does not speak RESP3: use version 6 or newer")]
    TooOld(#[source] redis::RedisError),
    /// Its scripts touch keys that a cluster keeps on different nodes.
    #[error("redis is a cluster: give the cache a single one, or one with replicas")]
    Cluster,
    /// Redis answers, and not as it should.
    #[error("redis refused the connection: check the database in its url, and that it is a redis")]
    Refused(#[source] redis::RedisError),
}
