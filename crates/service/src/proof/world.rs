//! A shop to test in: stores under a layer of faults, one node or more, and shoppers with few words.
//!
//! Always holds: what it is given for stores is what answers, and stands below the faults; time is tokio's paused clock and
//! chance is a counter. Deliberately absent: the sweeper's and the other workers' own pace: a test calls them.

use super::gate::Gate;
pub use super::{
    environment::{Switch, TODAY, TestEnvironment},
    shopper::{
        Answered, Shopper, add, client, in_cart, key, line, line_change, remove, save_for_later, seen,
        seen_whole, set, shown,
    },
};
use crate::{Environment as _, Principal, Service, Settings, catalog::NewItem};
use cart::{
    Timestamp,
    id::ShopKey,
    item::Item,
    line::{Sku, Texts},
    money::{Currency, Money},
};
use std::sync::Arc;
use storage::{Owner, Stores, WritePath, layer::fault::faulty, memory};

/// What every item costs.
pub const PRICE: i64 = 250;

/// Both ways of writing, for claims that hold in both.
pub const PATHS: [WritePath; 2] = [WritePath::Replace, WritePath::Append];

/// Runs a claim over both write paths.
pub async fn on_both_paths(claim: impl AsyncFn(World)) {
    for path in PATHS {
        println!("write path: {path:?}");
        claim(World::new(path).await).await;
    }
}

/// A shop with one node, which sells A to J.
pub struct World {
    /// How its engine is written to.
    pub path: WritePath,
    /// Its node.
    pub service: Arc<Service>,
    /// Below faults and gate.
    pub stores: Stores,
    /// What requests of its nodes meet.
    pub faults: Arc<Switch>,
    /// What holds requests of its nodes.
    pub gate: Arc<Gate>,
    /// Time, chance and tasks of its nodes.
    pub environment: Arc<TestEnvironment>,
}

impl World {
    /// A shop over memory that is written to in this way.
    pub async fn new(path: WritePath) -> Self {
        Self::with(path, |_| ()).await
    }

    /// A shop that decided otherwise.
    pub async fn with(path: WritePath, decide: impl FnOnce(&mut Settings)) -> Self {
        Self::open(memory::open(path), decide).await
    }

    /// A shop whose stores are what is made of those in memory.
    pub async fn over(path: WritePath, make: impl FnOnce(Stores) -> Stores) -> Self {
        Self::open(make(memory::open(path)), |_| ()).await
    }

    /// A shop over stores that hold nothing yet, which decided otherwise.
    pub async fn open(stores: Stores, decide: impl FnOnce(&mut Settings)) -> Self {
        let path = stores.carts.capabilities().write_path;
        let mut settings = Settings::new(Currency::parse("GBP").unwrap());
        settings.catalog_cached_max = 0;
        decide(&mut settings);
        let (faults, environment) = (Arc::new(Switch::default()), TestEnvironment::new());
        let (gate, gated) = Gate::before(stores.clone());
        let shaky = faulty(gated, faults.clone());
        let service = node(shaky, settings, environment.clone());
        let world = Self { path, service, stores, faults, gate, environment };
        let items = ('A'..='J').map(|sku| new_item(&sku.to_string(), PRICE)).collect();
        world.service.put_items(items).await.unwrap();
        world
    }

    /// Another node over the same stores.
    pub fn another_node(&self) -> Arc<Service> {
        self.another_node_with(|_| ())
    }

    /// Another node over the same stores, where the shop decided otherwise.
    pub fn another_node_with(&self, decide: impl FnOnce(&mut Settings)) -> Arc<Service> {
        let mut settings = self.service.settings().clone();
        decide(&mut settings);
        let shaky = faulty(self.gate.again(self.stores.clone()), self.faults.clone());
        node(shaky, settings, self.environment.clone())
    }

    /// Milliseconds on the clock.
    pub fn now_ms(&self) -> u64 {
        self.environment.now().0
    }

    /// A shopper without an account, with a token of their own.
    pub fn guest(&self) -> Shopper {
        let token = self.service.open_session();
        Shopper::of(&self.service, Principal::Guest(token))
    }

    /// A shopper who is logged in.
    pub fn account(&self, subject: &str) -> Shopper {
        Shopper::of(&self.service, Principal::Account { subject: subject.into() })
    }
}

fn node(stores: Stores, settings: Settings, environment: Arc<TestEnvironment>) -> Arc<Service> {
    Service::new(stores, Owner::new("local", 1), settings, ShopKey([9; 32]), environment)
}

/// An item to put into the catalogue.
pub fn new_item(sku: &str, amount: i64) -> NewItem {
    let currency = Currency::parse("GBP").unwrap();
    let price = Money::price(amount, currency);
    let item = Item { title: sku.into(), price, ..Item::unknown(Timestamp(1)) };
    NewItem { sku: Sku::parse(sku).unwrap(), revision: None, item, attributes: Texts::default() }
}
