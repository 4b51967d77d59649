//! `evercart backup DIR`: a backup of a data directory, made by the server that has it open, or here where none has.

use super::{
    remote::{Remote, RemoteArgs},
    terminal::grouped,
};
use crate::{
    backup::{Source, Summary, back_up},
    config::{Config, engine::EngineKind},
    wiring::{incarnation, phase_0},
};
use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use storage_embedded::BackupProgress;

/// Arguments of `evercart backup`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart backup /backups/shop --data evercart-data\n\n\
    The shop goes on meanwhile. What is in the folder already is not copied again; one that is interrupted leaves the\n\
    backup before it. The key files are in it: whoever can read it can be anybody in the shop.\n\
    A running server writes below its own backup.directory only, and the folder is one of the server's machine.")]
pub(super) struct BackupArgs {
    /// The folder: empty, not there yet, or with an earlier backup of this shop.
    directory: PathBuf,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The path of backups.
const BACKUPS: &str = "/v1/admin/backups";
/// How often the server is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn run(args: BackupArgs) -> anyhow::Result<ExitCode> {
    let config = args.remote.config()?;
    let folder = std::path::absolute(&args.directory)?;
    let opened = if args.remote.names_server() { None } else { open(&config).await? };
    let made = match opened {
        Some(engine) => serde_json::to_value(here(&config, engine, folder.clone()).await?)?,
        None => ask(&args.remote.connect("admin")?, &folder).await?,
    };
    summarize(&made, &folder, args.remote.json);
    Ok(ExitCode::SUCCESS)
}

/// The engine of a data directory; `None` where a server has it open.
async fn open(config: &Config) -> anyhow::Result<Option<phase_0::Engine>> {
    let data = config.data.display();
    if config.engine != EngineKind::Embedded {
        bail!("the engine is `{}`: back that up with its own tools", config.engine.as_str());
    }
    if !config.data.join("store").is_dir() {
        bail!(
            "`{data}` holds no store: name the server's data directory with --data, or the server with --url"
        );
    }
    match phase_0::open(config).await {
        Ok(engine) => Ok(Some(engine)),
        Err(error) if storage_embedded::is_in_use(&error) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("the store in `{data}` does not open")),
    }
}

async fn here(config: &Config, engine: phase_0::Engine, folder: PathBuf) -> anyhow::Result<Summary> {
    let incarnation = incarnation::read(&*engine.stores().linear).await?;
    let (data, region) = (config.data.clone(), config.region.clone());
    let made = tokio::task::spawn_blocking(move || {
        let source = Source { data: &data, engine: &engine, region: &region, incarnation };
        back_up(&source, &folder, &BackupProgress::default())
    });
    Ok(made.await??)
}

/// Has the server make it, and waits.
async fn ask(remote: &Remote, folder: &Path) -> anyhow::Result<Value> {
    remote.post(BACKUPS, &json!({"directory": folder})).await?;
    let bar = ProgressBar::new_spinner();
    loop {
        let (_, shown) = remote.get(BACKUPS).await?;
        match shown["state"].as_str() {
            Some("running") => {
                let bytes = |name: &str| grouped(shown[name].as_u64().unwrap_or(0) >> 20);
                bar.set_message(format!(
                    "Backing up: {} of {} MiB",
                    bytes("bytes_written"),
                    bytes("bytes_to_copy")
                ));
                bar.tick();
                tokio::time::sleep(ASK_EVERY).await;
            }
            Some("made") => {
                bar.finish_and_clear();
                return Ok(shown["backup"].clone());
            }
            _ => {
                let why = shown["error"].as_str().unwrap_or("the server was started anew meanwhile");
                bail!("the server made no backup: {why}");
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn summarize(made: &Value, folder: &Path, is_json: bool) {
    if is_json {
        println!("{made}");
        return;
    }
    let number = |name: &str| grouped(made[name].as_u64().unwrap_or(0));
    println!("{} carts, {} bytes in `{}`", number("carts"), number("bytes"), folder.display());
}
