//! The project's own chores, one subcommand each: `cargo xtask help`.
//!
//! Nothing here ships: this binary checks, runs and measures the workspace it stands in. A subcommand that fails says
//! what to run to see the failure alone, and exits 1.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool whose output is its product; there is no log to write to"
)]

mod bench;
mod ci;
mod crash_test;
mod data_test;
mod deny;
mod engines;
mod invocation;
mod layers;
mod live_server;
mod promtool;
mod release;
mod replay;
mod schemathesis;
mod tally;
mod tidy;
mod tools;
mod typescript;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The chores of evercart")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check, as CI does; the last line counts the tests
    Ci {
        /// Also run the property tests with many more cases
        #[arg(long)]
        long: bool,
    },
    /// Check the house rules that a machine can check
    Tidy,
    /// Check which crate may depend on which
    Layers,
    /// Check the licences and sources of every dependency (installs cargo-deny into target/tools)
    Deny,
    /// Let schemathesis compare a running server with its OpenAPI document (wants python3)
    Schemathesis,
    /// Generate a TypeScript client from the document and use it against a running server (wants node and npm)
    Typescript,
    /// Let promtool read the metrics of a running server (wants promtool, or apt-get)
    Promtool,
    /// Kill, fill, damage, stop and mislead the release server, and compare every cart
    CrashTest {
        /// More rounds of everything
        #[arg(long)]
        long: bool,
        /// Further words for `gameday crash-test`, such as `--scenario kill --seed 7`
        #[arg(last = true)]
        words: Vec<String>,
    },
    /// Measure evercart beside the yardsticks of this machine, into target/bench/report.md (wants redis-server)
    Bench {
        /// Everything in seconds, to see that it works
        #[arg(long)]
        smoke: bool,
        /// Carts in the shop
        #[arg(long, value_name = "N", default_value_t = 1_000_000)]
        carts: u64,
        /// Measure these figures alone
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        only: Vec<String>,
        /// Seconds of the open loop
        #[arg(long, value_name = "S", default_value_t = 600)]
        seconds: u64,
    },
    /// Real servers of the storage engines, left running: PostgreSQL, Redis, DynamoDB Local, Cassandra
    Engines {
        #[command(subcommand)]
        action: engines::Action,
    },
    /// Replay the real data of `EVERCART_TEST_DATA` (default `../shared/data`) over HTTP and compare every cart
    DataTest,
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    let root = workspace::root()?;
    match command {
        Command::Ci { long } => ci::run(&root, *long),
        Command::Tidy => tidy::run(&root),
        Command::Layers => layers::run(&root),
        Command::Deny => deny::run(&root),
        Command::Schemathesis => schemathesis::run(&root),
        Command::Typescript => typescript::run(&root),
        Command::Promtool => promtool::run(&root),
        Command::CrashTest { long, words } => crash_test::run_with(&root, *long, words),
        Command::Bench { smoke, carts, only, seconds } => {
            let numbers = [("--carts", carts), ("--seconds", seconds)];
            let numbers = numbers.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_string()]);
            let only = only.iter().flat_map(|name| ["--only".to_owned(), name.clone()]);
            bench::run(&root, *smoke, &numbers.chain(only).collect::<Vec<_>>())
        }
        Command::Engines { action } => engines::run(&root, action),
        Command::DataTest => data_test::run(&root),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn help_has_a_line_for_every_command() {
        Cli::command().debug_assert();
        let silent: Vec<_> = Cli::command()
            .get_subcommands()
            .filter(|command| command.get_about().is_none())
            .map(|command| command.get_name().to_owned())
            .collect();
        assert!(silent.is_empty(), "without a line of help: {silent:?}");
    }
}
