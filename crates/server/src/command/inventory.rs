//! `evercart inventory`: stock of a running shop, shown, counted from a file, and counted anew after a restore.

use super::remote::{Remote, RemoteArgs, lines};
use anyhow::{Context, bail};
use bytes::Bytes;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// Lines sent with one request.
const BATCH_LINES: usize = 500;

/// Arguments of `evercart inventory`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart inventory count stock.ndjson")]
pub(super) struct InventoryArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the stock of a SKU.
    #[command(after_help = "Example: evercart inventory show MUG-BLUE")]
    Show(ShowArgs),
    /// Change the stock of many SKUs: one JSON object a line.
    #[command(after_help = "Example: evercart inventory count stock.ndjson\n\n\
        A line: {\"sku\":\"MUG-BLUE\",\"on_hand\":100,\"key\":\"count 7\"}, or `quantity` for a delivery or a correction.\n\
        Exit status 1 if any line was rejected; the others are done.")]
    Count(CountArgs),
    /// After a restore: count everything, and take checkouts again.
    #[command(after_help = "Example: evercart inventory recount stock.ndjson\n\n\
        A backup knows nothing of what was sold after it: until somebody has counted, a restored shop takes no\n\
        checkouts. Without a file nothing is counted: for shops that track no stock.\n\
        Exit status 1 if any line was rejected; then checkouts stay off.")]
    Recount(RecountArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Which.
    sku: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

#[derive(Debug, Args)]
struct CountArgs {
    /// The file.
    file: PathBuf,
    #[command(flatten)]
    remote: RemoteArgs,
}

#[derive(Debug, Args)]
struct RecountArgs {
    /// The file, as `count` takes it.
    file: Option<PathBuf>,
    #[command(flatten)]
    remote: RemoteArgs,
}

pub(super) async fn run(args: InventoryArgs) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Show(args) => show(&args).await,
        Action::Count(args) => {
            let tally = count(&args.remote.connect("inventory")?, &args.file).await?;
            Ok(told(&tally, args.remote.json))
        }
        Action::Recount(args) => recount(&args).await,
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
async fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let sku: String =
        serde_urlencoded::to_string([("", &args.sku)])?.trim_start_matches('=').replace('+', "%20");
    let (_, level) = args.remote.connect("inventory")?.get(&format!("/v1/inventory/{sku}")).await?;
    if args.remote.json {
        println!("{level}");
    } else {
        let Value::Object(members) = level else { bail!("the server's answer cannot be read") };
        members.iter().for_each(|(name, value)| println!("{name:<16}{}", plain(value)));
    }
    Ok(ExitCode::SUCCESS)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Tally {
    changed: u64,
    rejected: Vec<String>,
}

async fn count(remote: &Remote, file: &PathBuf) -> anyhow::Result<Tally> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    let all: Vec<&str> = text.lines().collect();
    let mut tally = Tally::default();
    for (batch, first) in all.chunks(BATCH_LINES).zip((0..).step_by(BATCH_LINES)) {
        let body = batch.join("\n").into_bytes();
        let answer = remote.send(Method::PUT, "/v1/inventory", body.into()).await?;
        for result in lines(&answer)? {
            if result["status"] == "changed" {
                tally.changed += 1;
            } else {
                let line = first + result["line"].as_u64().unwrap_or_default();
                tally.rejected.push(format!("line {line}: {}", plain(&result["message"])));
            }
        }
    }
    Ok(tally)
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of the command")]
fn told(tally: &Tally, as_json: bool) -> ExitCode {
    tally.rejected.iter().for_each(|rejected| eprintln!("{rejected}"));
    if as_json {
        println!("{}", json!({"changed": tally.changed, "rejected": tally.rejected.len()}));
    } else {
        println!("{} changed, {} rejected", tally.changed, tally.rejected.len());
    }
    if tally.rejected.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn recount(args: &RecountArgs) -> anyhow::Result<ExitCode> {
    let remote = args.remote.connect("inventory")?;
    let tally = match &args.file {
        Some(file) => count(&remote, file).await?,
        None => Tally::default(),
    };
    if tally.rejected.is_empty() {
        remote.send(Method::POST, "/v1/inventory/counted", Bytes::new()).await?;
    }
    Ok(told(&tally, args.remote.json))
}
