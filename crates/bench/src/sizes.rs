//! Adds to carts of two sizes: empty ones, each used once, and full ones, each getting one more unit of what is in it.

use crate::{
    loading::FULL_CARTS,
    shop,
    workload::{self, Guests, Request},
};
use gameday::load::Source;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Numbers of empty carts begin here: behind all that are ever loaded.
static NEXT_EMPTY: AtomicU64 = AtomicU64::new(1 << 40);

/// Adds to a cart that nothing was ever put into.
pub(crate) struct ToEmpty(pub(crate) Arc<Guests>);

/// Adds to full carts, one after the other.
pub(crate) struct ToFull {
    pub(crate) guests: Arc<Guests>,
    next: u64,
}

impl ToFull {
    pub(crate) fn new(guests: Arc<Guests>) -> Self {
        Self { guests, next: 0 }
    }
}

impl Source for ToEmpty {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize> {
        let number = NEXT_EMPTY.fetch_add(1, Ordering::Relaxed);
        Request { token: self.0.seal(number).as_bytes(), body: &workload::adding(0) }.add(request);
        Some(workload::ADD)
    }
}

impl Source for ToFull {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize> {
        let number = self.guests.carts() + self.next % FULL_CARTS;
        // An item that is in the cart already, so that its lines stay as many.
        let item = shop::full(number).first().map_or(0, |wish| wish.item);
        self.next += 1;
        Request { token: self.guests.seal(number).as_bytes(), body: &workload::adding(item) }.add(request);
        Some(workload::ADD)
    }
}
