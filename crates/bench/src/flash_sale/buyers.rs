//! Buyers of one unit each: guests with a filled cart, who ask again under the same key.

use super::DECIDED_MAX;
use anyhow::{Context, Result, bail, ensure};
use cart::{
    Timestamp,
    item::Item,
    line::{Line, Sku, Texts},
    money::Money,
    quantity::Quantity,
    token::GuestToken,
};
use checkout::stock::Change;
use hdrhistogram::Histogram;
use server::{config::Config, wiring};
use service::{
    AddRequest, CartAddress, Conditions, Identity, Presented, Principal, Service, carts,
    catalog::NewItem,
    checkout::{CheckoutError, CheckoutRequest, Refusal, State},
    inventory::{Level, ShelfChange, StockChange},
    sessions::ACTIVE,
};
use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

const PRICE: i64 = 255;
/// Buyers who fill their carts at once.
const FILLING: usize = 256;

/// A shop and those who buy there.
pub(super) struct Buyers {
    wired: wiring::Wired,
    buckets: u16,
}

/// What was sold, and how.
pub(super) struct Sold {
    /// Of each order.
    pub(super) latency_us: Histogram<u64>,
    /// Checkouts.
    pub(super) answered: u64,
    /// From the first to the last order.
    pub(super) until_last: Duration,
    /// All of it.
    pub(super) elapsed: Duration,
}

impl Buyers {
    /// A new shop, wired as the server wires it.
    pub(super) async fn open(data: &Path, buckets: u16) -> Result<Self> {
        let config = Config { data: data.to_owned(), ..Config::default() };
        Ok(Self { wired: wiring::wire(&config).await?, buckets })
    }

    fn service(&self) -> &Arc<Service> {
        &self.wired.service
    }

    /// An item, and so many guests with one of it in the cart.
    pub(super) async fn fill_carts(&self, sku: &'static str, buyers: usize) -> Result<Vec<GuestToken>> {
        let currency = self.service().settings().currency;
        let item =
            Item { title: sku.into(), price: Money::price(PRICE, currency), ..Item::unknown(Timestamp(1)) };
        let item = NewItem { sku: named(sku)?, revision: None, item, attributes: Texts::default() };
        self.service().put_items(vec![item]).await?;
        let tokens: Arc<[GuestToken]> = (0..buyers).map(|_| self.service().open_session()).collect();
        let next = Arc::new(AtomicUsize::new(0));
        let filling = (0..FILLING).map(|_| {
            let (service, tokens, next) = (self.service().clone(), Arc::clone(&tokens), Arc::clone(&next));
            tokio::spawn(async move {
                while let Some(token) = tokens.get(next.fetch_add(1, Ordering::Relaxed)) {
                    add(&service, *token, sku).await?;
                }
                anyhow::Ok(())
            })
        });
        for filled in filling.collect::<Vec<_>>() {
            filled.await??;
        }
        Ok(tokens.to_vec())
    }

    /// So many units, split.
    pub(super) async fn stock(&self, sku: &'static str, units: u64) -> Result<()> {
        let change = Change::Restock(units);
        let (reason, key) = ("delivery".to_owned(), sku.to_owned());
        self.service().change_stock(&StockChange { sku: named(sku)?, change, reason, key }).await?;
        let shelf = ShelfChange { buckets: Some(self.buckets), limit: None };
        Ok(self.service().change_shelf(&named(sku)?, shelf).await?)
    }

    /// What the shop says that there is.
    pub(super) async fn level(&self, sku: &'static str) -> Result<Level> {
        self.service().stock_level(&named(sku)?).await?.context("the SKU is not tracked")
    }

    /// Lets all of them buy.
    pub(super) async fn sell(
        &self,
        sku: &'static str,
        carts: Vec<GuestToken>,
        at_once: usize,
    ) -> Result<Sold> {
        let (carts, next) = (Arc::<[GuestToken]>::from(carts), Arc::new(AtomicUsize::new(0)));
        let sold = Sold {
            latency_us: Histogram::new(3)?,
            answered: 0,
            until_last: Duration::ZERO,
            elapsed: Duration::ZERO,
        };
        let (sold, start) = (Arc::new(Mutex::new(sold)), Instant::now());
        let buying = (0..at_once).map(|_| {
            let (service, carts, next) = (self.service().clone(), Arc::clone(&carts), Arc::clone(&next));
            let sold = Arc::clone(&sold);
            tokio::spawn(async move {
                while let Some(token) = carts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let request = request(&service, *token, sku);
                    let asked = Instant::now();
                    let first = ask(&service, &request).await?;
                    let took = asked.elapsed();
                    // Everybody asks again, under the same key.
                    let again = ask(&service, &request).await?;
                    ensure!(first == again, "was told {first:?}, and then {again:?}");
                    let mut sold = sold.lock().unwrap_or_else(PoisonError::into_inner);
                    sold.answered += 2;
                    if first.is_some() {
                        sold.latency_us.record(u64::try_from(took.as_micros())?)?;
                        sold.until_last = start.elapsed();
                    }
                }
                anyhow::Ok(())
            })
        });
        for bought in buying.collect::<Vec<_>>() {
            bought.await??;
        }
        let sold = Arc::into_inner(sold).context("somebody still buys")?;
        let sold = sold.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Sold { elapsed: start.elapsed(), ..sold })
    }
}

fn named(sku: &str) -> Result<Sku> {
    Sku::parse(sku).ok_or_else(|| anyhow::anyhow!("no such SKU"))
}

fn address(token: GuestToken) -> CartAddress {
    CartAddress::Own { principal: Principal::Guest(token), name: ACTIVE.to_owned() }
}

async fn add(service: &Service, token: GuestToken, sku: &'static str) -> Result<()> {
    let line = Line::new(named(sku)?, Texts::default(), None).map_err(|_| anyhow::anyhow!("no such line"))?;
    let quantity = Quantity::new(1).context("no such quantity")?;
    let (address, conditions) = (address(token), Conditions::default());
    let request = carts::Request { address: &address, identity: &Identity::Unnamed, conditions: &conditions };
    let add = AddRequest { line, quantity, attributes: None, quote: None };
    service.change(&request, carts::Change::Add(add)).await?;
    Ok(())
}

fn request(service: &Service, token: GuestToken, sku: &str) -> CheckoutRequest {
    let total = Money { amount: PRICE, currency: service.settings().currency };
    CheckoutRequest {
        address: address(token),
        key: Some((format!("once {sku}"), Vec::new())),
        accept_total: Some(total),
        presented: Presented::default(),
    }
}

/// Asks until it is decided; the order, where it is one.
async fn ask(service: &Arc<Service>, request: &CheckoutRequest) -> Result<Option<checkout::TxId>> {
    let start = Instant::now();
    while start.elapsed() < DECIDED_MAX {
        match service.check_out(request).await {
            Ok((progress, _)) if progress.state == State::Committed => return Ok(Some(progress.order.tx)),
            Ok((progress, _)) => bail!("a checkout is {:?}", progress.state),
            Err(CheckoutError::Refused(refused)) => match refused.0 {
                Refusal::OutOfStock(_) | Refusal::Empty | Refusal::Aborted(_) => return Ok(None),
                Refusal::Busy(_) | Refusal::InProgress(_) | Refusal::Unavailable(_) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                other => bail!("a checkout was refused: {other:?}"),
            },
            Err(CheckoutError::Service(error)) => return Err(error.into()),
        }
    }
    bail!("a checkout was not decided within {} s", DECIDED_MAX.as_secs())
}
