//! Evercart beside the yardsticks of the machine it runs on.
//!
//! Here so far: the yardstick `hello` and the closed loop against it. Absent so far: evercart itself, the other
//! yardsticks, and the report.

mod hello;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use gameday::load::{Pace, Plan, Source, run};
use std::{net::SocketAddr, time::Duration};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Evercart beside the yardsticks of the machine it runs on")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the smallest answer, for others to be measured against
    Hello {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
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

struct Get;

impl Source for Get {
    fn next(&mut self, request: &mut Vec<u8>) -> usize {
        request.extend_from_slice(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n");
        0
    }
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Hello { listen } => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(hello::serve(listen))
        }
        Command::Closed { address, seconds, connections } => closed(address, seconds, connections),
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn closed(address: SocketAddr, seconds: u64, connections: usize) -> Result<()> {
    ensure!(address.ip().is_loopback(), "`{address}` is another machine: load goes to loopback only");
    let duration = Duration::from_secs(seconds);
    let recording = run(Plan { address, connections, duration, pace: Pace::Closed, kinds: 1 }, Get)?;
    ensure!(recording.failed() == 0, "{} requests failed", recording.failed());
    let latency = &recording.kinds[0].latency_us;
    let at = |quantile| latency.value_at_quantile(quantile);
    println!("{:.0}/s, us p50 {} p99 {} max {}", recording.per_second(), at(0.5), at(0.99), latency.max());
    Ok(())
}
