//! All buyers: those who are at it, those who are done; guests keep coming in while there is load.
//!
//! What always holds: load ends when it is told to, and what a buyer left open is settled by their own retries only.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use reqwest::Method;
use tokio::task::JoinSet;

use super::super::api::{Client, Request, Silence};
use super::super::shop::Shop;
use super::basket::{Cart, Order};
use super::buyer::{Buyer, Turn};
use super::money::Money;
use super::stockroom::Stockroom;
use super::{Course, REST};

/// Baskets of a shopper who is logged in, of one round after the other.
const BASKETS: u32 = 500;
const GUEST_BASKETS: u32 = 2;
const PAUSE: Duration = Duration::from_millis(2);
/// What is left open is settled by then, or never.
const SETTLE_MAX: Duration = Duration::from_secs(60);
const PAGE: usize = 100;

/// The buyers.
#[derive(Debug)]
pub(super) struct Hall {
    waiting: Mutex<VecDeque<Buyer>>,
    done: Mutex<Vec<Buyer>>,
    tally: Mutex<Tally>,
    broken: Mutex<Vec<String>>,
    /// Buyers under way at once; a guest comes in when there are fewer.
    crowd: usize,
    workers: usize,
    seed: u64,
}

/// What was done so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) buyers: u64,
    pub(super) asked: u64,
    pub(super) orders: u64,
    pub(super) retried: u64,
    pub(super) answered_again: u64,
    pub(super) refused: u64,
    pub(super) aborted: u64,
    pub(super) declined: u64,
    pub(super) waited: u64,
    pub(super) lagged: u64,
    pub(super) unanswered: u64,
}

/// Load that is under way.
#[derive(Debug)]
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    workers: JoinSet<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hall {
    /// With those shoppers who are logged in.
    pub(super) async fn open(shop: &Shop, course: &Course, seed: u64) -> Result<Arc<Self>> {
        let Course { accounts, crowd, workers, .. } = *course;
        let mut waiting = VecDeque::new();
        for number in 0..accounts {
            let name = format!("shopper-{number}");
            let token = shop.evercart.token(&["shopper", &name]).await?;
            waiting.push_back(Buyer::new(name, token, BASKETS, seed ^ (number as u64) << 32));
        }
        let tally = Mutex::new(Tally { buyers: accounts as u64, ..Tally::default() });
        let (waiting, done, broken) = (Mutex::new(waiting), Mutex::default(), Mutex::default());
        Ok(Arc::new(Self { waiting, done, tally, broken, crowd, workers, seed }))
    }

    /// What was done so far.
    pub(super) fn tally(&self) -> Tally {
        *lock(&self.tally)
    }

    /// What was broken under load.
    pub(super) fn broken(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.broken))
    }

    /// Starts load by all workers.
    pub(super) fn start(self: &Arc<Self>, client: &Client) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let mut set = JoinSet::new();
        for _ in 0..self.workers {
            let (hall, client, stop) = (Arc::clone(self), client.clone(), Arc::clone(&stop));
            set.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    hall.work(&client).await;
                }
            });
        }
        Load { stop, workers: set }
    }

    /// Load for so long.
    pub(super) async fn load(self: &Arc<Self>, client: &Client, duration: Duration) {
        let load = self.start(client);
        tokio::time::sleep(duration).await;
        load.end().await;
    }

    async fn work(&self, client: &Client) {
        let next = {
            let mut waiting = lock(&self.waiting);
            if waiting.len() < self.crowd { None } else { waiting.pop_front() }
        };
        let buyer = match next {
            Some(buyer) => Some(buyer),
            None => self.guest(client).await.or_else(|| lock(&self.waiting).pop_front()),
        };
        match buyer {
            Some(buyer) => self.serve(client, buyer).await,
            None => tokio::time::sleep(PAUSE).await,
        }
    }

    async fn guest(&self, client: &Client) -> Option<Buyer> {
        let token = client.open_session().await.ok()?.token;
        let mut tally = lock(&self.tally);
        tally.buyers += 1;
        let (name, seed) = (format!("guest-{}", tally.buyers), self.seed ^ tally.buyers << 16);
        Some(Buyer::new(name, token, GUEST_BASKETS, seed))
    }

    /// One turn of a buyer.
    async fn serve(&self, client: &Client, mut buyer: Buyer) {
        let turn = buyer.turn(client).await;
        let pauses = matches!(turn, Turn::Silent(..) | Turn::Idle | Turn::Lags);
        self.note(turn);
        if buyer.is_done() {
            lock(&self.done).push(buyer);
        } else {
            lock(&self.waiting).push_back(buyer);
        }
        if pauses {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn note(&self, turn: Turn) {
        let mut tally = lock(&self.tally);
        match turn {
            Turn::Went | Turn::Idle | Turn::Silent(_, false) => return,
            Turn::Bought(sent) => {
                tally.orders += 1;
                tally.retried += u64::from(sent > 1);
            }
            Turn::AnsweredAgain => tally.answered_again += 1,
            Turn::Refused => tally.refused += 1,
            Turn::Aborted => tally.aborted += 1,
            Turn::Declined => tally.declined += 1,
            Turn::Told => tally.waited += 1,
            Turn::Lags => {
                tally.lagged += 1;
                return;
            }
            Turn::Silent(Silence::TimedOut, _) => lock(&self.broken).push("a checkout hung".to_owned()),
            Turn::Silent(..) => tally.unanswered += 1,
            Turn::Broken(what) => lock(&self.broken).push(what),
        }
        tally.asked += 1;
    }

    /// Lets every buyer ask again for what is open, until it is decided.
    pub(super) async fn settle(self: &Arc<Self>, client: &Client) -> Result<()> {
        let deadline = Instant::now() + SETTLE_MAX;
        loop {
            let mut waiting = std::mem::take(&mut *lock(&self.waiting));
            waiting.iter_mut().for_each(Buyer::hurry);
            let (done, open): (Vec<_>, Vec<_>) = waiting.into_iter().partition(Buyer::is_done);
            lock(&self.done).extend(done);
            if open.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{} checkouts are not decided, {:?}", open.len(), open.first());
            }
            for buyer in open {
                self.serve(client, buyer).await;
            }
            tokio::time::sleep(10 * PAUSE).await;
        }
    }

    /// What is wrong with carts, orders and money once the sweeper has finished what kills had left half-way.
    pub(super) async fn judge_at_rest(
        self: &Arc<Self>,
        client: &Client,
        room: &Stockroom,
        money: Option<&Money>,
    ) -> Result<Vec<String>> {
        let deadline = Instant::now() + REST;
        loop {
            let findings = self.judge(client, room, money).await?;
            if findings.is_empty() || Instant::now() > deadline {
                return Ok(findings);
            }
            tokio::time::sleep(100 * PAUSE).await;
        }
    }

    /// What is wrong with carts, orders and money, in words.
    pub(super) async fn judge(
        self: &Arc<Self>,
        client: &Client,
        room: &Stockroom,
        money: Option<&Money>,
    ) -> Result<Vec<String>> {
        let buyers = std::mem::take(&mut *lock(&self.done));
        let (mut findings, mut sold) = (Vec::new(), BTreeMap::<String, u64>::new());
        let mut totals = BTreeMap::<String, i64>::new();
        for buyer in &buyers {
            let orders = orders(client, &buyer.token).await?;
            for (sku, units) in room.over_limit(&orders) {
                findings.push(format!("{} bought {units} of {sku}, more than one customer may", buyer.name));
            }
            for ((sku, _), units) in orders.iter().flat_map(|order| &order.lines) {
                *sold.entry(sku.clone()).or_default() += units;
            }
            findings.extend(judge_orders(buyer, &orders));
            totals.extend(orders.iter().map(|order| (order.id.clone(), order.total)));
            findings.extend(judge_cart(client, buyer).await?);
            findings.extend(judge_keys(client, buyer).await?);
        }
        findings.extend(room.judge_sold(client, &sold).await?);
        findings.extend(money.into_iter().flat_map(|money| money.judge(&totals)));
        lock(&self.done).extend(buyers);
        Ok(findings)
    }
}

impl Load {
    /// Ends it; a request under way is answered, or left open, first.
    pub(super) async fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while self.workers.join_next().await.is_some() {}
    }
}

/// All orders of a shopper.
async fn orders(client: &Client, token: &str) -> Result<Vec<Order>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/orders?limit={PAGE}{after}");
        let reply = client.send(&Request::new(Method::GET, path, token)).await?;
        let (orders, next) = Order::page(&reply.body)?;
        all.extend(orders);
        match next {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(all),
        }
    }
}

/// Every order that was acknowledged is there as it was, there is no other, and no line is in two.
fn judge_orders(buyer: &Buyer, orders: &[Order]) -> Vec<String> {
    let mut findings = Vec::new();
    for (order, _) in &buyer.orders {
        if !orders.contains(order) {
            findings.push(format!("lost order: {} was told {order:?}", buyer.name));
        }
    }
    if orders.len() != buyer.orders.len() {
        let (is, told) = (orders.len(), buyer.orders.len());
        findings.push(format!("invented order: {} has {is}, and was told of {told}", buyer.name));
    }
    let mut seen = BTreeMap::new();
    for (name, order) in orders.iter().flat_map(|order| order.lines.keys().map(move |name| (name, order))) {
        if let Some(first) = seen.insert(name, &order.id) {
            findings.push(format!("sold twice: {name:?} of {} in {first} and {}", buyer.name, order.id));
        }
    }
    findings
}

/// What was bought is gone from the cart, and what was not is there.
async fn judge_cart(client: &Client, buyer: &Buyer) -> Result<Option<String>> {
    let reply = client.send(&Request::new(Method::GET, "/v1/cart", &buyer.token)).await?;
    let cart = Cart::parse(&reply.body)?;
    let wrong = || format!("the cart of {} shows {:?}, not {:?}", buyer.name, cart.lines, buyer.lines);
    Ok((cart.lines != buyer.lines).then(wrong))
}

/// The key of the last order is answered with that order.
async fn judge_keys(client: &Client, buyer: &Buyer) -> Result<Option<String>> {
    let Some((order, request)) = buyer.orders.last() else { return Ok(None) };
    let reply = client.send(request).await?;
    let is_same = reply.status == 200 && Order::parse(&reply.body).is_ok_and(|again| again == *order);
    let wrong = || format!("the key of {} is answered {} to {}", order.id, reply.status, buyer.name);
    Ok((!is_same).then(wrong))
}
