//! `evercart restore DIR`: a data directory from a backup. No server runs on it yet.

use super::{place::Place, terminal::grouped};
use crate::{
    backup::restore::{Restore, restore},
    config::engine::EngineKind,
};
use anyhow::bail;
use clap::Args;
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `evercart restore`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart restore /backups/shop --data evercart-data\n\n\
    Every file is checked first; a backup that is not whole is refused, and so is a data directory that is not empty.\n\
    What was done after the backup is gone, erasures, revoked tokens and retired keys included: do those again.\n\
    Clients that present the receipts of their changes have them back for 7 days.")]
pub(super) struct RestoreArgs {
    /// The folder of the backup.
    directory: PathBuf,
    /// Take a backup that is more than 30 days old: things that were removed may come back.
    #[arg(long)]
    accept_old: bool,
    #[command(flatten)]
    place: Place,
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) async fn run(args: RestoreArgs) -> anyhow::Result<ExitCode> {
    let config = args.place.global.load()?;
    if config.engine != EngineKind::Embedded {
        bail!(
            "the engine is `{}`: restore that with its own tools, and then run `evercart engine renew`",
            config.engine.as_str()
        );
    }
    let options = config.store.options();
    let (from, data) = (args.directory, args.place.data()?);
    let asked = Restore { from, data: data.clone(), options, accept_old: args.accept_old };
    let restored = restore(asked).await?;
    if args.place.json {
        println!("{}", serde_json::to_string(&restored)?);
    } else {
        let (carts, made_at) = (grouped(restored.carts), &restored.made_at);
        println!("{carts} carts of {made_at} in `{}`, incarnation {}", data.display(), restored.incarnation);
    }
    Ok(ExitCode::SUCCESS)
}
