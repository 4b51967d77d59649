//! A replicated engine, simulated: what `engines.md` asks of one, with everything that a network does to it.
//!
//! Each region has a replica that its strong reads and conditional writes see, and a follower of it for eventual
//! reads. Rows and deltas travel to the other regions late, out of order, twice, or after a link was cut; of a row the
//! greater version stays. The linear store is one copy for all regions, reachable or not.
//!
//! Always true: what was acknowledged is in the replica of its region, and nothing is under way for longer than
//! [`LAG_MS_MAX`](crate::climate::LAG_MS_MAX).

mod carts;
mod replica;

use crate::{
    climate::{Climate, LAG_MS_MAX},
    executor::{Executor, WORLD},
    history::History,
};
use carts::RegionCarts;
use parking_lot::Mutex;
use replica::{Item, Replica};
use std::{collections::BTreeMap, sync::Arc};
use storage::{
    Stores, WritePath,
    layer::fault::{Fault, faulty},
    memory,
};
use testkit::random::Random;

/// The engine of all regions.
pub(crate) struct Engine {
    executor: Executor,
    climate: Climate,
    write_path: WritePath,
    history: Arc<History>,
    /// The linear store, and the catalogue, which is the same everywhere.
    shared: Stores,
    state: Mutex<State>,
}

struct State {
    random: Random,
    regions: Vec<Region>,
    /// Until when a region hears nothing of another.
    cut: BTreeMap<(usize, usize), u64>,
    under_way: usize,
    is_calm: bool,
}

#[derive(Default)]
struct Region {
    replica: Replica,
    follower: Replica,
    /// Until when its carts cannot be reached at all.
    away_until: u64,
    /// Until when it does not reach the linear store.
    linear_away_until: u64,
}

/// What becomes of a request to a store of carts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    /// It never arrives, and that is known.
    Refused,
    /// It never arrives, and nobody knows.
    Lost,
    /// It is done, and nobody hears of it.
    AnswerLost,
    /// It is done so much later, when its sender has long given up.
    Late(u64),
}

impl Engine {
    pub(crate) fn new(
        executor: Executor,
        climate: Climate,
        history: Arc<History>,
        (write_path, regions): (WritePath, usize),
        random: Random,
    ) -> Arc<Self> {
        let regions = (0..regions).map(|_| Region::default()).collect();
        let state = State { random, regions, cut: BTreeMap::new(), under_way: 0, is_calm: false };
        let shared = memory::open(write_path);
        Arc::new(Self { executor, climate, write_path, history, shared, state: Mutex::new(state) })
    }

    /// The stores as the nodes of a region reach them.
    pub(crate) fn stores(self: &Arc<Self>, region: usize) -> Stores {
        let engine = self.clone();
        let faults = move |operation: &'static str| engine.shared_fault(region, operation);
        let shaky = faulty(self.shared.clone(), Arc::new(faults));
        let carts = Arc::new(RegionCarts { engine: self.clone(), region });
        Stores { carts, linear: shaky.linear, catalog: shaky.catalog }
    }

    /// The stores that all regions share, without faults.
    pub(crate) fn shared(&self) -> &Stores {
        &self.shared
    }

    /// `to` hears nothing of `from` for so long.
    pub(crate) fn cut(&self, from: usize, to: usize, millis: u64) {
        let until = self.executor.now() + millis.min(LAG_MS_MAX);
        self.state.lock().cut.insert((from, to), until);
    }

    /// The carts of a region cannot be reached for so long.
    pub(crate) fn take_away(&self, region: usize, millis: u64) {
        self.state.lock().regions[region].away_until = self.executor.now() + millis;
    }

    /// A region does not reach the linear store for so long.
    pub(crate) fn take_linear_away(&self, region: usize, millis: u64) {
        self.state.lock().regions[region].linear_away_until = self.executor.now() + millis;
    }

    /// From now on nothing fails, and all links are up.
    pub(crate) fn calm(&self) {
        let mut state = self.state.lock();
        state.is_calm = true;
        state.cut.clear();
        for region in &mut state.regions {
            (region.away_until, region.linear_away_until) = (0, 0);
        }
    }

    /// Rows and deltas that have not arrived yet, and writes that are late.
    pub(crate) fn under_way(&self) -> usize {
        self.state.lock().under_way
    }

    fn shared_fault(&self, region: usize, operation: &'static str) -> Fault {
        let now = self.executor.now();
        let mut state = self.state.lock();
        let is_linear = operation.starts_with("linear");
        if state.is_calm {
            return Fault::None;
        }
        if is_linear && now < state.regions[region].linear_away_until {
            return Fault::Before;
        }
        match state.random.below(1_000) {
            at if at >= self.climate.faults_permille => Fault::None,
            at if at % 2 == 0 => Fault::Before,
            _ => Fault::After,
        }
    }

    fn fate(&self, region: usize) -> Fate {
        let now = self.executor.now();
        let mut state = self.state.lock();
        if state.is_calm {
            return Fate::Fine;
        }
        if now < state.regions[region].away_until {
            return Fate::Refused;
        }
        if state.random.below(1_000) >= self.climate.faults_permille {
            return Fate::Fine;
        }
        let late = state.random.below(5_000);
        state.random.weighted(
            &[(3, Fate::Refused), (2, Fate::Lost), (4, Fate::AnswerLost), (2, Fate::Late(late))],
            Fate::Fine,
        )
    }

    /// Up to one of the milliseconds of `choices`.
    fn some_ms(&self, choices: &[u64]) -> u64 {
        let mut state = self.state.lock();
        if state.is_calm {
            return 1;
        }
        let most = state.random.pick(choices).copied().unwrap_or(0);
        state.random.below(most + 1)
    }

    /// A row or delta of `region` is there, and on its way to everybody else.
    fn spread(self: &Arc<Self>, region: usize, item: &Item) {
        let regions = {
            let mut state = self.state.lock();
            state.regions[region].replica.apply(item);
            state.regions.len()
        };
        self.send_to_follower(region, item.clone());
        for to in (0..regions).filter(|to| *to != region) {
            let copies = 1 + usize::from(self.state.lock().random.percent(10));
            for _ in 0..copies {
                self.send(region, to, item.clone());
            }
        }
    }

    fn send_to_follower(self: &Arc<Self>, region: usize, item: Item) {
        let delay = self.some_ms(&[0, 0, 5, 300]);
        let engine = self.clone();
        self.deliver_after(delay, async move {
            engine.state.lock().regions[region].follower.apply(&item);
        });
    }

    fn send(self: &Arc<Self>, from: usize, to: usize, item: Item) {
        let deadline = self.executor.now() + LAG_MS_MAX;
        let delay = self.some_ms(self.climate.delays_ms);
        let engine = self.clone();
        self.deliver_after(delay, async move {
            loop {
                let until = engine.state.lock().cut.get(&(from, to)).copied().unwrap_or(0).min(deadline);
                let now = engine.executor.now();
                if until <= now {
                    break;
                }
                engine.executor.sleep(until - now).await;
            }
            engine.state.lock().regions[to].replica.apply(&item);
            engine.send_to_follower(to, item);
        });
    }

    /// Does something after a while that counts as under way until then.
    fn deliver_after(self: &Arc<Self>, millis: u64, work: impl Future<Output = ()> + Send + 'static) {
        self.state.lock().under_way += 1;
        let engine = self.clone();
        self.executor.spawn(WORLD, None, async move {
            engine.executor.sleep(millis).await;
            work.await;
            engine.state.lock().under_way -= 1;
        });
    }
}

/// The owner of a region's rows.
pub(crate) fn owner(region: usize) -> storage::Owner {
    storage::Owner::new(&format!("region{region}"), 1)
}
