//! Checkouts without HTTP: one SKU that everybody wants, first with plenty of it, then with too little.
//!
//! The whole service is called in process, over the embedded engine with its defaults, so that every write is synced.
//! Carts are filled before the clock starts; a checkout is timed from its call to its answer, at which it is an order
//! that the cart shows. What always holds: sold are as many as there are, and as many as were told so; else it is an
//! error and no figure. It is no ratio and no figure of the table: nothing else on this machine does the same.

mod buyers;

use crate::row::{Latency, rate};
use anyhow::{Context, Result, ensure};
use buyers::{Buyers, Sold};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// Words of `bench flash-sale`.
#[derive(Args, Clone, Debug)]
pub(crate) struct FlashSaleArgs {
    /// A new folder for its data
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Buyers of the sale, and of the time before it, when there is plenty
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    buyers: usize,
    /// Units of the sale
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    units: u64,
    /// Parts of the stock that sell at once
    #[arg(long, value_name = "N", default_value_t = 8)]
    buckets: u16,
    /// Buyers under way at once
    #[arg(long, value_name = "N", default_value_t = 64)]
    at_once: usize,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FlashSale {
    /// Parts of the stock.
    pub(crate) buckets: u16,
    /// Buyers under way at once.
    pub(crate) at_once: usize,
    /// With a unit for everybody.
    pub(crate) plenty: Part,
    /// With too few.
    pub(crate) sale: Part,
}

/// One of both.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Buyers, each of whom wants one unit.
    pub(crate) buyers: usize,
    /// Units that there were.
    pub(crate) units: u64,
    /// Orders.
    pub(crate) sold: u64,
    /// Orders in a second, until the last of them.
    pub(crate) sold_per_second: f64,
    /// Checkouts answered in a second, refusals and repetitions among them.
    pub(crate) answered_per_second: f64,
    /// Of the checkouts that became an order.
    pub(crate) latency: Latency,
}

const SMOKE_BUYERS: usize = 300;
const SMOKE_UNITS: u64 = 30;

/// Runs it in this process, and says what was seen on standard output.
#[expect(clippy::print_stdout, reason = "how the parent is told")]
pub(crate) fn run(args: &FlashSaleArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let seen = runtime.block_on(async {
        let shop = Buyers::open(&args.data, args.buckets).await?;
        let plenty = part(&shop, "PLENTY", args, args.buyers as u64).await?;
        let sale = part(&shop, "SALE", args, args.units).await?;
        anyhow::Ok(FlashSale { buckets: args.buckets, at_once: args.at_once, plenty, sale })
    })?;
    println!("{}", serde_json::to_string(&seen)?);
    Ok(())
}

async fn part(shop: &Buyers, sku: &'static str, args: &FlashSaleArgs, units: u64) -> Result<Part> {
    let carts = shop.fill_carts(sku, args.buyers).await?;
    shop.stock(sku, units).await?;
    let Sold { latency_us, answered, until_last, elapsed } = shop.sell(sku, carts, args.at_once).await?;
    let sold = latency_us.len();
    let level = shop.level(sku).await?;
    ensure!(
        level.sold == sold && sold == units.min(args.buyers as u64) && level.held == 0,
        "{sold} buyers were told that they have it, and the stock of `{sku}` is {level:?}"
    );
    Ok(Part {
        buyers: args.buyers,
        units,
        sold,
        sold_per_second: rate(sold, until_last),
        answered_per_second: rate(answered, elapsed),
        latency: Latency { curve: Vec::new(), ..Latency::of(&latency_us) },
    })
}

/// The parent's end: a process of its own, in a folder of its own.
pub(crate) fn measure(folder: &Path, is_smoke: bool) -> Result<FlashSale> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["flash-sale", "--data"]).arg(folder.join("flash-sale"));
    if is_smoke {
        command.args(["--buyers", &SMOKE_BUYERS.to_string(), "--units", &SMOKE_UNITS.to_string()]);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "it ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("its output is not understood")
}

impl FlashSale {
    /// In the words of the report.
    pub(crate) fn told(&self) -> String {
        let Self { buckets, at_once, plenty, sale } = self;
        let Latency { p50_ms, p99_ms, max_ms, .. } = &plenty.latency;
        format!(
            "Checkout in process, one SKU in {buckets} parts, {at_once} buyers at once, every write synced: {:.0} orders/s \
             with plenty of it (ms p50 {p50_ms:.1} p99 {p99_ms:.1} max {max_ms:.1}). Flash sale: {} buyers who ask twice, \
             {} units: {} sold at {:.0}/s, {:.0} checkouts answered a second, ms p99 {:.1}.",
            plenty.sold_per_second,
            sale.buyers,
            sale.units,
            sale.sold,
            sale.sold_per_second,
            sale.answered_per_second,
            sale.latency.p99_ms,
        )
    }
}

/// Nobody waits longer than this for a decision.
const DECIDED_MAX: Duration = Duration::from_secs(60);
