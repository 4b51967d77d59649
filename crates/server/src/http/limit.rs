//! Rate limits: how often a shopper, an address or a service may ask, and how many sessions an address may open.
//!
//! Each limit is a number a minute, all of which may come at once; it refills evenly (GCRA). Answers say where a caller
//! stands: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers). Buckets that are full again are
//! forgotten every few seconds, so memory follows the traffic of those seconds and not of the server's life. Nodes count
//! apart: a shop with three nodes allows three times as much.

pub(crate) mod address;
pub(crate) mod settings;

use self::{address::Proxies, settings::RateSettings};
use super::headers::{RATE_POLICY, RATE_STANDING};
use crate::auth::Caller;
use axum::http::{HeaderMap, HeaderValue};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use service::Principal;
use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Weak},
    time::Duration,
};

/// Requests that were refused, by policy.
pub(crate) const REFUSED: &str = "evercart_rate_limited_total";
const MINUTE_S: u64 = 60;
/// How often buckets that are full again are forgotten.
const FORGOTTEN_EVERY: Duration = Duration::from_secs(10);

type Buckets = RateLimiter<u64, DefaultKeyedStateStore<u64>, DefaultClock, StateInformationMiddleware>;

/// All limits of a server.
pub(crate) struct RateLimits {
    principal: Option<Policy>,
    address: Option<Policy>,
    sessions: Option<Policy>,
    service: Option<Policy>,
    /// Keyed anew in each process: nobody can choose two names that share a bucket.
    hasher: RandomState,
    pub(super) proxies: Proxies,
}

struct Policy {
    name: &'static str,
    per_minute: u32,
    buckets: Buckets,
}

/// Where a caller stands after a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Standing(Vec<Bucket>);

#[derive(Debug, PartialEq, Eq)]
struct Bucket {
    name: &'static str,
    per_minute: u32,
    remaining: u32,
    reset_s: u64,
}

/// A request that is one too many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    pub(super) standing: Standing,
    pub(super) retry_after_s: u32,
}

impl RateLimits {
    /// Limits by these settings; forgets full buckets until it is dropped.
    pub(crate) fn start(settings: &RateSettings) -> Arc<Self> {
        let limits = Arc::new(Self::new(settings));
        tokio::spawn(forget(Arc::downgrade(&limits)));
        limits
    }

    fn new(settings: &RateSettings) -> Self {
        Self {
            principal: Policy::new("principal", settings.principal_per_minute),
            address: Policy::new("address", settings.address_per_minute),
            sessions: Policy::new("sessions", settings.sessions_per_minute),
            service: Policy::new("service", settings.service_per_minute),
            hasher: RandomState::new(),
            proxies: Proxies::new(settings.trusted_proxies.clone()),
        }
    }

    /// Counts a request of a caller whose token was accepted.
    pub(super) fn admit(
        &self,
        caller: &Caller,
        address: IpAddr,
        opens_session: bool,
    ) -> Result<Standing, TooMany> {
        let block = address::block(address);
        let asked = match caller {
            Caller::Service { id, .. } => [self.asked(&self.service, id), None, None],
            Caller::Shopper { principal, .. } => {
                let own = match principal {
                    Principal::Nobody => None,
                    Principal::Guest(token) => self.asked(&self.principal, token.cart),
                    Principal::Account { subject } => self.asked(&self.principal, subject),
                };
                let opened = if opens_session { self.asked(&self.sessions, block) } else { None };
                [own, self.asked(&self.address, block), opened]
            }
        };
        count(asked)
    }

    /// Counts a request that was refused for its token or its origin: guessing is not free.
    pub(super) fn admit_unknown(&self, address: IpAddr) -> Result<Standing, TooMany> {
        count([self.asked(&self.address, address::block(address))])
    }

    /// A policy, if there is one, with its bucket of this name.
    fn asked<'a>(&self, policy: &'a Option<Policy>, name: impl Hash) -> Option<(&'a Policy, u64)> {
        policy.as_ref().map(|policy| (policy, self.hasher.hash_one(name)))
    }

    fn policies(&self) -> impl Iterator<Item = &Policy> {
        [&self.principal, &self.address, &self.sessions, &self.service].into_iter().flatten()
    }
}

fn count<const N: usize>(asked: [Option<(&Policy, u64)>; N]) -> Result<Standing, TooMany> {
    let mut standing = Standing::default();
    for (policy, key) in asked.into_iter().flatten() {
        let (bucket, admitted) = policy.ask(key);
        let reset_s = bucket.reset_s;
        standing.0.push(bucket);
        if !admitted {
            metrics::counter!(REFUSED, "policy" => policy.name).increment(1);
            return Err(TooMany { standing, retry_after_s: u32::try_from(reset_s).unwrap_or(u32::MAX) });
        }
    }
    Ok(standing)
}

impl Policy {
    /// A policy; 0 is none.
    fn new(name: &'static str, per_minute: u32) -> Option<Self> {
        let burst = NonZeroU32::new(per_minute)?;
        let quota = Quota::per_minute(burst);
        let buckets = RateLimiter::dashmap(quota).with_middleware::<StateInformationMiddleware>();
        Some(Self { name, per_minute, buckets })
    }

    fn ask(&self, key: u64) -> (Bucket, bool) {
        let (remaining, reset_s, admitted) = match self.buckets.check_key(&key) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let used = u64::from(self.per_minute.saturating_sub(left));
                (left, (used * MINUTE_S).div_ceil(u64::from(self.per_minute)), true)
            }
            Err(until) => {
                let wait = until.wait_time_from(self.buckets.clock().now());
                (0, wait.as_secs() + 1, false)
            }
        };
        (Bucket { name: self.name, per_minute: self.per_minute, remaining, reset_s }, admitted)
    }
}

impl Standing {
    /// Says it in the headers of an answer.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let list = |say: fn(&Bucket) -> String| {
            HeaderValue::from_str(&self.0.iter().map(say).collect::<Vec<_>>().join(", "))
        };
        let policy = |bucket: &Bucket| format!("\"{}\";q={};w={MINUTE_S}", bucket.name, bucket.per_minute);
        let standing =
            |bucket: &Bucket| format!("\"{}\";r={};t={}", bucket.name, bucket.remaining, bucket.reset_s);
        // Names and numbers: always plain text.
        list(policy).map(|value| headers.insert(RATE_POLICY, value)).ok();
        list(standing).map(|value| headers.insert(RATE_STANDING, value)).ok();
    }
}

async fn forget(limits: Weak<RateLimits>) {
    loop {
        tokio::time::sleep(FORGOTTEN_EVERY).await;
        let Some(limits) = limits.upgrade() else { return };
        for policy in limits.policies() {
            policy.buckets.retain_recent();
            policy.buckets.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::SessionOrigin;

    #[expect(clippy::needless_pass_by_value, reason = "so that a test can write the value in place")]
    fn limits(settings: RateSettings) -> RateLimits {
        RateLimits::new(&settings)
    }

    fn account(subject: &str) -> Caller {
        let principal = Principal::Account { subject: subject.to_owned() };
        Caller::Shopper { principal, origin: SessionOrigin::Header }
    }

    fn here(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_is_admitted_and_one_more_is_too_many_for_that_caller_alone() {
        let limits =
            limits(RateSettings { principal_per_minute: 3, address_per_minute: 0, ..Default::default() });
        let admitted = |subject| limits.admit(&account(subject), here("192.0.2.1"), false);
        for remaining in [2, 1, 0] {
            let standing = admitted("ann").unwrap();
            assert_eq!((standing.0.len(), standing.0[0].remaining), (1, remaining));
        }
        let refused = admitted("ann").unwrap_err();
        assert!((1..=20).contains(&refused.retry_after_s), "{refused:?}");
        assert!(admitted("bob").is_ok());
    }

    #[test]
    fn services_are_not_counted_unless_the_shop_says_so() {
        let service = Caller::Service { id: "7".to_owned(), scopes: Vec::new() };
        let tight = RateSettings {
            principal_per_minute: 1,
            address_per_minute: 1,
            sessions_per_minute: 1,
            ..Default::default()
        };
        let free = limits(tight.clone());
        for _ in 0..5 {
            assert_eq!(free.admit(&service, here("192.0.2.1"), true), Ok(Standing::default()));
        }
        let counted = limits(RateSettings { service_per_minute: 1, ..tight });
        assert!(counted.admit(&service, here("192.0.2.1"), false).is_ok());
        assert!(counted.admit(&service, here("192.0.2.2"), false).is_err());
    }

    #[test]
    fn buckets_that_are_full_again_are_forgotten() {
        let quick = limits(RateSettings { address_per_minute: u32::MAX, ..Default::default() });
        let policy = quick.address.as_ref().unwrap();
        for number in 0..1_000_u32 {
            quick.admit_unknown(IpAddr::from(number.to_be_bytes())).unwrap();
        }
        policy.buckets.retain_recent();
        assert!(policy.buckets.len() < 1_000, "at four thousand million a minute all are full at once");
    }

    #[test]
    fn a_standing_reads_as_the_draft_writes_it() {
        let mut headers = HeaderMap::new();
        let bucket = |name, remaining| Bucket { name, per_minute: 60, remaining, reset_s: 2 };
        Standing(vec![bucket("principal", 58), bucket("address", 9)]).tell(&mut headers);
        assert_eq!(headers[RATE_POLICY], "\"principal\";q=60;w=60, \"address\";q=60;w=60");
        assert_eq!(headers[RATE_STANDING], "\"principal\";r=58;t=2, \"address\";r=9;t=2");
    }
}
