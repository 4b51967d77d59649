//! The command `gameday`: what is done to a live server, from outside.

use std::hash::BuildHasher;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gameday::durability::{self, Options, Scenario};

#[derive(Debug, Parser)]
#[command(name = "gameday", about = "Load, faults and checkers against a live evercart")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Kill, fill, damage, stop and mislead a real server, and compare every cart with what it acknowledged
    #[command(
        after_help = "Example: gameday crash-test --binary target/release/evercart --scenario kill --long"
    )]
    CrashTest(CrashTest),
}

#[derive(Debug, Parser)]
struct CrashTest {
    /// The built server
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
    /// One scenario instead of all; can be given several times
    #[arg(long, value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// More rounds of everything
    #[arg(long)]
    long: bool,
    /// What chance starts from; the report says it
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Where to work, and where everything stays; a temporary folder that stays only where something is found
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Mount file systems right here: this process was started with mounts of its own
    #[arg(long, hide = true)]
    own_mounts: bool,
}

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command whose output is its product")]
async fn main() -> ExitCode {
    let Command::CrashTest(args) = Cli::parse().command;
    let seed = args.seed.unwrap_or_else(|| std::hash::RandomState::new().hash_one(0));
    let options = Options {
        binary: args.binary,
        scenarios: args.scenario,
        is_long: args.long,
        seed,
        folder: args.folder,
        is_quiet: args.json,
        has_own_mounts: args.own_mounts,
    };
    match durability::run(&options).await {
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        Ok(report) => {
            match serde_json::to_string_pretty(&report) {
                Ok(text) if args.json => println!("{text}"),
                _ => println!("{report}"),
            }
            if report.has_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}
