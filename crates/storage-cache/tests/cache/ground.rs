//! What the tests stand on: an engine that can be watched and held, caches over it, and a Redis.

use async_trait::async_trait;
use bytes::Bytes;
use engines::redis::{Options, Redis};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, Owner, Replaced, RowKey, Stores,
    Version, WritePath,
    cart::CartId,
    conformance::sample::{add, owner, stored},
    error::Result,
    memory,
};
use storage_cache::{CacheHandle, CacheOptions, Policy, RedisUrl, cached};
use tokio::sync::Semaphore;

pub(crate) const POLICIES: [Policy; 2] = [Policy::WriteThrough, Policy::WriteAround];
/// What a test waits for, at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// Holds an operation after the engine has done it.
pub(crate) struct Gate {
    arrived: Semaphore,
    open: Semaphore,
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { arrived: Semaphore::new(0), open: Semaphore::new(0) })
    }

    async fn pass(&self) {
        self.arrived.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }

    /// Until somebody is held.
    pub(crate) async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets one go.
    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}

/// The in-memory engine, watched.
pub(crate) struct Watched {
    carts: Arc<dyn CartStore>,
    pub(crate) loads: AtomicUsize,
    /// For the next load, and the next write, that comes.
    pub(crate) hold_load: Mutex<Option<Arc<Gate>>>,
    pub(crate) hold_write: Mutex<Option<Arc<Gate>>>,
    /// How often loads let others go before they return, at most.
    pub(crate) dawdle: AtomicUsize,
    /// What a replica that lags answers to eventual loads.
    pub(crate) replica: Mutex<Option<CartRows>>,
}

/// An engine and its watched carts.
pub(crate) fn engine() -> (Stores, Arc<Watched>) {
    let bare = memory::open(WritePath::Replace);
    let watched = Arc::new(Watched {
        carts: bare.carts.clone(),
        loads: AtomicUsize::new(0),
        hold_load: Mutex::default(),
        hold_write: Mutex::default(),
        dawdle: AtomicUsize::new(0),
        replica: Mutex::default(),
    });
    (Stores { carts: watched.clone(), ..bare }, watched)
}

impl Watched {
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl CartStore for Watched {
    fn capabilities(&self) -> Capabilities {
        self.carts.capabilities()
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        let replica = self.replica.lock().clone();
        let rows = match replica.filter(|_| consistency == Consistency::Eventual) {
            Some(old) => Ok(old),
            None => self.carts.load(cart, consistency).await,
        };
        self.loads.fetch_add(1, Ordering::SeqCst);
        let gate = self.hold_load.lock().take();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let most = self.dawdle.load(Ordering::SeqCst);
        for _ in 0..rand::random_range(0..=most) {
            tokio::task::yield_now().await;
        }
        rows
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        let replaced = self.carts.replace(key, expected, folded_through, bytes).await;
        let gate = self.hold_write.lock().take();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        replaced
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        self.carts.append(key, bytes).await
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        self.carts.remove(key, version).await
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        self.carts.remove_deltas(key, through).await
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.carts.scan(after, limit).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        self.carts.find_unfolded(owner, after, limit).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        self.carts.owners().await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.carts.register(owner).await
    }
}

/// Which tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tiers {
    Local,
    Redis,
    Both,
}

pub(crate) const TIERS: [Tiers; 3] = [Tiers::Local, Tiers::Redis, Tiers::Both];

/// Options over a Redis, with keys of their own and time enough for a busy machine.
pub(crate) fn options(policy: Policy, tiers: Tiers, url: &str) -> CacheOptions {
    let url = RedisUrl::parse(url).unwrap();
    let mut options = match tiers {
        Tiers::Local => CacheOptions::local(policy),
        Tiers::Redis => CacheOptions::redis(policy, url),
        Tiers::Both => CacheOptions::both(policy, url),
    };
    (options.max_age, options.local_max_age) = (Duration::from_secs(3_600), Duration::from_secs(3_600));
    if let Some(redis) = &mut options.redis {
        redis.key_prefix = format!("test:{:016x}:", rand::random::<u64>());
        redis.timeout = Duration::from_secs(5);
    }
    options
}

/// The Redis of the whole process.
pub(crate) async fn redis() -> Option<String> {
    let started = tokio::task::spawn_blocking(engines::shared::redis).await.unwrap();
    engines::or_skip(started)
}

/// A Redis of its own.
pub(crate) async fn own_redis(options: Options) -> Option<Redis> {
    engines::or_skip(tokio::task::spawn_blocking(move || Redis::start_with(options)).await.unwrap())
}

/// One node.
pub(crate) async fn node(stores: &Stores, options: &CacheOptions) -> (Stores, CacheHandle) {
    cached(stores.clone(), options.clone()).await.unwrap()
}

pub(crate) fn cart(number: u128) -> CartId {
    CartId(number.to_be_bytes())
}

/// Writes version `before + 1` of the row; gives back what the store answers.
pub(crate) async fn write(stores: &Stores, cart: CartId, before: u64) -> Result<Replaced> {
    let key = RowKey { cart, owner: owner() };
    let expected = (before > 0).then_some(Version(before));
    let seq = u32::try_from(before).unwrap() + 1;
    stores.carts.replace(&key, expected, Bucket(0), stored(&add(1, seq, "A"))).await
}

/// The version that an eventual load shows; 0 for none.
pub(crate) async fn shown(stores: &Stores, cart: CartId) -> u64 {
    let rows = stores.carts.load(cart, Consistency::Eventual).await.unwrap();
    rows.snapshots.first().map_or(0, |row| row.version.0)
}

/// Waits until this holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < PATIENCE, "waited in vain until {what}");
        pause().await;
    }
}

/// Between two looks.
async fn pause() {
    let mut interval = tokio::time::interval(Duration::from_millis(2));
    interval.tick().await;
    interval.tick().await;
}
