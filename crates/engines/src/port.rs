//! Free addresses of the loopback.
//!
//! Ports are taken below those that the kernel gives to outgoing connections, so that none of them is in the way when a
//! killed server comes back on its own. Nothing is held: a server that finds its port taken after all is started anew on
//! another.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

const FIRST: u64 = 20_000;
const COUNT: u64 = 12_000;

/// A port of 127.0.0.1 that nobody listens on.
pub(crate) fn free() -> u16 {
    loop {
        let port = u16::try_from(FIRST + chance() % COUNT).unwrap_or(0);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// An address of the loopback on which nobody listens on any of `ports`.
pub(crate) fn free_address(ports: &[u16]) -> Ipv4Addr {
    loop {
        let [a, b, c, ..] = chance().to_be_bytes();
        let address = Ipv4Addr::new(127, a.clamp(1, 254), b.clamp(1, 254), c.clamp(1, 254));
        if ports.iter().all(|port| TcpListener::bind((address, *port)).is_ok()) {
            return address;
        }
    }
}

/// The standard library seeds each of these differently; more chance is not needed to step aside.
fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}
