//! Redis killed, paused and restarted under load: carts work on, within the time budget, and none is stale afterwards.

use crate::ground::{self, POLICIES, Tiers, cart, engine, node, options, shown, until, write};
use engines::{
    Faults,
    redis::{Options, Redis},
    relay::{Relay, Way},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};
use storage::{Consistency, Stores};
use storage_cache::{CacheHandle, CacheOptions, Policy, RedisUrl};
use tokio::task::{JoinHandle, spawn_blocking};

/// What one operation may wait for Redis, here.
const TIMEOUT: Duration = Duration::from_millis(50);
/// On top of it: the engine, and a machine that does other things too.
const SLACK: Duration = Duration::from_millis(400);
const CARTS: u128 = 40;

async fn own_redis(durable: bool) -> Option<Arc<Redis>> {
    ground::own_redis(Options { durable, ..Options::default() }).await.map(Arc::new)
}

/// Does something to the server, off this thread.
async fn harm(redis: &Arc<Redis>, how: fn(&Redis) -> engines::Result<()>) {
    let redis = redis.clone();
    spawn_blocking(move || how(&redis)).await.unwrap().unwrap();
}

fn hasty(policy: Policy, tiers: Tiers, redis: &Redis) -> CacheOptions {
    let mut options = options(policy, tiers, &redis.url());
    if let Some(redis) = &mut options.redis {
        redis.timeout = TIMEOUT;
    }
    options
}

/// Writes and reads carts until it is stopped; a reader of a cart is its only writer, and knows what to see.
struct Load {
    tasks: Vec<JoinHandle<Duration>>,
    stalls: Stalls,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

impl Load {
    fn start(stores: &Stores) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..CARTS).map(|number| {
            let (stores, stop, done) = (stores.clone(), stop.clone(), done.clone());
            tokio::spawn(async move {
                let (mut version, mut longest) = (0, Duration::ZERO);
                while !stop.load(Ordering::SeqCst) {
                    let since = Instant::now();
                    write(&stores, cart(number), version).await.unwrap();
                    version += 1;
                    longest = longest.max(since.elapsed());
                    for _ in 0..3 {
                        let since = Instant::now();
                        assert_eq!(
                            shown(&stores, cart(number)).await,
                            version,
                            "the writer sees its own write"
                        );
                        longest = longest.max(since.elapsed());
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
                longest
            })
        });
        Self { tasks: tasks.collect(), stalls: Stalls::watch(), stop, done }
    }

    /// Until every cart has been written about so often since now.
    async fn go_on(&self, rounds: u64) {
        let aim = self.done.load(Ordering::SeqCst) + rounds * u64::try_from(CARTS).unwrap();
        until("the load goes on", async || self.done.load(Ordering::SeqCst) >= aim).await;
    }

    /// No operation has waited for Redis longer than it may: twice, for the cart and to fill it in.
    async fn end_within_the_budget(self) {
        self.stop.store(true, Ordering::SeqCst);
        let mut longest = Duration::ZERO;
        for task in self.tasks {
            longest = longest.max(task.await.unwrap());
        }
        let most = 2 * TIMEOUT + SLACK + self.stalls.longest();
        assert!(longest < most, "an operation took {longest:?}, and {most:?} is the most");
    }
}

/// How long the machine gave this process no time.
struct Stalls {
    ends: Sender<()>,
    watcher: std::thread::JoinHandle<Duration>,
}

impl Stalls {
    fn watch() -> Self {
        let (ends, ended) = channel();
        let watcher = std::thread::spawn(move || {
            let (mut longest, tick) = (Duration::ZERO, Duration::from_millis(5));
            let mut since = Instant::now();
            while ended.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                longest = longest.max(since.elapsed());
                since = Instant::now();
            }
            longest
        });
        Self { ends, watcher }
    }

    fn longest(self) -> Duration {
        drop(self.ends);
        self.watcher.join().unwrap()
    }
}

/// Whether one shows every cart as the other does.
async fn agree(one: &Stores, other: &Stores) -> bool {
    for number in 0..CARTS {
        if shown(one, cart(number)).await != shown(other, cart(number)).await {
            return false;
        }
    }
    true
}

/// Every cart is shown as the engine has it.
async fn assert_nothing_is_stale(stores: &Stores, truth: &Stores) {
    for number in 0..CARTS {
        let rows = truth.carts.load(cart(number), Consistency::Strong).await.unwrap();
        assert_eq!(shown(stores, cart(number)).await, rows.snapshots[0].version.0, "cart {number}");
    }
}

async fn is_used(handle: &CacheHandle) {
    until("redis is used", async || handle.redis_is_up() == Some(true) && handle.redis_owed() == 0).await;
}

async fn outage(policy: Policy, tiers: Tiers, durable: bool, harms: &[fn(&Redis) -> engines::Result<()>; 2]) {
    let Some(redis) = own_redis(durable).await else { return };
    let (bare, _) = engine();
    let options = hasty(policy, tiers, &redis);
    let (stores, handle) = node(&bare, &options).await;
    let (bystander, other) = node(&bare, &options).await;
    let load = Load::start(&stores);
    load.go_on(20).await;
    for _ in 0..2 {
        harm(&redis, harms[0]).await;
        until("the loss is noticed", async || handle.redis_is_up() == Some(false)).await;
        load.go_on(20).await;
        harm(&redis, harms[1]).await;
        is_used(&handle).await;
        is_used(&other).await;
        load.go_on(20).await;
    }
    load.end_within_the_budget().await;
    assert_nothing_is_stale(&stores, &bare).await;
    until("the other node has heard", async || agree(&bystander, &bare).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_and_restarted_under_load_leaves_no_stale_cart() {
    for (policy, tiers) in POLICIES.map(|policy| (policy, Tiers::Redis)) {
        outage(policy, tiers, false, &[Redis::kill, Redis::restart]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_kept_its_data_over_a_kill_leaves_no_stale_cart() {
    outage(Policy::WriteThrough, Tiers::Redis, true, &[Redis::kill, Redis::restart]).await;
    outage(Policy::WriteAround, Tiers::Both, true, &[Redis::kill, Redis::restart]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_paused_under_load_leaves_no_stale_cart() {
    for tiers in [Tiers::Redis, Tiers::Both] {
        for policy in POLICIES {
            outage(policy, tiers, false, &[Redis::pause, Redis::resume]).await;
        }
    }
}

/// A node that only reads, in one that only writes: what the first one has in Redis is taken out by the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carts_written_while_redis_was_paused_leave_it_before_it_is_read_again() {
    for (policy, owed_max) in POLICIES.into_iter().flat_map(|policy| [(policy, 1_000), (policy, 3)]) {
        let Some(redis) = own_redis(false).await else { return };
        let (bare, watched) = engine();
        let mut options = hasty(policy, Tiers::Redis, &redis);
        options.redis.as_mut().unwrap().owed_max = owed_max;
        let (stores, handle) = node(&bare, &options).await;
        for number in 0..CARTS {
            write(&stores, cart(number), 0).await.unwrap();
            assert_eq!((shown(&stores, cart(number)).await, shown(&stores, cart(number)).await), (1, 1));
        }
        harm(&redis, Redis::pause).await;
        for number in 0..CARTS / 2 {
            write(&stores, cart(number), 1).await.unwrap();
            assert_eq!(shown(&stores, cart(number)).await, 2, "while redis is away");
        }
        assert!(handle.redis_owed() > 0);
        harm(&redis, Redis::resume).await;
        is_used(&handle).await;
        let by_test = usize::try_from(CARTS).unwrap();
        // On a busy machine Redis may be too slow once or twice, and the engine is asked.
        until("all of it is in redis again", async || {
            let loads = watched.loads();
            assert_nothing_is_stale(&stores, &bare).await;
            watched.loads() == loads + by_test
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_cuts_and_slows_under_load_leaves_no_stale_cart() {
    let Some(redis) = own_redis(false).await else { return };
    let relay = Relay::to(redis.address()).unwrap();
    for (policy, tiers) in [(Policy::WriteThrough, Tiers::Both), (Policy::WriteAround, Tiers::Redis)] {
        let (bare, _) = engine();
        let near = hasty(policy, tiers, &redis);
        let mut far = near.clone();
        far.redis.as_mut().unwrap().url = RedisUrl::parse(&format!("redis://{}", relay.address())).unwrap();
        let (stores, handle) = node(&bare, &far).await;
        let (bystander, other) = node(&bare, &near).await;
        let load = Load::start(&stores);
        for round in 0..5 {
            match round % 4 {
                0 => relay.cut(),
                1 => relay.cut_after(Way::ToClient, 0), // done, and the answer lost
                2 => relay.cut_after(Way::ToServer, 2_000),
                _ => relay.delay(TIMEOUT),
            }
            load.go_on(5).await;
            relay.heal();
            is_used(&handle).await;
        }
        load.end_within_the_budget().await;
        is_used(&handle).await;
        is_used(&other).await;
        assert_nothing_is_stale(&stores, &bare).await;
        until("the other node has heard", async || agree(&bystander, &bare).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_kept_over_a_restart_is_not_believed() {
    let Some(redis) = own_redis(true).await else { return };
    let (bare, watched) = engine();
    let (stores, handle) = node(&bare, &hasty(Policy::WriteThrough, Tiers::Redis, &redis)).await;
    shown(&stores, cart(1)).await;
    harm(&redis, Redis::kill).await;
    harm(&redis, Redis::restart).await;
    // As from a node that has died since, and could not tell.
    write(&bare, cart(1), 0).await.unwrap();
    until("the restart is noticed", async || shown(&stores, cart(1)).await == 1 || watched.loads() > 1).await;
    is_used(&handle).await;
    assert_eq!(shown(&stores, cart(1)).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_away_costs_nothing_once_that_is_known() {
    let Some(redis) = own_redis(false).await else { return };
    let (bare, _) = engine();
    let (stores, handle) = node(&bare, &hasty(Policy::WriteAround, Tiers::Redis, &redis)).await;
    harm(&redis, Redis::pause).await;
    let mut slow = 0;
    for number in 0..200 {
        let since = Instant::now();
        write(&stores, cart(number), 0).await.unwrap();
        slow += usize::from(since.elapsed() >= TIMEOUT);
    }
    assert_eq!(handle.redis_is_up(), Some(false));
    assert!(slow <= 10, "{slow} of 200 writes waited for a redis that was known to be away");
    harm(&redis, Redis::resume).await;
}
