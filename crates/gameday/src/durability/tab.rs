//! One tab of a shopper: decides what to do next, sends it, keeps the record, and sends again what was left open.
//!
//! What always holds: one request is open at most, and it is sent again, byte for byte and under the same operation id,
//! until it is answered. Whatever the tab is shown is compared with its record at once.

use reqwest::Method;
use serde_json::json;
use testkit::random::Random;

use super::api::{Client, Reply, Request, Silence};
use super::record::{Effect, Finding, List, Record};
use super::shown::{Cart, Handle, TAB, View};

/// What shoppers put in.
pub const SKUS: [&str; 6] = ["T-0", "T-1", "T-2", "T-3", "T-4", "T-5"];
/// A longer `seen` goes into a body.
const SEEN_IN_QUERY_MAX: usize = 2_000;
/// Most units of one request.
const UNITS_MAX: u32 = 4;

/// One tab.
#[derive(Debug)]
pub struct Tab {
    name: String,
    token: String,
    writer: u64,
    seq: u32,
    random: Random,
    record: Record,
    open: Option<Open>,
    view: Option<View>,
}

/// A request that was not answered yet.
#[derive(Debug, Clone)]
struct Open {
    request: Request,
    sku: &'static str,
    effect: Effect,
    sent: u32,
}

/// What became of a turn.
#[derive(Debug)]
pub enum Turn {
    /// The cart was shown as it must be.
    Read,
    /// It was done, after this many requests.
    Done(Effect, u32),
    /// Not now: nothing was changed, or nobody knows.
    Refused(Reply),
    /// No answer.
    Silent(Silence),
    /// A promise is broken.
    Broken(String),
}

impl Tab {
    /// A tab of a shopper's, before it did anything.
    pub fn new(name: usize, token: &str, day: u64, mut random: Random) -> Self {
        let writer = day << 48 | random.bits() >> 16;
        let (name, token) = (name.to_string(), token.to_owned());
        Self { name, token, writer, seq: 0, random, record: Record::default(), open: None, view: None }
    }

    /// Does the next thing: what is open first.
    pub async fn turn(&mut self, client: &Client) -> Turn {
        if self.open.is_none() {
            self.open = self.next();
        }
        match self.open.take() {
            Some(open) => self.send(client, open).await,
            None => self.read(client).await,
        }
    }

    /// True while the outcome of a request is not known.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Every line that is shown otherwise than it was acknowledged.
    pub fn findings(&self, cart: &Cart) -> Vec<Finding> {
        let open = self.open.as_ref().filter(|open| open.sent > 0).map(|open| (open.sku, open.effect));
        self.record.compare(&cart.view(&self.name).units, open)
    }

    /// True when the open request, which nobody answered, has had its effect.
    pub fn was_done_unanswered(&self, cart: &Cart) -> bool {
        let shown = &cart.view(&self.name).units;
        self.open.is_some() && !self.record.compare(shown, None).is_empty()
    }

    /// Notes what was never asked for: a planted mistake that a check must find.
    pub fn pretend(&mut self, sku: &str, units: u64) {
        self.record.acknowledge(sku, Effect::Add(units));
    }

    async fn read(&mut self, client: &Client) -> Turn {
        match client.send(&Request::new(Method::GET, "/v1/cart", &self.token)).await {
            Err(silence) => Turn::Silent(silence),
            Ok(reply) if reply.status == 503 => Turn::Refused(reply),
            Ok(reply) if !reply.is_done() => Turn::Broken(told("a read", &reply)),
            Ok(reply) => self.look(&reply).map_or(Turn::Read, Turn::Broken),
        }
    }

    async fn send(&mut self, client: &Client, mut open: Open) -> Turn {
        open.sent += 1;
        match client.send(&open.request).await {
            Ok(reply) if reply.is_done() => self.acknowledged(&open, &reply),
            Ok(reply) if reply.status == 503 => {
                self.open = Some(open);
                Turn::Refused(reply)
            }
            Ok(reply) => {
                let broken = Turn::Broken(told(&format!("{:?} of {}", open.effect, open.sku), &reply));
                self.open = Some(open);
                broken
            }
            Err(silence) => {
                self.open = Some(open);
                Turn::Silent(silence)
            }
        }
    }

    fn acknowledged(&mut self, open: &Open, reply: &Reply) -> Turn {
        self.record.acknowledge(open.sku, open.effect);
        self.view = None;
        let broken = if reply.body.is_empty() { None } else { self.look(reply) };
        broken.map_or(Turn::Done(open.effect, open.sent), Turn::Broken)
    }

    /// Takes in what is shown, and says what is wrong with it.
    fn look(&mut self, reply: &Reply) -> Option<String> {
        let cart = match Cart::parse(&reply.body) {
            Ok(cart) => cart,
            Err(error) => return Some(format!("{error:#}")),
        };
        let wrong = self.findings(&cart).first().map(|finding| format!("shown under load: {finding}"));
        self.view = Some(cart.view(&self.name));
        wrong
    }

    /// What to ask next; `None` when the cart must be looked at first.
    fn next(&mut self) -> Option<Open> {
        let sku = *self.random.pick(&SKUS)?;
        let choice = self.random.weighted(&[(55, 0), (13, 1), (14, 2), (18, 3)], 0);
        let list = if self.random.percent(60) { List::Cart } else { List::Saved };
        let units = u64::from(self.random.between(1, UNITS_MAX));
        let has = |list| self.record.units(sku).of(list) > 0;
        match choice {
            1 if has(List::Cart) => self.change(sku, List::Cart, Effect::Set(units)),
            2 if has(list) => self.change(sku, list, Effect::Remove(list)),
            3 if has(list) => self.change(sku, list, Effect::Move(list.other())),
            _ => Some(self.add(sku, units)),
        }
    }

    fn add(&mut self, sku: &'static str, units: u64) -> Open {
        let body = json!({"sku": sku, "quantity": units, "options": {TAB: self.name}});
        let mut request = Request::new(Method::POST, "/v1/cart/lines", &self.token).json(&body);
        if self.random.percent(50) {
            request = request.header("prefer", "return=minimal".to_owned());
        }
        self.named(request, sku, Effect::Add(units))
    }

    fn change(&mut self, sku: &'static str, list: List, effect: Effect) -> Option<Open> {
        let handle = self.view.as_ref()?.handle(sku, list)?.clone();
        let request = self.request(&handle, effect);
        Some(self.named(request, sku, effect))
    }

    fn request(&self, Handle { id, seen }: &Handle, effect: Effect) -> Request {
        let path = format!("/v1/cart/lines/{id}");
        let put = |quantity: u64| {
            let body = json!({"quantity": quantity, "seen": seen});
            Request::new(Method::PUT, path.clone(), &self.token).json(&body)
        };
        match effect {
            Effect::Remove(_) if seen.len() <= SEEN_IN_QUERY_MAX => {
                Request::new(Method::DELETE, format!("{path}?seen={seen}"), &self.token)
            }
            Effect::Remove(_) => put(0),
            Effect::Set(to) | Effect::Add(to) => put(to),
            Effect::Move(to) => {
                let to = if to == List::Cart { "cart" } else { "saved" };
                let body = json!({"to": to, "seen": seen});
                Request::new(Method::POST, format!("{path}/move"), &self.token).json(&body)
            }
        }
    }

    /// Under an operation id of its own: mostly a counter, sometimes a key.
    fn named(&mut self, request: Request, sku: &'static str, effect: Effect) -> Open {
        let request = if self.random.percent(15) {
            request.header("idempotency-key", format!("\"{:016x}\"", self.random.bits()))
        } else {
            self.seq += 1;
            request.header("evercart-op", format!("{:016x}.{}", self.writer, self.seq))
        };
        Open { request, sku, effect, sent: 0 }
    }
}

fn told(what: &str, reply: &Reply) -> String {
    let body: String = String::from_utf8_lossy(&reply.body).chars().take(300).collect();
    format!("{what} was answered {}: {body}", reply.status)
}
