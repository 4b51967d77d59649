//! `evercart catalog import`: a feed of items into a running shop. A bad line never stops a good one.
//! `evercart catalog export` is its inverse, in [`export`].

mod export;
mod feed;

use super::remote::{RemoteArgs, lines};
use anyhow::Context;
use clap::{Args, Subcommand};
use feed::{Feed, Line};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode, time::Instant};

/// Lines sent with one request.
const BATCH_LINES: usize = 1_000;
/// Bytes of a request, about.
const BATCH_BYTES: usize = 1 << 20;

/// Arguments of `evercart catalog`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart catalog import items.csv.gz")]
pub(super) struct CatalogArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put the items of a file into the shop's catalogue: CSV with a header, or one JSON object a line; plain or gzip.
    #[command(after_help = "Example: evercart catalog import items.csv.gz\n\n\
        Columns of CSV: sku, title, amount (in minor units: 255 is 2.55) and currency; also image, url,\n\
        available (true or false), min, max, revision, and attributes.NAME for each attribute.\n\
        Exit status 1 if any line was rejected; the others are stored.")]
    Import(ImportArgs),
    /// Write all items of the shop's catalogue, as `catalog import` takes them.
    #[command(after_help = "Examples: evercart catalog export items.csv.gz\n          \
        evercart catalog export --format csv > items.csv\n\n\
        Without --format the name of the file says which: .csv or .csv.gz is CSV, all else one JSON object a line;\n\
        a name that ends in .gz is compressed. A file appears when it is whole.\n\
        CSV cannot tell an empty text from none: items that have one are named, and the exit status is 1.")]
    Export(export::ExportArgs),
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// The file.
    file: PathBuf,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Tally {
    stored: u64,
    older: u64,
    rejected: u64,
}

pub(super) async fn run(args: CatalogArgs) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Import(args) => import(&args).await,
        Action::Export(args) => export::run(&args).await,
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
async fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let remote = args.remote.connect("catalog")?;
    let cannot_read = || format!("`{}` cannot be read", args.file.display());
    let file = std::fs::File::open(&args.file).with_context(cannot_read)?;
    let bar = progress(file.metadata().with_context(cannot_read)?.len());
    let mut feed = Feed::open(Box::new(bar.wrap_read(file))).with_context(cannot_read)?;
    let (mut tally, started) = (Tally::default(), Instant::now());
    loop {
        let (batch, is_last) = next_batch(&mut feed).with_context(cannot_read)?;
        let body: Vec<u8> =
            batch.iter().filter_map(|line| line.item.as_ref().ok()).fold(Vec::new(), |mut body, item| {
                body.extend_from_slice(item);
                body.push(b'\n');
                body
            });
        let answered = match body.is_empty() {
            true => Vec::new(),
            false => lines(&remote.send(Method::PUT, "/v1/catalog/items", body.into()).await?)?,
        };
        let mut answered = answered.into_iter();
        for line in batch {
            let result = match line.item {
                Ok(_) => answered.next().context("the server answered fewer lines than were sent")?,
                Err(message) => json!({"status": "rejected", "code": "bad_line", "message": message}),
            };
            if let Some(rejected) = tally.count(line.number, &result) {
                bar.suspend(|| tell(&rejected, args.remote.json));
            }
        }
        let seconds = started.elapsed().as_secs_f64().max(0.001);
        bar.set_message(format!("{:.0} items/s", (tally.stored + tally.older) as f64 / seconds));
        if is_last {
            break;
        }
    }
    bar.finish_and_clear();
    let Tally { stored, older, rejected } = tally;
    if args.remote.json {
        println!("{}", json!({"stored": stored, "older": older, "rejected": rejected}));
    } else {
        println!("{stored} stored, {older} older than what was there, {rejected} rejected");
    }
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Tally {
    /// Counts one result; answers what is to be told of a rejected line.
    fn count(&mut self, number: u64, result: &Value) -> Option<Value> {
        match result["status"].as_str() {
            Some("stored") => self.stored += 1,
            Some("older") => self.older += 1,
            _ => {
                self.rejected += 1;
                return Some(json!({"line": number, "code": result["code"], "message": result["message"]}));
            }
        }
        None
    }
}

/// A rejected line: JSON among the output, or words beside it.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of the command")]
fn tell(rejected: &Value, json: bool) {
    if json {
        println!("{rejected}");
    } else {
        let text = |member: &str| rejected[member].as_str().unwrap_or_default().to_owned();
        eprintln!("line {}: {} ({})", rejected["line"], text("message"), text("code"));
    }
}

/// The next lines of the feed, and whether they are the last.
fn next_batch(feed: &mut Feed) -> anyhow::Result<(Vec<Line>, bool)> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < BATCH_LINES && bytes < BATCH_BYTES {
        let Some(line) = feed.next_line()? else { return Ok((batch, true)) };
        bytes += line.item.as_ref().map_or(0, Vec::len);
        batch.push(line);
    }
    Ok((batch, false))
}

/// A bar on standard error; it stays away where that is not a terminal.
fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}%  {msg}  {eta} left") {
        bar.set_style(style);
    }
    bar
}
