//! Settings of rate limits.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// How often callers may ask. Each limit is a number a minute, all of which may come at once; 0 is no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateSettings {
    /// Requests of one shopper, guest or logged in. Default 6,000.
    pub principal_per_minute: u32,
    /// Requests without a service token from one address (of IPv6: one /64). Default 600,000.
    pub address_per_minute: u32,
    /// Sessions opened from one address without a service token. Default 60,000.
    pub sessions_per_minute: u32,
    /// Requests with one service token. Default 0: services of the shop are not limited.
    pub service_per_minute: u32,
    /// Proxies, such as `10.0.0.0/8`, whose `X-Forwarded-For` is believed. Default: none.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            principal_per_minute: 6_000,
            address_per_minute: 600_000,
            sessions_per_minute: 60_000,
            service_per_minute: 0,
            trusted_proxies: Vec::new(),
        }
    }
}
