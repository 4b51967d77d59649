//! Shoppers without HTTP: tasks that call a store or the whole service in process, in a process of their own.
//!
//! The parent says on standard input how long a turn takes, and is told on standard output what was done in it. Between
//! turns nothing is asked. Operations are counted and not timed: at these rates a clock would be measured too.

pub(crate) mod asked;
mod engine;
mod whole;

use crate::{
    run::CONNECTIONS,
    workload::{self, Guests, Mix, Shoppers, Step},
};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use server::wiring::World;
use service::Environment as _;
use std::{
    io::BufRead,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// Words of `bench inside`.
#[derive(Args, Clone, Debug)]
pub(crate) struct InsideArgs {
    /// What is called
    what: What,
    /// Its data: a loaded directory of the service, a new one of the engine
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Carts in it
    #[arg(long, value_name = "N")]
    carts: u64,
}

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// The whole service over the embedded engine
    Whole,
    /// Fjall alone
    Engine,
}

/// What one turn did.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Done {
    /// Reads and adds.
    pub(crate) done: u64,
    /// Carts cleared.
    pub(crate) cleared: u64,
    /// From the first to the last of them.
    pub(crate) seconds: f64,
}

/// What shoppers can do.
trait Shop: Send + Sync + 'static {
    fn step(&self, step: Step) -> impl Future<Output = Result<()>> + Send;
}

/// Opens, says so, and gives a turn for each line on standard input, until that ends.
#[expect(clippy::print_stdout, reason = "how the parent is told")]
pub(crate) fn run(args: &InsideArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let guests = Arc::new(Guests::nameless(args.carts, &workload::unchecked_keys(), World.now()));
    let whole = (args.what == What::Whole).then(|| runtime.block_on(whole::Whole::open(&args.data)));
    let whole = whole.transpose()?.map(Arc::new);
    let engine = (args.what == What::Engine).then(|| engine::Engine::create(&args.data, args.carts));
    let engine = engine.transpose()?.map(Arc::new);
    println!("ready");
    for (line, round) in std::io::stdin().lock().lines().zip(1..) {
        let duration = Duration::from_millis(line?.trim().parse().context("not a number of milliseconds")?);
        let done = match (&whole, &engine) {
            (Some(whole), _) => runtime.block_on(turn(whole, &guests, round, duration))?,
            (_, Some(engine)) => runtime.block_on(turn(engine, &guests, round, duration))?,
            (None, None) => Done::default(),
        };
        println!("{}", serde_json::to_string(&done)?);
    }
    Ok(())
}

async fn turn<S: Shop>(shop: &Arc<S>, guests: &Arc<Guests>, round: u64, duration: Duration) -> Result<Done> {
    let start = Instant::now();
    let mut tasks = Vec::new();
    for task in 0..CONNECTIONS as u64 {
        let (shop, mut shoppers) = (Arc::clone(shop), Shoppers::new(guests, Mix::Mixed, round << 16 | task)?);
        tasks.push(tokio::spawn(async move {
            let mut done = Done::default();
            while start.elapsed() < duration {
                let step = shoppers.step();
                shop.step(step).await?;
                match step {
                    Step::Clear(_) => done.cleared += 1,
                    Step::Read(_) | Step::Add(..) => done.done += 1,
                }
            }
            anyhow::Ok(done)
        }));
    }
    let mut all = Done::default();
    for task in tasks {
        let done = task.await??;
        all = Done { done: all.done + done.done, cleared: all.cleared + done.cleared, ..all };
    }
    Ok(Done { seconds: start.elapsed().as_secs_f64(), ..all })
}
