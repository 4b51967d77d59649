//! `evercart import FILE`: the carts of an export, joined to those of a running shop.
//!
//! The whole file is checked before anything is sent. Importing is a join, so doing it again does no harm; what was
//! interrupted goes on at a checkpoint beside the file.

use super::{
    CARTS, Progress,
    file::{Broken, CartsFile, Item},
};
use crate::command::remote::{Remote, RemoteArgs, lines};
use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Args;
use futures::stream::{FuturesOrdered, StreamExt};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Arguments of `evercart import`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart import carts.ndjson\n\n\
    The shop goes on meanwhile. A cart that is there already is joined: what either side removed stays removed, and\n\
    importing twice is importing once. If the import is interrupted, the same command continues at the checkpoint\n\
    beside the file. Exit status 1 if a cart was rejected; the others are imported.")]
pub(crate) struct ImportArgs {
    /// The file that `evercart export` wrote; plain or gzip.
    file: PathBuf,
    /// Begin anew, whatever a checkpoint says.
    #[arg(long)]
    from_start: bool,
    /// Import an export that is older than 30 days: things removed since then may come back.
    #[arg(long)]
    accept_old: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// Lines sent with one request.
const BATCH_LINES: usize = 1_000;
/// Bytes of a request, about.
const BATCH_BYTES: usize = 1 << 20;
/// Requests under way.
const REQUESTS: usize = 4;
/// How often the checkpoint is written.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// A removal is remembered for longer than this, so a younger export brings nothing back.
const DAYS_MAX: i64 = 30;

/// Where an import stands.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Checkpoint {
    /// The server that it goes to.
    url: String,
    /// The digest of the file.
    digest: String,
    /// Lines that are imported.
    lines: u64,
}

/// Lines on their way.
struct Batch {
    body: Vec<u8>,
    numbers: Vec<u64>,
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Tally {
    joined: u64,
    unchanged: u64,
    rejected: u64,
}

pub(crate) async fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let remote = args.remote.connect("admin")?;
    let checked = check(args)?;
    let place = checkpoint_of(&args.file);
    let mut checkpoint = Checkpoint { url: remote.url().to_owned(), digest: checked.digest, lines: 0 };
    if !args.from_start {
        checkpoint.lines = resumed(&place, &checkpoint);
    }
    let skipped = checkpoint.lines;
    let tally = send(args, &remote, &place, &mut checkpoint).await.inspect_err(|_| save(&place, &checkpoint));
    let tally = tally
        .with_context(|| format!("{} lines are imported: run the same command to go on", checkpoint.lines))?;
    fs::remove_file(&place).ok();
    summarize(args, &tally, checked.damaged, skipped);
    Ok(if tally.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file that was read to its end.
struct Checked {
    digest: String,
    damaged: u64,
}

/// Reads the whole file, and refuses one that is not as it was written.
fn check(args: &ImportArgs) -> anyhow::Result<Checked> {
    let name = args.file.display();
    let progress = Progress::new(bytes_of(&args.file)?, "Checking ", "carts");
    let mut file = open(&args.file, &progress)?;
    check_age(args, file.first.exported_at.as_deref().unwrap_or_default())?;
    loop {
        match file.next_item() {
            Ok(Item::End) => break,
            Ok(Item::Cart(_) | Item::Damaged) => progress.tell(file.sum.carts),
            Err(Broken::CutOff) => bail!(
                "`{name}` is cut off after {}; nothing was imported. `evercart export` continues it while its shop \
                 runs; else copy it again",
                file.place()
            ),
            Err(Broken::Damaged(why)) => bail!(
                "`{name}` is damaged at {}: {why}; nothing was imported. Copy it again, or export again",
                file.place()
            ),
            Err(Broken::Unreadable(error)) => {
                return Err(error).with_context(|| format!("`{name}` cannot be read"));
            }
        }
    }
    progress.end();
    Ok(Checked { digest: file.sum.digest(), damaged: file.sum.damaged })
}

fn check_age(args: &ImportArgs, exported_at: &str) -> anyhow::Result<()> {
    let exported: jiff::Timestamp =
        exported_at.parse().context("the file does not say when it was exported")?;
    let days = jiff::Timestamp::now().duration_since(exported).as_hours() / 24;
    if days > DAYS_MAX && !args.accept_old {
        bail!(
            "`{}` is {days} days old: things that were removed more than {DAYS_MAX} days ago may come back. \
             Import it with --accept-old if that is well",
            args.file.display()
        );
    }
    Ok(())
}

async fn send(
    args: &ImportArgs,
    remote: &Remote,
    place: &Path,
    checkpoint: &mut Checkpoint,
) -> anyhow::Result<Tally> {
    let progress = Progress::new(bytes_of(&args.file)?, "Importing", "carts");
    let mut file = open(&args.file, &progress)?;
    let (mut tally, mut under_way, mut saved) = (Tally::default(), FuturesOrdered::new(), Instant::now());
    let mut is_last = false;
    while !is_last || !under_way.is_empty() {
        while !is_last && under_way.len() < REQUESTS {
            let (batch, end) = next_batch(&mut file, checkpoint.lines)?;
            is_last = end;
            let lines_read = file.number;
            under_way.push_back(async move {
                let answered = match batch.body.is_empty() {
                    true => Vec::new(),
                    false => lines(&remote.send(Method::POST, CARTS, Bytes::from(batch.body)).await?)?,
                };
                anyhow::Ok((batch.numbers, answered, lines_read))
            });
        }
        let Some(done) = under_way.next().await else { continue };
        let (numbers, answered, lines_read) = done?;
        if answered.len() != numbers.len() {
            bail!("the server answered {} lines for {}", answered.len(), numbers.len());
        }
        for (number, result) in numbers.into_iter().zip(&answered) {
            if let Some(rejected) = tally.count(number, result) {
                progress.bar.suspend(|| tell(&rejected, args.remote.json));
            }
        }
        checkpoint.lines = lines_read;
        progress.tell(tally.joined + tally.unchanged + tally.rejected);
        if saved.elapsed() > CHECKPOINT_EVERY {
            save(place, checkpoint);
            saved = Instant::now();
        }
    }
    progress.end();
    Ok(tally)
}

/// The next carts behind the lines that are imported already, and whether they are the last.
fn next_batch(file: &mut CartsFile, imported: u64) -> anyhow::Result<(Batch, bool)> {
    let mut batch = Batch { body: Vec::new(), numbers: Vec::new() };
    while batch.numbers.len() < BATCH_LINES && batch.body.len() < BATCH_BYTES {
        match file.next_item() {
            Ok(Item::Cart(text)) if file.number > imported => {
                batch.body.extend_from_slice(&text);
                batch.numbers.push(file.number);
            }
            Ok(Item::Cart(_) | Item::Damaged) => {}
            Ok(Item::End) => return Ok((batch, true)),
            Err(_) => bail!("the file changed while it was imported, at {}", file.place()),
        }
    }
    Ok((batch, false))
}

fn open(path: &Path, progress: &Progress) -> anyhow::Result<CartsFile> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("`{name}` cannot be read"))?;
    CartsFile::open(progress.bar.wrap_read(file)).map_err(|broken| match broken {
        Broken::CutOff => {
            anyhow::anyhow!("`{name}` is cut off in its first line: copy it again, or export again")
        }
        Broken::Damaged(why) => anyhow::anyhow!("`{name}` cannot be imported: {why}"),
        Broken::Unreadable(error) => anyhow::Error::new(error).context(format!("`{name}` cannot be read")),
    })
}

fn bytes_of(path: &Path) -> anyhow::Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("`{}` cannot be read", path.display()))?.len())
}

fn checkpoint_of(file: &Path) -> PathBuf {
    let mut name: OsString = file.into();
    name.push(".checkpoint");
    name.into()
}

/// The lines that an earlier run of the same import has brought in.
fn resumed(place: &Path, now: &Checkpoint) -> u64 {
    let saved = fs::read(place).ok().and_then(|bytes| serde_json::from_slice::<Checkpoint>(&bytes).ok());
    saved.filter(|saved| saved.url == now.url && saved.digest == now.digest).map_or(0, |saved| saved.lines)
}

/// Writes the checkpoint. Where it cannot be written, the next run only has more to do.
fn save(place: &Path, checkpoint: &Checkpoint) {
    let beside = place.with_extension("checkpoint.new");
    let written = fs::write(&beside, json!(checkpoint).to_string());
    written.and_then(|()| fs::rename(&beside, place)).ok();
}

impl Tally {
    /// Counts one result; answers what is to be told of a rejected line.
    fn count(&mut self, number: u64, result: &Value) -> Option<Value> {
        match result["status"].as_str() {
            Some("joined") => self.joined += 1,
            Some("unchanged") => self.unchanged += 1,
            _ => {
                self.rejected += 1;
                let (code, message) = (&result["code"], &result["message"]);
                return Some(json!({"line": number, "id": result["id"], "code": code, "message": message}));
            }
        }
        None
    }
}

/// A rejected cart: JSON among the output, or words beside it.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of the command")]
fn tell(rejected: &Value, is_json: bool) {
    if is_json {
        println!("{rejected}");
    } else {
        let text = |member: &str| rejected[member].as_str().unwrap_or_default().to_owned();
        eprintln!("line {}, cart {}: {} ({})", rejected["line"], text("id"), text("message"), text("code"));
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn summarize(args: &ImportArgs, tally: &Tally, damaged: u64, skipped: u64) {
    let Tally { joined, unchanged, rejected } = tally;
    if args.remote.json {
        let counts = json!({"joined": joined, "unchanged": unchanged, "rejected": rejected});
        let mut summary = counts;
        summary["damaged_in_export"] = damaged.into();
        summary["resumed_behind_line"] = skipped.into();
        println!("{summary}");
        return;
    }
    let resumed = if skipped == 0 { String::new() } else { format!(", continued behind line {skipped}") };
    println!("{joined} joined, {unchanged} known already, {rejected} rejected{resumed}");
    if damaged > 0 {
        println!("{damaged} were damaged where they were exported, and are not in the file");
    }
}
