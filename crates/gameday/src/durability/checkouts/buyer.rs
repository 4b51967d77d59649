//! One buyer: fills a basket, asks for it, asks again under the same key until the answer is a decision, and keeps the
//! record of what was acknowledged.
//!
//! What always holds: one request is open at most, and it is sent again as it was. A line is in one basket, and a basket
//! is begun once the one before was bought; whoever does not get it leaves, and leaves it in the cart.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use testkit::random::Random;

use super::super::api::{Client, Reply, Request, Silence};
use super::basket::{BASKET, Cart, Lines, Name, Order};

/// Most lines of a basket, and units of a line.
const LINES_MAX: u32 = 3;
const UNITS_MAX: u32 = 2;
/// Keys that a buyer tries for one basket.
const KEYS_MAX: u32 = 3;
/// Pause of whoever is told to wait.
const WAIT: Duration = Duration::from_millis(200);
const CURRENCY: &str = "GBP";

/// A buyer.
#[derive(Debug)]
pub(super) struct Buyer {
    /// In findings.
    pub(super) name: String,
    /// Who asks.
    pub(super) token: String,
    baskets_left: u32,
    basket: u32,
    random: Random,
    /// To be put in.
    wanted: Vec<(Name, u64)>,
    open: Option<Open>,
    keys: u32,
    is_done: bool,
    not_before: Option<Instant>,
    /// What was acknowledged to be in the cart.
    pub(super) lines: Lines,
    /// What was acknowledged to be bought, with the request.
    pub(super) orders: Vec<(Order, Request)>,
}

/// A request without a decision.
#[derive(Debug, Clone)]
struct Open {
    request: Request,
    what: What,
    sent: u32,
}

#[derive(Debug, Clone)]
enum What {
    Add(Name, u64),
    Buy {
        total: i64,
    },
    /// What was bought, again.
    Again(Box<Order>),
}

/// What became of a turn.
#[derive(Debug)]
pub(super) enum Turn {
    /// It went on.
    Went,
    /// It is not its time.
    Idle,
    /// An order was acknowledged, after so many requests.
    Bought(u32),
    /// The same order was answered again.
    AnsweredAgain,
    /// There is too little, or it costs something else by now.
    Refused,
    /// The checkout was aborted.
    Aborted,
    /// The payment was declined.
    Declined,
    /// Somebody is at it, or nobody can say now.
    Told,
    /// The cart still shows what was bought.
    Lags,
    /// No answer to a checkout, or to something else.
    Silent(Silence, bool),
    /// A promise is broken.
    Broken(String),
}

impl Buyer {
    /// A buyer before they did anything, who goes on for at most so many baskets.
    pub(super) fn new(name: String, token: String, baskets: u32, seed: u64) -> Self {
        let mut buyer = Self {
            name,
            token,
            baskets_left: baskets,
            basket: 0,
            random: Random::new(seed),
            wanted: Vec::new(),
            open: None,
            keys: 0,
            is_done: false,
            not_before: None,
            lines: Lines::new(),
            orders: Vec::new(),
        };
        buyer.begin();
        buyer
    }

    /// True once nothing more is wanted.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Wants nothing more than what is open.
    pub(super) fn hurry(&mut self) {
        (self.baskets_left, self.not_before) = (0, None);
        self.wanted.clear();
        if self.open.is_none() {
            self.is_done = true;
        }
    }

    fn begin(&mut self) {
        self.basket += 1;
        self.keys = 0;
        if self.baskets_left == 0 {
            self.is_done = true;
            return;
        }
        self.baskets_left -= 1;
        for _ in 0..self.random.between(1, LINES_MAX) {
            let sku = self.random.below(6);
            let name = (format!("T-{sku}"), self.basket.to_string());
            if self.wanted.iter().all(|(other, _)| *other != name) {
                self.wanted.push((name, u64::from(self.random.between(1, UNITS_MAX))));
            }
        }
    }

    /// Does the next thing: what is open first.
    pub(super) async fn turn(&mut self, client: &Client) -> Turn {
        if self.not_before.is_some_and(|moment| Instant::now() < moment) {
            return Turn::Idle;
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => match self.next(client).await {
                Ok(open) => open,
                Err(turn) => return turn,
            },
        };
        self.send(client, open).await
    }

    async fn next(&mut self, client: &Client) -> Result<Open, Turn> {
        if let Some((name, units)) = self.wanted.pop() {
            let body = json!({"sku": name.0, "quantity": units, "options": {BASKET: name.1}});
            let request = self.keyed("/v1/cart/lines").header("prefer", "return=minimal".to_owned());
            return Ok(Open { request: request.json(&body), what: What::Add(name, units), sent: 0 });
        }
        let read = Request::new(Method::GET, "/v1/cart", &self.token);
        let reply = client.send(&read).await.map_err(|silence| Turn::Silent(silence, false))?;
        if !reply.is_done() {
            return Err(self.told("a read", &reply));
        }
        let cart = Cart::parse(&reply.body).map_err(|error| Turn::Broken(format!("{error:#}")))?;
        if let Some(turn) = self.compare(&cart.lines) {
            return Err(turn);
        }
        if cart.subtotal == 0 {
            self.is_done = true;
            return Err(Turn::Refused);
        }
        let total = cart.subtotal;
        let body = json!({"accept_total": {"amount": total, "currency": CURRENCY}});
        let request = self.keyed("/v1/cart/checkout").json(&body);
        self.keys += 1;
        Ok(Open { request, what: What::Buy { total }, sent: 0 })
    }

    /// Whether the cart is shown as it must be. What was bought may still be there where a kill came between the order
    /// and the cart: until the sweeper comes.
    fn compare(&mut self, shown: &Lines) -> Option<Turn> {
        if *shown == self.lines {
            return None;
        }
        let bought = |name: &Name| self.orders.iter().any(|(order, _)| order.lines.contains_key(name));
        let rest: Lines = shown.clone().into_iter().filter(|(name, _)| !bought(name)).collect();
        if rest == self.lines {
            self.not_before = Some(Instant::now() + WAIT);
            return Some(Turn::Lags);
        }
        self.is_done = true;
        Some(Turn::Broken(format!("{} shows {shown:?}, not {:?}", self.name, self.lines)))
    }

    fn keyed(&mut self, path: &str) -> Request {
        let key = format!("\"{:016x}\"", self.random.bits());
        Request::new(Method::POST, path, &self.token).header("idempotency-key", key)
    }

    async fn send(&mut self, client: &Client, mut open: Open) -> Turn {
        let is_checkout = !matches!(open.what, What::Add(..));
        // Some press the button twice.
        let again = if is_checkout && self.random.percent(15) {
            let (first, second) = twice(client, &open.request).await;
            open.sent += 1;
            if first.as_ref().is_ok_and(Reply::is_done) { first } else { second.or(first) }
        } else {
            client.send(&open.request).await
        };
        open.sent += 1;
        match again {
            Err(silence) => {
                self.open = Some(open);
                Turn::Silent(silence, is_checkout)
            }
            Ok(reply) if reply.is_done() => self.done(open, &reply),
            Ok(reply) => self.refused(open, &reply),
        }
    }

    fn done(&mut self, open: Open, reply: &Reply) -> Turn {
        let Open { request, what, sent } = open;
        let order = match what {
            What::Add(name, units) => {
                self.lines.insert(name, units);
                return Turn::Went;
            }
            What::Buy { .. } | What::Again(_) => Order::parse(&reply.body),
        };
        let order = match order {
            Ok(order) => order,
            Err(error) => return Turn::Broken(format!("{}: {error:#}", self.name)),
        };
        match what {
            What::Again(first) if order == *first => {
                self.begin();
                Turn::AnsweredAgain
            }
            What::Again(first) => Turn::Broken(format!("{}: {first:?} is now {order:?}", self.name)),
            What::Buy { total } => self.bought(order, request, total, sent),
            What::Add(..) => Turn::Went,
        }
    }

    fn bought(&mut self, order: Order, request: Request, total: i64, sent: u32) -> Turn {
        let is_mine = order.lines.iter().all(|(name, units)| self.lines.get(name) == Some(units));
        if order.state != "committed" || order.total != total || order.lines.is_empty() || !is_mine {
            return Turn::Broken(format!(
                "{} bought {:?} for {total}, and is told {order:?}",
                self.name, self.lines
            ));
        }
        self.lines.retain(|name, _| !order.lines.contains_key(name));
        self.orders.push((order.clone(), request.clone()));
        if self.random.percent(25) {
            self.open = Some(Open { request, what: What::Again(Box::new(order)), sent: 0 });
        } else if self.lines.is_empty() {
            self.begin();
        } else {
            self.is_done = true;
        }
        Turn::Bought(sent)
    }

    fn refused(&mut self, open: Open, reply: &Reply) -> Turn {
        let code = reply.code();
        match (&open.what, code.as_str()) {
            (What::Buy { .. }, "out_of_stock" | "price_changed" | "lines_changed" | "empty_checkout") => {
                self.is_done = self.keys >= KEYS_MAX || code == "empty_checkout";
                Turn::Refused
            }
            (What::Buy { .. }, "payment_declined") => {
                self.is_done = true;
                Turn::Declined
            }
            (What::Buy { .. }, "checkout_aborted") => {
                self.is_done = self.keys >= KEYS_MAX;
                Turn::Aborted
            }
            (What::Buy { .. } | What::Again(_), "checkout_in_progress" | "busy") => {
                self.wait(open);
                Turn::Told
            }
            _ if reply.status == 503 => {
                self.wait(open);
                Turn::Told
            }
            (what, _) => {
                let what = format!("{what:?}");
                self.told(&what, reply)
            }
        }
    }

    fn wait(&mut self, open: Open) {
        self.open = Some(open);
        self.not_before = Some(Instant::now() + WAIT);
    }

    fn told(&mut self, what: &str, reply: &Reply) -> Turn {
        if reply.status == 503 {
            self.not_before = Some(Instant::now() + WAIT);
            return Turn::Told;
        }
        self.is_done = true;
        let body: String = String::from_utf8_lossy(&reply.body).chars().take(300).collect();
        Turn::Broken(format!("{}: {what} was answered {}: {body}", self.name, reply.status))
    }
}

/// Sends a request twice at once.
async fn twice(client: &Client, request: &Request) -> (Result<Reply, Silence>, Result<Reply, Silence>) {
    tokio::join!(client.send(request), client.send(request))
}
