//! Where a request comes from: the peer, or what trusted proxies say of it.
//!
//! `X-Forwarded-For` is read from its end, and only as long as whoever wrote an entry is trusted: what a caller wrote
//! there itself is never believed. `Forwarded` (RFC 7239) is not read.

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Bits of an IPv6 address that tell one customer of a network from another.
const CUSTOMER: u128 = !0 << 64;

/// The proxies that are trusted.
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
    warned: AtomicBool,
}

impl Proxies {
    pub(super) fn new(trusted: Vec<IpNet>) -> Self {
        Self { trusted, warned: AtomicBool::new(false) }
    }

    /// The address that a request comes from.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let said = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = said.flat_map(|value| value.split(',')).collect();
        for hop in hops.into_iter().rev() {
            if !self.trusts(client) {
                self.warn_once();
                break;
            }
            let Some(before) = parse(hop.trim()) else { break };
            client = before.to_canonical();
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// A proxy that is not named makes all shoppers one address: say so, once.
    fn warn_once(&self) {
        if self.trusted.is_empty() && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "requests carry `X-Forwarded-For`, and `rate.trusted_proxies` names no proxy: all that come through one count as one address"
            );
        }
    }
}

fn parse(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// What counts as one address: of IPv6 a /64, because a customer has all of it.
pub(super) fn block(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & CUSTOMER).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(trusted: &[&str], peer: &str, forwarded: &[&str], client: &str) {
        let proxies = Proxies::new(trusted.iter().map(|network| network.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        assert_eq!(proxies.client(peer.parse().unwrap(), &headers).to_string(), client);
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        check(&[], "192.0.2.1", &["203.0.113.9"], "192.0.2.1");
        check(&["10.0.0.0/8"], "192.0.2.1", &["203.0.113.9"], "192.0.2.1");
        check(&["10.0.0.0/8"], "10.1.2.3", &["203.0.113.9"], "203.0.113.9");
        check(&["10.0.0.0/8"], "10.1.2.3", &["198.51.100.7, 203.0.113.9"], "203.0.113.9");
        check(&["10.0.0.0/8"], "10.1.2.3", &["198.51.100.7", "203.0.113.9, 10.9.9.9"], "203.0.113.9");
        check(&["10.0.0.0/8"], "10.1.2.3", &["nonsense"], "10.1.2.3");
        check(&["10.0.0.0/8"], "::ffff:10.1.2.3", &["203.0.113.9:4711"], "203.0.113.9");
        check(&["fd00::/8"], "fd00::1", &["2001:db8::7"], "2001:db8::7");
        check(&["10.0.0.0/8"], "10.1.2.3", &[], "10.1.2.3");
    }

    #[test]
    fn one_customer_is_one_address() {
        let block = |text: &str| block(text.parse().unwrap());
        assert_eq!(block("2001:db8:1:2:3:4:5:6"), block("2001:db8:1:2:ffff::1"));
        assert_ne!(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
        assert_ne!(block("192.0.2.1"), block("192.0.2.2"));
    }
}
