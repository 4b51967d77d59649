//! Evercart beside the yardsticks of the machine it runs on.
//!
//! `bench report` starts both sides as child processes on loopback, gives them turns, and writes what it saw. What
//! always holds: figures are ratios of one run on one machine; everything that was started is ended.

mod args;
mod figures;
mod flash_sale;
mod ground;
mod half;
mod inside;
mod loading;
mod machine;
mod opening;
mod overload;
mod phases;
mod plot;
mod process;
mod report;
mod row;
mod run;
mod shop;
mod sizes;
mod workload;
mod yardstick;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use gameday::load::{Pace, Plan};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use workload::Smallest;
use yardstick::hello;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(about = "Evercart beside the yardsticks of the machine it runs on")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure evercart beside the yardsticks, and write the report
    Report(args::ReportArgs),
    /// Call the service or an engine in process, a turn for each line of standard input
    Inside(inside::InsideArgs),
    /// Check out in process, with plenty of stock and with too little
    FlashSale(flash_sale::FlashSaleArgs),
    /// Serve the smallest answer, for others to be measured against
    Hello {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Append what is posted to a journal in this folder, and answer once it is durable
        #[arg(long, value_name = "DIR")]
        journal: Option<PathBuf>,
    },
    /// Ask a server on loopback for one path, each connection as soon as it is answered
    Closed {
        /// Where it listens
        address: SocketAddr,
        /// Seconds of it
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Keep-alive connections
        #[arg(long, default_value_t = 64)]
        connections: usize,
    },
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Report(args) => report::run(&args),
        Command::Inside(args) => inside::run(&args),
        Command::FlashSale(args) => flash_sale::run(&args),
        Command::Hello { listen, journal } => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(hello::serve(listen, journal.as_deref()))
        }
        Command::Closed { address, seconds, connections } => closed(address, seconds, connections),
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn closed(address: SocketAddr, seconds: u64, connections: usize) -> Result<()> {
    ensure!(address.ip().is_loopback(), "`{address}` is another machine: load goes to loopback only");
    let duration = Duration::from_secs(seconds);
    let recording =
        gameday::load::run(Plan { address, connections, duration, pace: Pace::Closed, kinds: 1 }, Smallest)?;
    ensure!(recording.failed() == 0, "{} requests failed", recording.failed());
    let latency = &recording.kinds[0].latency_us;
    let at = |quantile| latency.value_at_quantile(quantile);
    println!("{:.0}/s, us p50 {} p99 {} max {}", recording.per_second(), at(0.5), at(0.99), latency.max());
    Ok(())
}
