//! `evercart engine`: makes and checks the tables of the engine that the configuration names, gives it a new incarnation
//! after a restore, and moves slots.

mod slots;

use super::GlobalArgs;
use crate::wiring::engine::{self, Report};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Arguments of `evercart engine`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evercart engine init --config shop.toml\n  evercart engine check --config shop.toml"
)]
pub(super) struct EngineArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make the tables, or bring those of an earlier release to this one. Doing it again changes nothing.
    #[command(after_help = "Example: evercart engine init --config shop.toml")]
    Init(Asked),
    /// Look whether a server could start: address, credentials, tables, and settings of the engine.
    #[command(after_help = "Example: evercart engine check --config shop.toml --json")]
    Check(Asked),
    /// Take a new incarnation, after a restore by the engine's own means and before the first server starts.
    #[command(after_help = "Example: evercart engine renew --config shop.toml\n\n\
        A backup is behind what was acknowledged: under the old incarnation what is written from now on would be taken \
        for what was lost. Checkouts are off until `evercart inventory recount`. `evercart restore` does this by itself.")]
    Renew(Asked),
    /// Move slots between the shards of PostgreSQL, while the shop goes on.
    MoveSlots(slots::MoveArgs),
    /// Delete what moves left at a shard of PostgreSQL: the rows of slots that are at another by now.
    ForgetSlots(slots::ForgetArgs),
}

#[derive(Debug, Args)]
struct Asked {
    #[command(flatten)]
    global: GlobalArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) async fn run(args: EngineArgs) -> anyhow::Result<ExitCode> {
    let (report, json) = match args.what {
        What::Init(asked) => (engine::init(&asked.global.load()?).await?, asked.json),
        What::Check(asked) => (engine::check(&asked.global.load()?).await?, asked.json),
        What::Renew(asked) => (engine::renew(&asked.global.load()?).await?, asked.json),
        What::MoveSlots(args) => return slots::move_slots(args).await,
        What::ForgetSlots(args) => return slots::forget_slots(args).await,
    };
    let Report { engine, found } = report;
    if json {
        println!("{}", serde_json::json!({"engine": engine, "found": found}));
    } else {
        found.iter().for_each(|line| println!("{engine}: {line}"));
    }
    Ok(ExitCode::SUCCESS)
}
