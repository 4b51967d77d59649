//! Who shops: carts drawn by a Zipf distribution, and what is asked of each, as bytes of HTTP or as a step.
//!
//! Adds grow carts, and a popular one would soon be unlike any real one. So lines are counted, and a cart that has
//! [`LINES_MAX`] of them is cleared, as if bought, by a request of a kind of its own that no figure counts. In the mean
//! carts keep the size that they were loaded with. (Putting them back by `PATCH` was tried: each operation of a bulk
//! change is a writer of its own in the cart's context, and reads of popular carts became three times slower.)

use crate::shop::{self, ITEMS};
use cart::{
    Timestamp,
    token::{GuestToken, Keyring, TokenKey},
};
use gameday::load::Source;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use rand_distr::{Distribution, Zipf};
use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

/// Lines of a cart when it is cleared: twice the mean.
pub(crate) const LINES_MAX: u8 = 8;
/// How uneven the shoppers are.
const SKEW: f64 = 0.99;
/// Days for which tokens are made; a server takes them for 30.
const TOKEN_DAYS: u32 = 29;

/// Kinds of requests, as a [`Recording`](gameday::load::Recording) numbers them.
pub(crate) const READ: usize = 0;
/// An add.
pub(crate) const ADD: usize = 1;
/// A cart cleared.
pub(crate) const CLEAR: usize = 2;
/// How many kinds there are.
pub(crate) const KINDS: usize = 3;

/// What the next shopper does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Looks at the cart.
    Read(u64),
    /// Adds one unit of an item.
    Add(u64, u32),
    /// Empties the cart.
    Clear(u64),
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

/// All guests of the shop: their tokens, and how many lines each has.
pub(crate) struct Guests {
    keys: Keyring,
    now: Timestamp,
    tokens: Vec<u8>,
    token_bytes: usize,
    lines: Vec<AtomicU8>,
    bodies: Vec<String>,
}

impl Guests {
    /// Guests with these many carts, their tokens made with the shop's keys.
    pub(crate) fn new(carts: u64, keys: &Keyring, now: Timestamp) -> Arc<Self> {
        let tokens: Vec<u8> = (0..carts).flat_map(|number| seal(number, keys, now).into_bytes()).collect();
        Arc::new(Self { tokens, ..Self::nameless(carts, keys, now) })
    }

    /// The same where nobody asks for tokens: of many carts they take much memory.
    pub(crate) fn nameless(carts: u64, keys: &Keyring, now: Timestamp) -> Self {
        let lines = |number| AtomicU8::new(u8::try_from(shop::basket(number).len()).unwrap_or(LINES_MAX));
        Self {
            keys: keys.clone(),
            now,
            tokens: Vec::new(),
            token_bytes: seal(0, keys, now).len(),
            lines: (0..carts).map(lines).collect(),
            bodies: (0..ITEMS).map(adding).collect(),
        }
    }

    /// How many carts there are.
    pub(crate) fn carts(&self) -> u64 {
        self.lines.len() as u64
    }

    fn lines(&self, number: u64) -> &AtomicU8 {
        &self.lines[usize::try_from(number).unwrap_or_default()]
    }

    /// A token made now, for any cart.
    pub(crate) fn seal(&self, number: u64) -> String {
        seal(number, &self.keys, self.now)
    }

    fn token(&self, number: u64) -> &[u8] {
        let at = usize::try_from(number).unwrap_or(usize::MAX) * self.token_bytes;
        &self.tokens[at..at + self.token_bytes]
    }
}

/// Keys of guests whom nobody asks who they are.
pub(crate) fn unchecked_keys() -> Keyring {
    Keyring::new(TokenKey { id: 1, secret: [1; 32] }, Vec::new())
}

fn seal(number: u64, keys: &Keyring, issued_at: Timestamp) -> String {
    token(number, issued_at).to_text(keys)
}

/// The token of a guest.
pub(crate) fn token(number: u64, issued_at: Timestamp) -> GuestToken {
    GuestToken { cart: shop::cart_id(number), issued_at, expires_at: issued_at.plus_days(TOKEN_DAYS) }
}

/// The body of an add.
pub(crate) fn adding(item: u32) -> String {
    format!(r#"{{"sku":"{}","quantity":1}}"#, shop::sku(item))
}

/// A request of a guest, on its way to bytes.
pub(crate) struct Request<'a> {
    pub(crate) token: &'a [u8],
    pub(crate) body: &'a str,
}

impl Request<'_> {
    /// An add.
    pub(crate) fn add(&self, bytes: &mut Vec<u8>) {
        self.write("POST /v1/cart/lines", bytes);
    }

    fn write(&self, line: &str, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b" HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ");
        bytes.extend_from_slice(self.token);
        bytes.extend_from_slice(b"\r\nprefer: return=minimal");
        if !self.body.is_empty() {
            bytes.extend_from_slice(b"\r\ncontent-type: application/json");
            write!(bytes, "\r\ncontent-length: {}", self.body.len()).ok(); // a vector takes everything
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(self.body.as_bytes());
    }
}

/// Shoppers in their order. Each source draws its own.
pub(crate) struct Shoppers {
    guests: Arc<Guests>,
    carts: Zipf<f64>,
    random: SmallRng,
    mix: Mix,
}

impl Shoppers {
    /// Shoppers that do as `mix` says. The same seed draws the same.
    pub(crate) fn new(guests: &Arc<Guests>, mix: Mix, seed: u64) -> anyhow::Result<Self> {
        Self::skewed(guests, mix, seed, SKEW)
    }

    /// The same where every cart is as popular as any other, so that they do not wait for one another.
    pub(crate) fn even(guests: &Arc<Guests>, mix: Mix, seed: u64) -> anyhow::Result<Self> {
        Self::skewed(guests, mix, seed, 0.0)
    }

    fn skewed(guests: &Arc<Guests>, mix: Mix, seed: u64, skew: f64) -> anyhow::Result<Self> {
        #[expect(clippy::cast_precision_loss, reason = "a count of carts is far below 2^52")]
        let carts = Zipf::new(guests.carts() as f64, skew)?;
        let random = SmallRng::seed_from_u64(seed);
        Ok(Self { guests: Arc::clone(guests), carts, random, mix })
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
        let lines = self.guests.lines(cart);
        if lines.load(Ordering::Relaxed) >= LINES_MAX {
            lines.store(0, Ordering::Relaxed);
            return Step::Clear(cart);
        }
        lines.fetch_add(1, Ordering::Relaxed);
        Step::Add(cart, self.random.random_range(0..ITEMS))
    }
}

impl Source for Shoppers {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize> {
        let step = self.step();
        let (Step::Read(cart) | Step::Add(cart, _) | Step::Clear(cart)) = step;
        let body = if let Step::Add(_, item) = step { &self.guests.bodies[item as usize] } else { "" };
        let guest = Request { token: self.guests.token(cart), body };
        Some(match step {
            Step::Read(_) => {
                guest.write("GET /v1/cart", request);
                READ
            }
            Step::Add(..) => {
                guest.add(request);
                ADD
            }
            Step::Clear(_) => {
                guest.write("DELETE /v1/cart", request);
                CLEAR
            }
        })
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

    fn guests(carts: u64) -> Arc<Guests> {
        let keys = Keyring::new(TokenKey { id: 1, secret: [1; 32] }, Vec::new());
        Guests::new(carts, &keys, Timestamp(1_790_000_000_000))
    }

    #[test]
    fn a_cart_is_cleared_when_it_is_twice_the_mean_and_keeps_its_mean_so() {
        let guests = guests(1);
        let mut shoppers = Shoppers::new(&guests, Mix::Adds, 1).unwrap();
        let at_first = usize::from(LINES_MAX) - shop::basket(0).len();
        let steps: Vec<Step> = (0..at_first + 10).map(|_| shoppers.step()).collect();
        let cleared: Vec<usize> = (0..steps.len()).filter(|at| steps[*at] == Step::Clear(0)).collect();
        assert_eq!(cleared, [at_first, at_first + 9]);
    }

    #[test]
    fn five_look_where_one_adds_and_the_first_cart_is_the_most_popular() {
        let mut shoppers = Shoppers::new(&guests(1_000), Mix::Mixed, 1).unwrap();
        let (mut reads, mut first) = (0, 0);
        for _ in 0..60_000 {
            match shoppers.step() {
                Step::Read(cart) => (reads, first) = (reads + 1, first + u32::from(cart == 0)),
                Step::Add(cart, _) | Step::Clear(cart) => first += u32::from(cart == 0),
            }
        }
        assert!((49_000..51_000).contains(&reads), "{reads}");
        assert!((7_000..9_000).contains(&first), "{first}: 13 % at this skew over a thousand");
    }

    #[test]
    fn a_request_is_whole_and_its_length_true() {
        let mut shoppers = Shoppers::new(&guests(2), Mix::Adds, 1).unwrap();
        for _ in 0..50 {
            let mut request = Vec::new();
            shoppers.next(&mut request);
            let text = String::from_utf8(request).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("authorization: Bearer g1."), "{head}");
            if body.is_empty() {
                assert!(head.starts_with("DELETE /v1/cart "), "{head}");
                continue;
            }
            assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
            serde_json::from_str::<serde_json::Value>(body).unwrap();
        }
    }
}
