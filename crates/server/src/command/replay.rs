//! `evercart replay`: real shopping, from a file, against a running server, and a comparison to the penny.
//!
//! Always holds: the replay speaks HTTP only, so that it proves what any client would see; nothing of the file is left
//! out without a rule and a count. Deliberately absent: how a server is started and how tokens are made
//! ([`Surroundings`]), and printing: the caller prints the [`ReplayReport`].

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use reqwest::Url;

mod api;
mod args;
mod catalogue;
mod census;
mod client;
mod drive;
mod invoice;
mod known;
mod meter;
mod pence;
mod plan;
mod progress;
mod report;
mod returns;
mod sales;
mod schedule;
mod shop;
mod verify;
mod wire;

#[cfg(test)]
mod stub;
#[cfg(test)]
mod tests;

use catalogue::Catalogue;
use census::Census;
use client::{CallError, Client, Patience};
use drive::{EndCheck, Outcome, Pace};
use meter::Meters;
use plan::Visit;
use progress::Progress;
use report::{Figures, Orders};
use returns::{Purchases, ReturnsCensus};
use sales::Sales;
use shop::{Shelves, Shop, Tokens};

pub use args::{OnlineRetailArgs, ReplayArgs, Source};
pub use invoice::FileError;
pub use plan::AmountError;
pub use report::ReplayReport;

/// What the replay needs of the program around it.
pub trait Surroundings: Send + Sync + 'static {
    /// A token of a shopper with this subject, by the keys in a data directory.
    fn shopper_token(&self, data: &Path, subject: &str) -> anyhow::Result<String>;
    /// A service token with these scopes, by the keys in a data directory.
    fn service_token(&self, data: &Path, scopes: &[&str]) -> anyhow::Result<String>;
    /// Starts a server of its own on a data directory, ready when this returns.
    fn start_server(&self, data: &Path) -> impl Future<Output = anyhow::Result<OwnServer>> + Send;
}

/// A server that was started for the replay.
pub struct OwnServer {
    /// Where it listens.
    pub url: Url,
    /// Stops it, once polled.
    pub stop: BoxFuture<'static, ()>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be replayed.
    #[error("`{}` cannot be replayed", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
    /// The file's amounts are out of range.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// Nothing in the file is bought.
    #[error("`{}` has no invoice that buys anything", .path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// There is no server, or no token for it.
    #[error("{what}")]
    Surroundings {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: anyhow::Error,
    },
}

impl ReplayError {
    fn surroundings(what: &'static str, source: impl Into<anyhow::Error>) -> Self {
        Self::Surroundings { what, source: source.into() }
    }
}

/// Replays a file; an interrupt (Ctrl-C) ends it early with a report of what was done.
pub async fn run(
    args: ReplayArgs,
    surroundings: Arc<impl Surroundings>,
) -> Result<ReplayReport, ReplayError> {
    let Source::OnlineRetail(args) = args.source;
    let interrupt = async {
        // Where no interrupt can be caught, none is waited for: the system ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    replay(args, surroundings, Patience::default(), interrupt).await
}

/// Finds or starts the server, replays against it, and stops what was started.
async fn replay(
    args: OnlineRetailArgs,
    surroundings: Arc<impl Surroundings>,
    patience: Patience,
    interrupt: impl Future<Output = ()>,
) -> Result<ReplayReport, ReplayError> {
    let work = Work::read(&args)?;
    let Some(url) = args.url.clone() else {
        let failed = |source| ReplayError::surroundings("a server cannot be started", source);
        let directory = tempfile::tempdir().map_err(|error| failed(error.into()))?;
        let server = surroundings.start_server(directory.path()).await.map_err(failed)?;
        let data = directory.path().to_owned();
        let shop = shop(server.url.clone(), data, &args, surroundings, patience);
        let report = match shop {
            Ok(shop) => Ok(work.replay(shop, &args, interrupt).await),
            Err(error) => Err(error),
        };
        server.stop.await;
        return report;
    };
    let shop = shop(url, args.data.clone(), &args, surroundings, patience)?;
    Ok(work.replay(shop, &args, interrupt).await)
}

/// What the replay does as a service of the shop.
const SCOPES: &[&str] = &["catalog", "carts", "inventory", "orders"];

/// The server at `url` as the replay sees it.
fn shop(
    url: Url,
    data: PathBuf,
    args: &OnlineRetailArgs,
    surroundings: Arc<impl Surroundings>,
    patience: Patience,
) -> Result<Arc<Shop>, ReplayError> {
    let service = surroundings
        .service_token(&data, SCOPES)
        .map_err(|source| ReplayError::surroundings("no service token can be issued", source))?;
    let shopper = Box::new(move |subject: &str| surroundings.shopper_token(&data, subject));
    let no_client = "no HTTP client can be built";
    let meters = Meters::new().map_err(|source| ReplayError::surroundings(no_client, source))?;
    let client = Client::new(url, args.concurrency, patience, meters)
        .map_err(|source| ReplayError::surroundings(no_client, source))?;
    let tokens = Tokens { shopper, service };
    Ok(Arc::new(Shop { client, tokens, seed: rand::random(), sells: !args.no_checkout }))
}

/// Everything that is to be replayed.
struct Work {
    census: Census,
    catalogue: Catalogue,
    visits: Vec<Visit>,
    /// What the replayed invoices sell, and what comes back of it.
    sales: Sales,
    returns: ReturnsCensus,
}

impl Work {
    fn read(args: &OnlineRetailArgs) -> Result<Self, ReplayError> {
        let path = || args.file.clone();
        let invoices =
            invoice::read(&args.file).map_err(|source| ReplayError::File { path: path(), source })?;
        let catalogue = catalogue::of(&invoices);
        let (mut visits, mut sales, mut purchases) = (Vec::new(), Sales::default(), Purchases::default());
        let mut left = args.invoices.unwrap_or(usize::MAX);
        for invoice in &invoices {
            if !args.no_checkout {
                visits.extend(purchases.take_back(invoice));
            }
            let Some(visit) = plan::of(invoice, &catalogue, plan::CART_LINES_MAX)? else { continue };
            let Some(less) = left.checked_sub(1) else { break };
            left = less;
            purchases.buy(&visit);
            sales.add_invoice(invoice);
            visits.push(visit);
        }
        if !visits.iter().any(Visit::shops) {
            return Err(ReplayError::Empty { path: path() });
        }
        Ok(Self { census: census::of(&invoices), catalogue, visits, sales, returns: purchases.census })
    }

    /// Stocks the shop, shops, checks what is left, and reports.
    async fn replay(
        self,
        shop: Arc<Shop>,
        args: &OnlineRetailArgs,
        interrupt: impl Future<Output = ()>,
    ) -> ReplayReport {
        let mut interrupt = pin!(interrupt);
        let mut figures = self.figures(&shop, args);
        let Self { census, catalogue, visits, sales, returns } = self;
        let mut outcome = Outcome::default();
        let mut end = EndCheck::default();
        let mut orders = shop.sells.then(|| Orders::new(&sales, &returns, figures.carts_planned));
        let opened = open(&shop, &catalogue, &sales, args.concurrency).await;
        let failures = match opened {
            Ok((before, failures)) => {
                let operations = shop.client.meters.operations();
                let started = Instant::now();
                let pace = Pace { concurrency: args.concurrency, speed: args.speed };
                let progress = Progress::new(figures.invoices_planned, args.json);
                let tell = |outcome: &Outcome| progress.tell(outcome);
                outcome = drive::shop_all(&shop, visits, pace, interrupt.as_mut(), tell).await;
                progress.end();
                figures.timed(started.elapsed().as_secs_f64(), shop.client.meters.operations() - operations);
                if outcome.ended_early.is_none() {
                    end = drive::check_the_end(&shop, &mut outcome, args.concurrency, interrupt).await;
                }
                if let Some(orders) = orders.as_mut().filter(|_| outcome.ended_early.is_none()) {
                    let after = shop.count_shelves(&before, &sales, &returns.by_item, args.concurrency).await;
                    orders.close(&sales, &returns, &end.books, &before, after);
                }
                failures
            }
            Err((why, error)) => {
                outcome.ended_early = Some(why.to_owned());
                vec![error.to_string()]
            }
        };
        let meters = &shop.client.meters;
        ReplayReport::of(&census, figures, meters, &outcome, &end, orders, failures)
    }

    fn figures(&self, shop: &Shop, args: &OnlineRetailArgs) -> Figures {
        let carts = || self.visits.iter().flat_map(|visit| &visit.carts);
        Figures {
            concurrency: args.concurrency,
            speed: args.speed,
            seed: format!("{:016x}", shop.seed),
            catalogue_items: self.catalogue.len() as u64,
            invoices_planned: self.visits.iter().filter(|visit| visit.shops()).count() as u64,
            carts_planned: carts().count() as u64,
            adds_planned: carts().map(|cart| cart.adds.len() as u64).sum(),
            ..Figures::default()
        }
    }
}

/// Puts the catalogue on the server, and on the shelves what is sold; returns what was there before, and in words what
/// was not stored.
async fn open(
    shop: &Shop,
    catalogue: &Catalogue,
    sales: &Sales,
    concurrency: usize,
) -> Result<(Shelves, Vec<String>), (&'static str, CallError)> {
    let mut failures =
        shop.stock(catalogue).await.map_err(|error| ("the catalogue was not stored", error))?;
    if !shop.sells {
        return Ok((Shelves::new(), failures));
    }
    let filled = shop.fill_shelves(sales, concurrency).await;
    let (before, unfilled) = filled.map_err(|error| ("the stock was not stored", error))?;
    failures.extend(unfilled);
    Ok((before, failures))
}
