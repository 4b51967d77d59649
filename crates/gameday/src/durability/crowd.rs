//! Many shoppers at once, two tabs to a cart: their load, and what they make of it afterwards.
//!
//! What always holds: load ends when it is told to. What a tab left open is settled by its own retries only. Judging
//! reads every cart and compares every line.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use reqwest::Method;
use testkit::random::Random;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::api::{Client, Reply, Request, Silence};
use super::record::Effect;
use super::shown::Cart;
use super::tab::{Tab, Turn};

const TABS_PER_CART: usize = 2;
/// Carts read at once.
const READERS: usize = 16;
/// What is left open is settled by then, or never.
const SETTLE_MAX: Duration = Duration::from_secs(30);
/// Pauses after a refusal, and where nobody answers.
const REFUSED_PAUSE: Duration = Duration::from_millis(25);
const SILENT_PAUSE: Duration = Duration::from_millis(2);

/// All shoppers.
#[derive(Debug)]
pub struct Crowd {
    /// The token of each cart's shopper.
    tokens: Vec<String>,
    /// Those of a cart stand together.
    tabs: Vec<Mutex<Tab>>,
    counts: Counts,
    broken: StdMutex<Vec<String>>,
    seed: u64,
}

/// What was done so far.
#[derive(Debug, Default)]
pub struct Counts {
    adds: AtomicU64,
    lowered: AtomicU64,
    moves: AtomicU64,
    retried: AtomicU64,
    refused: AtomicU64,
    turned_away: AtomicU64,
    unanswered: AtomicU64,
    hung: AtomicU64,
    without_retry_after: AtomicU64,
}

/// The same, as numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Adds that were acknowledged.
    pub adds: u64,
    /// Sets and removals that were acknowledged.
    pub lowered: u64,
    /// Moves between lists that were acknowledged.
    pub moves: u64,
    /// Of all of them, those that took more than one request.
    pub retried: u64,
    /// Requests refused with 503.
    pub refused: u64,
    /// Connections refused, where no server was.
    pub turned_away: u64,
    /// Requests on a connection that ended without an answer.
    pub unanswered: u64,
    /// Requests where the server held the connection and said nothing.
    pub hung: u64,
    /// Refusals that did not say when to come back.
    pub without_retry_after: u64,
}

/// A cart as it was read.
#[derive(Debug)]
pub enum Read {
    /// It was shown.
    Shown {
        /// What is in it.
        cart: Cart,
        /// Its state, as the entity tag has it.
        state: String,
    },
    /// An error with a code.
    Failed {
        /// Its status.
        status: u16,
        /// Its code.
        code: String,
    },
    /// No answer.
    Silent(Silence),
}

/// Load that is under way.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    workers: JoinSet<()>,
}

impl Crowd {
    /// Opens a session for each of so many guests; `accounts` are tokens of shoppers who are logged in.
    pub async fn open(client: &Client, guests: usize, accounts: Vec<String>, seed: u64) -> Result<Arc<Self>> {
        let mut tokens = accounts;
        for _ in 0..guests {
            tokens.push(client.open_session().await?.token);
        }
        let mut random = Random::new(seed);
        let day = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400;
        let tabs = tokens.iter().flat_map(|token| (0..TABS_PER_CART).map(move |tab| (token, tab)));
        let tabs = tabs.map(|(token, tab)| Mutex::new(Tab::new(tab, token, day, Random::new(random.bits()))));
        let tabs = tabs.collect();
        Ok(Arc::new(Self { tokens, tabs, counts: Counts::default(), broken: StdMutex::default(), seed }))
    }

    /// Starts load by so many tabs at once.
    pub fn start(self: &Arc<Self>, client: &Client, workers: usize) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let mut set = JoinSet::new();
        let acknowledged = self.counted().acknowledged();
        for worker in 0..workers {
            let (crowd, client, stop) = (Arc::clone(self), client.clone(), Arc::clone(&stop));
            let random = Random::new(self.seed ^ acknowledged << 8 ^ worker as u64);
            set.spawn(async move { crowd.work(&client, random, &stop).await });
        }
        Load { stop, workers: set }
    }

    async fn work(&self, client: &Client, mut random: Random, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let Ok(mut tab) = self.tabs[random.index(self.tabs.len())].try_lock() else {
                tokio::task::yield_now().await;
                continue;
            };
            let turn = tab.turn(client).await;
            drop(tab);
            self.note(turn).await;
        }
    }

    /// Counts a turn, and pauses where the server asked for it.
    async fn note(&self, turn: Turn) {
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        match turn {
            Turn::Read => {}
            Turn::Done(effect, sent) => {
                count(self.counts.of(effect));
                if sent > 1 {
                    count(&self.counts.retried);
                }
            }
            Turn::Refused(reply) => {
                count(&self.counts.refused);
                if reply.retry_after_s.is_none() {
                    count(&self.counts.without_retry_after);
                }
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
            Turn::Silent(silence) => {
                count(match silence {
                    Silence::Refused => &self.counts.turned_away,
                    Silence::CutOff => &self.counts.unanswered,
                    Silence::TimedOut => &self.counts.hung,
                });
                tokio::time::sleep(SILENT_PAUSE).await;
            }
            Turn::Broken(what) => self.broken.lock().unwrap_or_else(PoisonError::into_inner).push(what),
        }
    }

    /// Lets every tab send again what it left open, until it is answered.
    pub async fn settle(self: &Arc<Self>, client: &Client) -> Result<()> {
        let mut settling = JoinSet::new();
        for index in 0..self.tabs.len() {
            if self.tabs[index].lock().await.is_open() {
                let (crowd, client) = (Arc::clone(self), client.clone());
                settling.spawn(async move { crowd.settle_one(&client, index).await });
            }
        }
        while let Some(settled) = settling.join_next().await {
            settled??;
        }
        Ok(())
    }

    async fn settle_one(&self, client: &Client, index: usize) -> Result<()> {
        let mut tab = self.tabs[index].lock().await;
        let deadline = Instant::now() + SETTLE_MAX;
        while tab.is_open() {
            let turn = tab.turn(client).await;
            if let Turn::Broken(what) = turn {
                bail!("a retry does not settle: {what}");
            }
            if Instant::now() > deadline {
                bail!("a retry is not answered within {} s: {turn:?}", SETTLE_MAX.as_secs());
            }
            self.note(turn).await;
        }
        Ok(())
    }

    /// Reads every cart.
    pub async fn read_all(self: &Arc<Self>, client: &Client) -> Result<Vec<Read>> {
        let next = Arc::new(AtomicU64::new(0));
        let mut readers = JoinSet::new();
        for _ in 0..READERS {
            let (crowd, client, next) = (Arc::clone(self), client.clone(), Arc::clone(&next));
            readers.spawn(async move {
                let mut reads = Vec::new();
                loop {
                    let index = usize::try_from(next.fetch_add(1, Ordering::Relaxed))?;
                    let Some(token) = crowd.tokens.get(index) else { return anyhow::Ok(reads) };
                    reads.push((index, read(&client, token).await));
                }
            });
        }
        let mut reads = Vec::new();
        while let Some(read) = readers.join_next().await {
            reads.extend(read??);
        }
        reads.sort_unstable_by_key(|(index, _)| *index);
        Ok(reads.into_iter().map(|(_, read)| read).collect())
    }

    /// What is wrong with the carts as they were read, in words; an error of a cart counts only where it `may_fail`.
    pub async fn judge(&self, reads: &[Read], may_fail: bool) -> Vec<String> {
        let mut findings = Vec::new();
        for (index, read) in reads.iter().enumerate() {
            match read {
                Read::Shown { cart, .. } => findings.extend(self.judge_cart(index, cart).await),
                Read::Failed { .. } if may_fail => {}
                failed => findings.push(format!("cart {index} is not shown: {failed:?}")),
            }
        }
        findings
    }

    async fn judge_cart(&self, index: usize, cart: &Cart) -> Vec<String> {
        let mut findings = Vec::new();
        for tab in 0..TABS_PER_CART {
            let found = self.tabs[index * TABS_PER_CART + tab].lock().await.findings(cart);
            findings.extend(found.iter().map(|finding| format!("cart {index}, tab {tab}: {finding}")));
        }
        let strange = cart.tabs().find(|tab| tab.parse().is_ok_and(|tab: usize| tab >= TABS_PER_CART));
        findings.extend(strange.map(|tab| format!("cart {index}: lines of a tab `{tab}` that is not")));
        findings
    }

    /// Requests that nobody answered, and that were done.
    pub async fn done_unanswered(&self, reads: &[Read]) -> usize {
        let mut done = 0;
        for (index, read) in reads.iter().enumerate() {
            let Read::Shown { cart, .. } = read else { continue };
            for tab in 0..TABS_PER_CART {
                let tab = self.tabs[index * TABS_PER_CART + tab].lock().await;
                done += usize::from(tab.was_done_unanswered(cart));
            }
        }
        done
    }

    /// The answer to an add that is sent now, once, and that no record holds: for where it is refused.
    pub async fn refused_add(&self, client: &Client) -> Result<Reply, Silence> {
        let token = self.tokens.first().map(String::as_str).unwrap_or_default();
        let body = serde_json::json!({"sku": "T-0", "quantity": 1, "options": {"tab": "0"}});
        client.send(&Request::new(Method::POST, "/v1/cart/lines", token).json(&body)).await
    }

    /// A planted mistake: one acknowledged add that was never sent.
    pub async fn pretend(&self, cart: usize, sku: &str) {
        self.tabs[cart * TABS_PER_CART].lock().await.pretend(sku, 1);
    }

    /// What was broken under load.
    pub fn broken(&self) -> Vec<String> {
        std::mem::take(&mut self.broken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was done so far.
    pub fn counted(&self) -> Counted {
        self.counts.counted()
    }
}

impl Load {
    /// Ends it; a request under way is answered, or left open, first.
    pub async fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while self.workers.join_next().await.is_some() {}
    }
}

impl Counts {
    fn of(&self, effect: Effect) -> &AtomicU64 {
        match effect {
            Effect::Add(_) => &self.adds,
            Effect::Set(_) | Effect::Remove(_) => &self.lowered,
            Effect::Move(_) => &self.moves,
        }
    }

    fn counted(&self) -> Counted {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            adds: load(&self.adds),
            lowered: load(&self.lowered),
            moves: load(&self.moves),
            retried: load(&self.retried),
            refused: load(&self.refused),
            turned_away: load(&self.turned_away),
            unanswered: load(&self.unanswered),
            hung: load(&self.hung),
            without_retry_after: load(&self.without_retry_after),
        }
    }
}

impl Counted {
    /// All changes that were acknowledged.
    pub fn acknowledged(self) -> u64 {
        self.adds + self.lowered + self.moves
    }
}

async fn read(client: &Client, token: &str) -> Read {
    match client.send(&Request::new(Method::GET, "/v1/cart", token)).await {
        Err(silence) => Read::Silent(silence),
        Ok(reply) => match (Cart::parse(&reply.body), &reply.state) {
            (Ok(cart), Some(state)) if reply.is_done() => Read::Shown { cart, state: state.clone() },
            _ => Read::Failed { status: reply.status, code: reply.code() },
        },
    }
}
