//! A shop to test in: stores in memory under a layer of faults, one node or more, and shoppers with few words.

use crate::gate::Gate;
use cart::{
    CartId, Day, Dot, Timestamp, WriterId,
    id::ShopKey,
    item::Item,
    line::{Line, LineId, List, Sku, Texts},
    money::{Currency, Money},
    quantity::{Quantity, Target},
    seen::Seen,
    token::GuestToken,
};
use futures::future::BoxFuture;
use service::{
    AddRequest, CartAddress, CartAnswer, Conditions, Environment, Identity, LineChange, LineOperation,
    Principal, Service, ServiceError, Settings,
    carts::{Change, Request},
    catalog::NewItem,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use storage::{
    Owner, Stores, WritePath,
    layer::fault::{Fault, Faults, faulty},
    memory,
};
use tokio::{task::JoinHandle, time::Instant};

/// The day on which every test begins.
pub(crate) const TODAY: Day = Day(20_700);
/// What every item costs.
pub(crate) const PRICE: i64 = 250;

/// Both ways of writing, for claims that hold in both.
pub(crate) const PATHS: [WritePath; 2] = [WritePath::Replace, WritePath::Append];

/// Runs a claim over both write paths.
pub(crate) async fn on_both_paths(claim: impl AsyncFn(World)) {
    for path in PATHS {
        println!("write path: {path:?}");
        claim(World::new(path).await).await;
    }
}

/// A clock that a test sets, chance that counts, and tasks that a test can wait for.
pub(crate) struct TestEnvironment {
    start: Instant,
    days: AtomicU64,
    drawn: AtomicU64,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl TestEnvironment {
    fn new() -> Arc<Self> {
        let (days, drawn) = (AtomicU64::new(u64::from(TODAY.0)), AtomicU64::new(0));
        Arc::new(Self { start: Instant::now(), days, drawn, tasks: Mutex::default() })
    }

    /// So many days later.
    pub(crate) fn pass_days(&self, days: u64) {
        self.days.fetch_add(days, Ordering::Relaxed);
    }

    /// Waits until every task that the service started is done.
    pub(crate) async fn settle(&self) {
        loop {
            let Some(task) = self.tasks.lock().unwrap().pop() else { return };
            task.await.unwrap();
        }
    }
}

impl TestEnvironment {
    /// Ends every task that the service started, wherever it is: as with a process that is killed.
    pub(crate) fn abort(&self) {
        self.tasks.lock().unwrap().drain(..).for_each(|task| task.abort());
    }
}

impl Environment for TestEnvironment {
    fn now(&self) -> Timestamp {
        let days = u32::try_from(self.days.load(Ordering::Relaxed)).unwrap();
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap();
        Timestamp(Timestamp::default().plus_days(days).0 + passed)
    }

    fn random(&self) -> u64 {
        // An odd factor makes a permutation: scattered like chance, and never twice the same.
        self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(Instant::now() + Duration::from_millis(millis)))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.lock().unwrap().push(tokio::spawn(task));
    }
}

/// Decides by what the test says now.
#[derive(Default)]
pub(crate) struct Switch(Mutex<Option<Box<Decide>>>);

type Decide = dyn FnMut(&'static str) -> Fault + Send;

impl Switch {
    /// From now on requests meet what `decide` says, by the name of their operation.
    pub(crate) fn set(&self, decide: impl FnMut(&'static str) -> Fault + Send + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(decide));
    }

    /// From now on every request of these names meets `fault`.
    pub(crate) fn always(&self, names: &'static [&'static str], fault: Fault) {
        self.set(move |name| if names.contains(&name) { fault } else { Fault::None });
    }

    /// The next request of this name meets `fault`, and no later one.
    pub(crate) fn once(&self, name: &'static str, fault: Fault) {
        let mut due = true;
        self.set(move |next| if next == name && std::mem::take(&mut due) { fault } else { Fault::None });
    }

    /// From now on nothing fails.
    pub(crate) fn heal(&self) {
        *self.0.lock().unwrap() = None;
    }
}

impl Faults for Switch {
    fn next(&self, operation: &'static str) -> Fault {
        self.0.lock().unwrap().as_mut().map_or(Fault::None, |decide| decide(operation))
    }
}

/// A shop with one node, which sells A to J.
pub(crate) struct World {
    pub(crate) path: WritePath,
    pub(crate) service: Arc<Service>,
    /// Below faults and gate.
    pub(crate) stores: Stores,
    pub(crate) faults: Arc<Switch>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) environment: Arc<TestEnvironment>,
}

impl World {
    pub(crate) async fn new(path: WritePath) -> Self {
        Self::with(path, |_| ()).await
    }

    /// A shop that decided otherwise.
    pub(crate) async fn with(path: WritePath, decide: impl FnOnce(&mut Settings)) -> Self {
        Self::open(memory::open(path), path, decide).await
    }

    /// A shop whose stores are what is made of those in memory.
    pub(crate) async fn over(path: WritePath, make: impl FnOnce(Stores) -> Stores) -> Self {
        Self::open(make(memory::open(path)), path, |_| ()).await
    }

    async fn open(stores: Stores, path: WritePath, decide: impl FnOnce(&mut Settings)) -> Self {
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
    pub(crate) fn another_node(&self) -> Arc<Service> {
        self.another_node_with(|_| ())
    }

    /// Another node over the same stores, where the shop decided otherwise.
    pub(crate) fn another_node_with(&self, decide: impl FnOnce(&mut Settings)) -> Arc<Service> {
        let mut settings = self.service.settings().clone();
        decide(&mut settings);
        let shaky = faulty(self.gate.again(self.stores.clone()), self.faults.clone());
        node(shaky, settings, self.environment.clone())
    }

    /// Milliseconds on the clock.
    pub(crate) fn now_ms(&self) -> u64 {
        self.environment.now().0
    }

    /// A shopper without an account, with a token of their own.
    pub(crate) fn guest(&self) -> Shopper {
        let token = self.service.open_session();
        Shopper::of(&self.service, Principal::Guest(token))
    }

    /// A shopper who is logged in.
    pub(crate) fn account(&self, subject: &str) -> Shopper {
        Shopper::of(&self.service, Principal::Account { subject: subject.into() })
    }
}

fn node(stores: Stores, settings: Settings, environment: Arc<TestEnvironment>) -> Arc<Service> {
    Service::new(stores, Owner::new("local", 1), settings, ShopKey([9; 32]), environment)
}

pub(crate) fn new_item(sku: &str, amount: i64) -> NewItem {
    let currency = Currency::parse("GBP").unwrap();
    let price = Money::price(amount, currency);
    let item = Item { title: sku.into(), price, ..Item::unknown(Timestamp(1)) };
    NewItem { sku: Sku::parse(sku).unwrap(), revision: None, item, attributes: Texts::default() }
}

/// Somebody who shops through one node.
#[derive(Clone)]
pub(crate) struct Shopper {
    pub(crate) service: Arc<Service>,
    pub(crate) address: CartAddress,
    pub(crate) conditions: Conditions,
}

pub(crate) type Answered = Result<CartAnswer, ServiceError>;

impl Shopper {
    fn of(service: &Arc<Service>, principal: Principal) -> Self {
        let address = CartAddress::Own { principal, name: service::sessions::ACTIVE.into() };
        Self { service: service.clone(), address, conditions: Conditions::default() }
    }

    /// The same shopper at another node.
    pub(crate) fn at(&self, service: &Arc<Service>) -> Self {
        Self { service: service.clone(), ..self.clone() }
    }

    /// The same shopper, demanding something.
    pub(crate) fn demanding(&self, conditions: Conditions) -> Self {
        Self { conditions, ..self.clone() }
    }

    /// The same shopper with another guest token.
    pub(crate) fn holding(&self, token: GuestToken) -> Self {
        let address =
            CartAddress::Own { principal: Principal::Guest(token), name: service::sessions::ACTIVE.into() };
        Self { address, ..self.clone() }
    }

    /// The guest's token.
    pub(crate) fn token(&self) -> GuestToken {
        match &self.address {
            CartAddress::Own { principal: Principal::Guest(token), .. } => *token,
            other => panic!("no guest: {other:?}"),
        }
    }

    pub(crate) async fn read(&self) -> CartAnswer {
        self.service.read_own(&self.address, &self.conditions.presented).await.unwrap()
    }

    /// The cart's id.
    pub(crate) async fn cart(&self) -> CartId {
        self.read().await.cart
    }

    pub(crate) async fn change_as(&self, identity: &Identity, change: Change) -> Answered {
        let request = Request { address: &self.address, identity, conditions: &self.conditions };
        self.service.change(&request, change).await
    }

    pub(crate) async fn change(&self, change: Change) -> Answered {
        self.change_as(&Identity::Unnamed, change).await
    }

    /// Adds units of a SKU; must succeed.
    pub(crate) async fn add(&self, sku: &str, quantity: u32) -> CartAnswer {
        self.change(add(sku, quantity)).await.unwrap()
    }

    /// What the shopper sees now.
    pub(crate) async fn shows(&self) -> String {
        shown(&self.read().await)
    }
}

/// The change that adds units of a SKU.
pub(crate) fn add(sku: &str, quantity: u32) -> Change {
    let quantity = Quantity::new(quantity).unwrap();
    Change::Add(AddRequest { line: line(sku), quantity, attributes: None, quote: None })
}

/// The line of a SKU without options.
pub(crate) fn line(sku: &str) -> Line {
    Line::new(Sku::parse(sku).unwrap(), Texts::default(), None).unwrap()
}

/// The public id of a SKU's line in the cart.
pub(crate) fn in_cart(sku: &str) -> LineId {
    LineId { key: line(sku).key(), list: List::Cart }
}

/// A change of a SKU's line in the cart list.
pub(crate) fn line_change(sku: &str, operation: LineOperation, seen: Option<Seen>) -> Change {
    Change::Line(LineChange { line: in_cart(sku), seen, operation })
}

pub(crate) fn set(sku: &str, to: u32, seen: Option<Seen>) -> Change {
    line_change(sku, LineOperation::Set(Target::new(to).unwrap()), seen)
}

pub(crate) fn remove(sku: &str, seen: Option<Seen>) -> Change {
    line_change(sku, LineOperation::Remove, seen)
}

pub(crate) fn save_for_later(sku: &str, seen: Option<Seen>) -> Change {
    line_change(sku, LineOperation::Move(List::Saved), seen)
}

/// What an answer showed of a line, as its token says it.
pub(crate) fn seen(answer: &CartAnswer, sku: &str) -> Option<Seen> {
    let key = line(sku).key();
    Some(Seen::of_line(answer.cart, &answer.state, key, answer.now.day()))
}

/// What an answer shows of the whole cart.
pub(crate) fn seen_whole(answer: &CartAnswer) -> Option<Seen> {
    Some(Seen::of_cart(answer.cart, &answer.state, answer.now.day()))
}

/// An idempotency key with a payload.
pub(crate) fn key(key: &str, payload: &str) -> Identity {
    Identity::Key { key: key.into(), payload: payload.into(), first_addressed: None }
}

/// The number that a client counted to, on its writer drawn today.
pub(crate) fn client(random: u64, seq: u32) -> Identity {
    Identity::Client(Dot::new(WriterId::client(TODAY, random), seq))
}

/// An answer's cart as text: `A 2, B 1 | saved C 1`.
pub(crate) fn shown(answer: &CartAnswer) -> String {
    let view = answer.view();
    let list = |lines: &[cart::view::ViewLine]| {
        let lines: BTreeMap<_, _> =
            lines.iter().map(|line| (line.line.sku().to_string(), line.quantity)).collect();
        lines.iter().map(|(sku, units)| format!("{sku} {units}")).collect::<Vec<_>>().join(", ")
    };
    let saved = list(&view.saved);
    if saved.is_empty() { list(&view.lines) } else { format!("{} | saved {saved}", list(&view.lines)) }
}
