//! Who shops: carts drawn by a Zipf distribution, and what is asked of each, as bytes of HTTP or as a step.
//!
//! Adds grow carts and a popular cart would soon be unlike any real one. So adds are counted, and a cart that got
//! [`ADDS_MAX`] of them is put back to what it was, by a request of a kind of its own that no figure counts.

use crate::shop::{self, ITEMS};
use cart::{
    Timestamp,
    token::{GuestToken, Keyring},
};
use gameday::load::Source;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use rand_distr::{Distribution, Zipf};
use std::{
    fmt::Write as _,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

/// Adds that a cart takes before it is put back: few, so that carts stay about as large as real ones.
pub(crate) const ADDS_MAX: u8 = 10;
/// Adds for which a cart is put back between turns.
const ADDS_LEFT_MAX: u8 = 3;
/// How uneven the shoppers are.
const SKEW: f64 = 0.99;
/// Days for which tokens are made; a server takes them for 30.
const TOKEN_DAYS: u32 = 29;

/// Kinds of requests, as a [`Recording`](gameday::load::Recording) numbers them.
pub(crate) const READ: usize = 0;
/// An add.
pub(crate) const ADD: usize = 1;
/// A cart put back to what it was.
pub(crate) const RESTORE: usize = 2;
/// How many kinds there are.
pub(crate) const KINDS: usize = 3;

/// What the next shopper does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Looks at the cart.
    Read(u64),
    /// Adds one unit of an item.
    Add(u64, u32),
    /// Puts the cart back.
    Restore(u64),
}

/// How often they look and add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Only look.
    Reads,
    /// Only add.
    Adds,
    /// Five looks to an add.
    Mixed,
}

/// All guests of the shop: their tokens, and how often each added.
pub(crate) struct Guests {
    tokens: Vec<u8>,
    token_bytes: usize,
    added: Vec<AtomicU8>,
    skus: Vec<String>,
}

impl Guests {
    /// Guests with these many carts, their tokens made with the shop's keys.
    pub(crate) fn new(carts: u64, keys: &Keyring, now: Timestamp) -> Arc<Self> {
        let expires_at = now.plus_days(TOKEN_DAYS);
        let token = |number| {
            GuestToken { cart: shop::cart_id(number), issued_at: now, expires_at }.to_text(keys).into_bytes()
        };
        let token_bytes = token(0).len();
        let tokens: Vec<u8> = (0..carts).flat_map(token).collect();
        let added = (0..carts).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Self { tokens, token_bytes, added, skus: (0..ITEMS).map(shop::sku).collect() })
    }

    /// How many carts there are.
    pub(crate) fn carts(&self) -> u64 {
        self.added.len() as u64
    }

    fn added(&self, number: u64) -> &AtomicU8 {
        &self.added[usize::try_from(number).unwrap_or_default()]
    }

    fn token(&self, number: u64) -> &[u8] {
        let at = usize::try_from(number).unwrap_or(usize::MAX) * self.token_bytes;
        &self.tokens[at..at + self.token_bytes]
    }
}

/// Shoppers in their order. Each source draws its own.
pub(crate) struct Shoppers {
    guests: Arc<Guests>,
    carts: Zipf<f64>,
    random: SmallRng,
    mix: Mix,
    body: String,
}

impl Shoppers {
    /// Shoppers that do as `mix` says. The same seed draws the same.
    pub(crate) fn new(guests: &Arc<Guests>, mix: Mix, seed: u64) -> anyhow::Result<Self> {
        #[expect(clippy::cast_precision_loss, reason = "a count of carts is far below 2^52")]
        let carts = Zipf::new(guests.carts() as f64, SKEW)?;
        let random = SmallRng::seed_from_u64(seed);
        Ok(Self { guests: Arc::clone(guests), carts, random, mix, body: String::new() })
    }

    /// What happens next.
    pub(crate) fn step(&mut self) -> Step {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "ranks are whole, from 1"
        )]
        let cart = self.carts.sample(&mut self.random) as u64 - 1;
        let adds = match self.mix {
            Mix::Reads => false,
            Mix::Adds => true,
            Mix::Mixed => self.random.random_ratio(1, 6),
        };
        if !adds {
            return Step::Read(cart);
        }
        let added = self.guests.added(cart);
        if added.load(Ordering::Relaxed) >= ADDS_MAX {
            added.store(0, Ordering::Relaxed);
            return Step::Restore(cart);
        }
        added.fetch_add(1, Ordering::Relaxed);
        Step::Add(cart, self.random.random_range(0..ITEMS))
    }

    fn restore(&mut self, request: &mut Vec<u8>, cart: u64) -> usize {
        self.body.push_str(r#"{"ops":[{"op":"clear"}"#);
        for wish in shop::basket(cart) {
            let sku = &self.guests.skus[wish.item as usize];
            // Writing to a string cannot fail.
            write!(self.body, r#",{{"op":"add","sku":"{sku}","quantity":{}}}"#, wish.units).ok();
        }
        self.body.push_str("]}");
        self.write(request, cart, "PATCH /v1/cart");
        RESTORE
    }

    fn write(&self, request: &mut Vec<u8>, cart: u64, line: &str) {
        request.extend_from_slice(line.as_bytes());
        request.extend_from_slice(b" HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ");
        request.extend_from_slice(self.guests.token(cart));
        if !self.body.is_empty() {
            request.extend_from_slice(b"\r\nprefer: return=minimal\r\ncontent-type: application/json");
            write!(request, "\r\ncontent-length: {}", self.body.len()).ok(); // as above
        }
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(self.body.as_bytes());
    }
}

impl Source for Shoppers {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize> {
        self.body.clear();
        Some(match self.step() {
            Step::Read(cart) => {
                self.write(request, cart, "GET /v1/cart");
                READ
            }
            Step::Add(cart, item) => {
                write!(self.body, r#"{{"sku":"{}","quantity":1}}"#, self.guests.skus[item as usize]).ok(); // as above
                self.write(request, cart, "POST /v1/cart/lines");
                ADD
            }
            Step::Restore(cart) => self.restore(request, cart),
        })
    }
}

/// Puts carts back that grew in the turn before, so that the next one meets carts like those of the first.
pub(crate) struct Restorers {
    shoppers: Shoppers,
    grown: Vec<u64>,
}

impl Restorers {
    /// For all that grew by more than a few lines.
    pub(crate) fn new(guests: &Arc<Guests>) -> anyhow::Result<Self> {
        let has_grown = |added: &AtomicU8| added.load(Ordering::Relaxed) > ADDS_LEFT_MAX;
        let grown = (0..).zip(&guests.added).filter(|(_, added)| has_grown(added));
        let grown: Vec<u64> = grown.map(|(number, _)| number).collect();
        grown.iter().for_each(|number| guests.added(*number).store(0, Ordering::Relaxed));
        Ok(Self { shoppers: Shoppers::new(guests, Mix::Adds, 0)?, grown })
    }
}

impl Source for Restorers {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize> {
        let number = self.grown.pop()?;
        self.shoppers.body.clear();
        Some(self.shoppers.restore(request, number))
    }
}

/// The smallest request there is, for the yardstick `hello`.
pub(crate) struct Smallest;

impl Source for Smallest {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize> {
        request.extend_from_slice(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n");
        Some(READ)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cart::token::TokenKey;

    #[test]
    fn between_turns_every_cart_that_grew_is_put_back_once() {
        let guests = guests(100);
        let mut shoppers = Shoppers::new(&guests, Mix::Adds, 1).unwrap();
        (0..100).for_each(|_| _ = shoppers.step());
        let grown = guests.added.iter().filter(|added| added.load(Ordering::Relaxed) > ADDS_LEFT_MAX).count();
        let mut restorers = Restorers::new(&guests).unwrap();
        let restored = std::iter::from_fn(|| restorers.next(&mut Vec::new())).count();
        assert!(grown > 0 && restored == grown, "{restored} of {grown}");
        assert!(Restorers::new(&guests).unwrap().grown.is_empty());
    }

    fn guests(carts: u64) -> Arc<Guests> {
        let keys = Keyring::new(TokenKey { id: 1, secret: [1; 32] }, Vec::new());
        Guests::new(carts, &keys, Timestamp(1_790_000_000_000))
    }

    #[test]
    fn a_cart_is_put_back_after_so_many_adds_and_then_counted_anew() {
        let mut shoppers = Shoppers::new(&guests(1), Mix::Adds, 1).unwrap();
        let steps: Vec<Step> = (0..=2 * u32::from(ADDS_MAX) + 1).map(|_| shoppers.step()).collect();
        let restored: Vec<usize> = (0..steps.len()).filter(|at| steps[*at] == Step::Restore(0)).collect();
        assert_eq!(restored, [10, 21]);
    }

    #[test]
    fn five_look_where_one_adds_and_the_first_cart_is_the_most_popular() {
        let mut shoppers = Shoppers::new(&guests(1_000), Mix::Mixed, 1).unwrap();
        let (mut reads, mut first) = (0, 0);
        for _ in 0..60_000 {
            match shoppers.step() {
                Step::Read(cart) => (reads, first) = (reads + 1, first + u32::from(cart == 0)),
                Step::Add(cart, _) | Step::Restore(cart) => first += u32::from(cart == 0),
            }
        }
        assert!((49_000..51_000).contains(&reads), "{reads}");
        assert!((7_000..9_000).contains(&first), "{first}: 13 % at this skew over a thousand");
    }

    #[test]
    fn a_request_is_whole_and_its_length_true() {
        let mut shoppers = Shoppers::new(&guests(2), Mix::Adds, 1).unwrap();
        for _ in 0..210 {
            let mut request = Vec::new();
            shoppers.next(&mut request);
            let text = String::from_utf8(request).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("authorization: Bearer g1."), "{head}");
            assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
            serde_json::from_str::<serde_json::Value>(body).unwrap();
        }
    }
}
