//! A node: the real service with a clock of its own, chance of its own, and tasks that die with it.

use crate::{
    engine::{Engine, owner},
    executor::{Executor, Scope},
};
use cart::{Timestamp, id::ShopKey, limits::Limits, money::Currency};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use service::{Environment, Service, Settings};
use std::sync::Arc;
use testkit::random::Random;

/// A node in one of its lives.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) region: usize,
    pub(crate) scope: Scope,
    pub(crate) service: Arc<Service>,
    environment: Arc<NodeEnvironment>,
}

struct NodeEnvironment {
    executor: Executor,
    scope: Scope,
    /// How far its clock is ahead, or, with a minus, behind.
    skew_ms: i64,
    random: Mutex<Random>,
}

impl Environment for NodeEnvironment {
    fn now(&self) -> Timestamp {
        Timestamp(self.executor.now().saturating_add_signed(self.skew_ms))
    }

    fn random(&self) -> u64 {
        self.random.lock().bits()
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        Box::pin(self.executor.sleep(millis))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let execution = self.executor.running().and_then(|running| running.execution);
        self.executor.spawn(self.scope, execution, task);
    }
}

impl Node {
    /// Starts a node of a region.
    pub(crate) fn start(
        engine: &Arc<Engine>,
        executor: &Executor,
        (region, scope): (usize, Scope),
        mut random: Random,
    ) -> Self {
        let skew_ms = i64::from(random.between(0, 4_000)) - 2_000;
        let mut settings = Settings::new(shop_currency());
        settings.region = format!("region{region}").into();
        settings.catalog_cached_max = 0;
        settings.lanes_max = u64::from(random.between(0, 200));
        settings.write_attempts_max = random.between(3, 16);
        if random.percent(20) {
            settings.limits =
                Limits { lines_max: 2, dots_per_line_max: 4, quantity_per_line_max: 9, ..Limits::default() };
        }
        let (executor, random) = (executor.clone(), Mutex::new(random));
        let environment = Arc::new(NodeEnvironment { executor, scope, skew_ms, random });
        let service =
            Service::new(engine.stores(region), owner(region), settings, shop_key(), environment.clone());
        Self { region, scope, service, environment }
    }

    /// A number that nobody else has.
    pub(crate) fn draw(&self) -> u64 {
        self.environment.random()
    }

    /// The time by its clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.environment.now()
    }
}

/// The currency of the shop.
pub(crate) fn shop_currency() -> Currency {
    Currency::parse("GBP").unwrap_or_else(|| unreachable!("three capitals"))
}

/// The key under which the shop names account carts.
pub(crate) fn shop_key() -> ShopKey {
    ShopKey([9; 32])
}
