//! `evercart export FILE`: all carts of a running shop, page by page. What was interrupted goes on where it ended.

use super::{
    CARTS, Progress,
    file::{Broken, CartsFile, Item},
};
use crate::{
    cart_lines::{Line, Sum},
    command::remote::RemoteArgs,
    http::rfc3339,
    wiring::World,
};
use anyhow::{Context, bail};
use cart::CartId;
use clap::Args;
use serde_json::json;
use service::Environment as _;
use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Arguments of `evercart export`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart export carts.ndjson\n\n\
    The shop goes on meanwhile; each cart is as it is when its turn comes. If the export is interrupted, the same\n\
    command continues the file. Items of the catalogue are not in it: see evercart catalog export.\n\
    Exit status 1 if a cart is damaged in the store; the others are in the file.")]
pub(crate) struct ExportArgs {
    /// The file.
    file: PathBuf,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// Carts asked for at once.
const PAGE: usize = 1_000;

/// The file on its way.
struct Target {
    out: BufWriter<File>,
    sum: Sum,
    /// The last cart that is in it.
    after: Option<CartId>,
    resumed: bool,
}

pub(crate) async fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let remote = args.remote.connect("admin")?;
    let mut target = Target::open(&args.file)?;
    let progress = Progress::new(u64::from(u32::MAX), "Exporting", "carts");
    let cannot_write = || format!("`{}` cannot be written", args.file.display());
    let before = target.sum.carts;
    let mut next = Some(match target.after {
        Some(after) => format!("{CARTS}?limit={PAGE}&after={after}"),
        None => format!("{CARTS}?limit={PAGE}"),
    });
    while let Some(path) = next {
        let (page, following) = remote.page(&path).await?;
        for text in page.split_inclusive(|byte| *byte == b'\n') {
            let line: Line = serde_json::from_slice(text).context("the server's answer cannot be read")?;
            let cart = line
                .checked_cart()
                .map_err(|why| anyhow::anyhow!("a cart came damaged from the server: {why}"))?;
            target.take(cart, &line, text).with_context(cannot_write)?;
            if line.damaged.is_some() {
                progress.bar.suspend(|| tell(cart, args.remote.json));
            }
        }
        target.out.flush().with_context(cannot_write)?;
        progress.bar.set_position(target.after.map_or(0, share));
        progress.tell(target.sum.carts - before);
        next = following;
    }
    let Target { sum, resumed, .. } = &target;
    let (carts, damaged, digest, resumed) = (sum.carts, sum.damaged, sum.digest(), *resumed);
    target.end().with_context(cannot_write)?;
    progress.end();
    summarize(args, carts, damaged, &digest, resumed);
    Ok(if damaged == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Target {
    /// A new file, or one that was interrupted.
    fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("`{}` cannot be written", path.display());
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(cannot)?;
        match Self::resume(path, &file)? {
            Some((sum, after, end)) => {
                file.set_len(end).with_context(cannot)?;
                let mut out = BufWriter::new(file);
                out.seek(SeekFrom::Start(end)).with_context(cannot)?;
                Ok(Self { out, sum, after, resumed: true })
            }
            None => {
                file.set_len(0).with_context(cannot)?;
                let first = Line::first(rfc3339(World.now()));
                let mut out = BufWriter::new(file);
                out.rewind().with_context(cannot)?;
                out.write_all(first.to_text().as_bytes()).with_context(cannot)?;
                Ok(Self { out, sum: Sum::behind(&first), after: None, resumed: false })
            }
        }
    }

    /// What an interrupted export holds, and where it ends; `None` of one that had hardly begun.
    fn resume(path: &Path, file: &File) -> anyhow::Result<Option<(Sum, Option<CartId>, u64)>> {
        let name = path.display();
        let file = file.try_clone().with_context(|| format!("`{name}` cannot be read"))?;
        if file.metadata().is_ok_and(|about| !about.is_file()) {
            bail!("`{name}` is not a file: an export that is interrupted must be continued");
        }
        let mut read = match CartsFile::open(file) {
            Ok(read) => read,
            Err(Broken::CutOff) => return Ok(None),
            Err(Broken::Damaged(_)) => {
                bail!("`{name}` exists and is not an export of carts: name another file")
            }
            Err(Broken::Unreadable(error)) => {
                return Err(error).with_context(|| format!("`{name}` cannot be read"));
            }
        };
        loop {
            match read.next_item() {
                Ok(Item::Cart(_) | Item::Damaged) => {}
                Ok(Item::End) => bail!("`{name}` is a complete export already: name another file"),
                Err(Broken::CutOff) => return Ok(Some((read.sum, read.last_cart, read.bytes))),
                Err(Broken::Damaged(why)) => {
                    bail!("`{name}` cannot be continued, it is damaged at {}: {why}: remove it", read.place())
                }
                Err(Broken::Unreadable(error)) => {
                    return Err(error).with_context(|| format!("`{name}` cannot be read"));
                }
            }
        }
    }

    fn take(&mut self, cart: CartId, line: &Line, text: &[u8]) -> std::io::Result<()> {
        self.out.write_all(text)?;
        self.sum.add(line);
        self.after = Some(cart);
        Ok(())
    }

    fn end(mut self) -> std::io::Result<()> {
        self.out.write_all(Line::last(&self.sum).to_text().as_bytes())?;
        self.out.flush()?;
        self.out.get_ref().sync_all()
    }
}

/// How far an id is in the order of all: ids are scattered evenly.
fn share(cart: CartId) -> u64 {
    u64::from(u32::from_be_bytes([cart.0[0], cart.0[1], cart.0[2], cart.0[3]]))
}

/// A damaged cart: JSON among the output, or words beside it.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of the command")]
fn tell(cart: CartId, is_json: bool) {
    if is_json {
        println!("{}", json!({"id": cart.to_string(), "damaged": true}));
    } else {
        eprintln!("cart {cart} is damaged in the store and not exported: the server's log says how");
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn summarize(args: &ExportArgs, carts: u64, damaged: u64, digest: &str, resumed: bool) {
    if args.remote.json {
        println!("{}", json!({"carts": carts, "damaged": damaged, "digest": digest, "resumed": resumed}));
        return;
    }
    let damaged = if damaged == 0 { String::new() } else { format!(", {damaged} damaged and not in it") };
    let resumed = if resumed { ", continued" } else { "" };
    println!("{carts} carts in `{}`{damaged}{resumed}", args.file.display());
}
