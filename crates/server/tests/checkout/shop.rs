//! A shop with hooks: the server over its engine, the shop's own program, and shoppers with few words.

use crate::over;
use cart::{
    Timestamp,
    item::Item,
    line::{Line, Sku, Texts},
    money::{Currency, Money},
    quantity::Quantity,
};
use checkout::{TxId, stock::Change as StockMove};
use futures::future::BoxFuture;
use server::{
    config::{Config, checkout::Checkout},
    hooks,
    server::Server,
    wiring::World,
};
use service::{
    AddRequest, CartAddress, Conditions, Environment, Identity, Presented, Principal, Service, Settings,
    carts::{Change, Request},
    catalog::NewItem,
    checkout::{CheckoutError, CheckoutRequest, CheckoutSettings, Progress, Refusal},
    inventory::StockChange,
};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use storage::Owner;
use tempfile::TempDir;
use testkit::hooks::{HookServer, Rules, SECRET};

/// What every item costs.
pub(crate) const PRICE: i64 = 1_000;
/// Long enough for any sweep to be due: the shopper's time, and more.
pub(crate) const LATER_MS: u64 = 19 * 60_000;
/// How long a state is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type Bought = Result<Progress, Refusal>;

/// A running shop that sells A and B, with 100 of A.
pub(crate) struct Shop {
    pub(crate) hooks: HookServer,
    server: Server,
    settings: Checkout,
    folder: TempDir,
}

/// Settings under which both hooks are asked at `url`, for as long as a busy machine may need.
pub(crate) fn asking(url: &str) -> Checkout {
    Checkout {
        payment_url: url.to_owned(),
        payment_secret: SECRET.into(),
        price_url: url.to_owned(),
        price_secret: SECRET.into(),
        hook_timeout_ms: 20_000,
        ..Checkout::default()
    }
}

impl Shop {
    pub(crate) async fn open(rules: Rules) -> Self {
        Self::with(rules, |_| ()).await
    }

    /// A shop that decided otherwise.
    pub(crate) async fn with(rules: Rules, decide: impl FnOnce(&mut Checkout)) -> Self {
        let hooks = HookServer::on_any_port(rules).await.unwrap();
        let mut settings = asking(&hooks.url());
        decide(&mut settings);
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path().to_owned(), settings.clone()).await;
        let shop = Self { hooks, server, settings, folder };
        shop.service().put_items(vec![item("A"), item("B")]).await.unwrap();
        let (change, sku) = (StockMove::Restock(100), Sku::parse("A").unwrap());
        let delivery = StockChange { sku, change, reason: "delivery".into(), key: "d".into() };
        shop.service().change_stock(&delivery).await.unwrap();
        shop
    }

    /// The same shop after a stop and a start.
    pub(crate) async fn restart(self) -> Self {
        let Self { hooks, server, settings, folder } = self;
        server.stop().await;
        let server = start(folder.path().to_owned(), settings.clone()).await;
        Self { hooks, server, settings, folder }
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.server.state().service
    }

    /// Somebody with so many of A in their cart.
    pub(crate) async fn shopper(&self, name: &str, quantity: u32) -> Shopper<'_> {
        let shopper = self.somebody(name);
        shopper.add("A", quantity).await;
        shopper
    }

    /// Somebody who has an account.
    pub(crate) fn somebody(&self, name: &str) -> Shopper<'_> {
        let principal = Principal::Account { subject: name.into() };
        let address = CartAddress::Own { principal, name: service::sessions::ACTIVE.into() };
        Shopper { shop: self, address }
    }

    /// Units of A: held, and sold.
    pub(crate) async fn stock(&self) -> (u64, u64) {
        let level = self.service().stock_level(&Sku::parse("A").unwrap()).await.unwrap().unwrap();
        (level.held, level.sold)
    }

    /// K6, and stock with it: sooner or later money is set aside for `orders` and nothing else, and nothing is held. A
    /// node whose clock is `later_ms` ahead sweeps, because what is left half-way has its time.
    pub(crate) async fn settles(&self, orders: &[TxId], later_ms: u64) {
        let node = self.node_ahead(later_ms);
        let expected: BTreeSet<String> = orders.iter().map(ToString::to_string).collect();
        let begun = Instant::now();
        loop {
            node.sweep().await.unwrap();
            let set_aside: BTreeSet<String> = self.hooks.purse().set_aside().into_keys().collect();
            let (held, _) = self.stock().await;
            if set_aside == expected && held == 0 {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "set aside {set_aside:?} for {expected:?}, held {held}");
            World.sleep(20).await;
        }
    }

    /// Another node over the same stores.
    fn node_ahead(&self, later_ms: u64) -> Arc<Service> {
        let mut settings = Settings::new(gbp());
        let payments = hooks::payments(&Checkout { payment_url: self.hooks.url(), ..self.settings.clone() });
        settings.checkout = CheckoutSettings { payments: payments.unwrap(), ..CheckoutSettings::default() };
        let (stores, owner) = (self.service().stores().clone(), Owner::new("local", 1));
        Service::new(stores, owner, settings, cart::id::ShopKey([7; 32]), Arc::new(Ahead(later_ms)))
    }
}

async fn start(data: PathBuf, checkout: Checkout) -> Server {
    let file = over::config_of(&data);
    let config = file.map_or_else(Config::default, |file| Config::load(Some(&file)).unwrap());
    let mut config = Config { data, checkout, ..config };
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    // A busy machine is not a catalogue that is away.
    config.catalog.wait_ms = 5_000;
    Server::start(config).await.unwrap()
}

pub(crate) fn gbp() -> Currency {
    Currency::parse("GBP").unwrap()
}

fn item(sku: &str) -> NewItem {
    let item = Item { title: sku.into(), price: Money::price(PRICE, gbp()), ..Item::unknown(Timestamp(1)) };
    NewItem { sku: Sku::parse(sku).unwrap(), revision: Some(1), item, attributes: Texts::default() }
}

/// Somebody who buys.
pub(crate) struct Shopper<'a> {
    shop: &'a Shop,
    pub(crate) address: CartAddress,
}

impl Shopper<'_> {
    pub(crate) async fn add(&self, sku: &str, quantity: u32) {
        let line = Line::new(Sku::parse(sku).unwrap(), Texts::default(), None).unwrap();
        let quantity = Quantity::new(quantity).unwrap();
        let change = Change::Add(AddRequest { line, quantity, attributes: None, quote: None });
        let (identity, conditions) = (Identity::Unnamed, Conditions::default());
        let request = Request { address: &self.address, identity: &identity, conditions: &conditions };
        self.shop.service().change(&request, change).await.unwrap();
    }

    /// Buys what the cart shows, for this total.
    pub(crate) async fn buy(&self, key: &str, total: i64) -> Bought {
        let request = CheckoutRequest {
            address: self.address.clone(),
            key: Some((key.to_owned(), total.to_le_bytes().to_vec())),
            accept_total: Some(Money { amount: total, currency: gbp() }),
            presented: Presented::default(),
        };
        told(self.shop.service().check_out(&request).await)
    }

    /// Goes on after having acted, or not.
    pub(crate) async fn confirm(&self, tx: TxId) -> Bought {
        told(self.shop.service().confirm_checkout(&self.address, tx).await)
    }

    /// Units in the cart.
    pub(crate) async fn units(&self) -> u64 {
        let answer = self.shop.service().read_own(&self.address, &Presented::default()).await.unwrap();
        answer.view().lines.iter().map(|line| line.quantity).sum()
    }
}

fn told<T>(answer: Result<(Progress, T), CheckoutError>) -> Bought {
    match answer {
        Ok((progress, _)) => Ok(progress),
        Err(CheckoutError::Refused(refused)) => Err(refused.0),
        Err(CheckoutError::Service(error)) => panic!("{error}"),
    }
}

/// The real world, some time later.
struct Ahead(u64);

impl Environment for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp(World.now().0 + self.0)
    }

    fn random(&self) -> u64 {
        World.random()
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        World.sleep(millis)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        World.spawn(task);
    }
}
