//! `evercart catalog export`: all items of a running shop as CSV or JSON lines, the inverse of the import.
//!
//! Never holds more than a page. The columns of CSV are known only when all items were seen, so they wait in a
//! temporary file.

use crate::command::remote::{Remote, RemoteArgs, lines};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use flate2::{Compression, write::GzEncoder};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Seek, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tempfile::NamedTempFile;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The file; standard output without.
    file: Option<PathBuf>,
    /// How items are written.
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    remote: RemoteArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Ndjson,
}

/// The first page; each names the next.
const FIRST_PAGE: &str = "/v1/catalog/items?limit=1000";
/// Columns that every CSV file has, before those of attributes.
const COLUMNS: [&str; 10] =
    ["sku", "title", "amount", "currency", "image", "url", "available", "min", "max", "revision"];

pub(super) async fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let remote = args.remote.connect("catalog")?;
    let format = args.format.unwrap_or_else(|| format_of(args.file.as_deref()));
    let mut out = Out::open(args.file.as_deref())?;
    let bar = progress();
    let (items, inexact) = match format {
        Format::Ndjson => (export_lines(&remote, &mut out.writer, &bar).await?, Vec::new()),
        Format::Csv => export_csv(&remote, &mut out.writer, &bar).await?,
    };
    out.finish().context("the items cannot be written")?;
    bar.finish_and_clear();
    tell(args, format, items, &inexact);
    Ok(if inexact.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn export_lines(remote: &Remote, out: &mut dyn Write, bar: &ProgressBar) -> anyhow::Result<usize> {
    let mut items = 0;
    each_page(remote, |page| {
        items += page.iter().filter(|byte| **byte == b'\n').count();
        bar.set_position(items as u64);
        out.write_all(page).context("the items cannot be written")
    })
    .await?;
    Ok(items)
}

/// The count of items, and those that CSV cannot say exactly.
async fn export_csv(
    remote: &Remote,
    out: &mut dyn Write,
    bar: &ProgressBar,
) -> anyhow::Result<(usize, Vec<String>)> {
    let mut spool = BufWriter::new(tempfile::tempfile().context("no temporary file can be made")?);
    let (mut items, mut attributes) = (0, BTreeSet::new());
    each_page(remote, |page| {
        spool.write_all(page).context("the temporary file cannot be written")?;
        for item in lines(page)? {
            let named = item["attributes"].as_object().into_iter().flatten();
            attributes.extend(named.map(|(name, _)| name.clone()));
            items += 1;
        }
        bar.set_position(items as u64);
        Ok(())
    })
    .await?;
    let mut spool = spool.into_inner().context("the temporary file cannot be written")?;
    spool.rewind().context("the temporary file cannot be read")?;
    let attributes: Vec<String> = attributes.into_iter().collect();
    Ok((items, write_csv(spool, &attributes, out).context("the items cannot be written")?))
}

async fn each_page(remote: &Remote, mut take: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut path = FIRST_PAGE.to_owned();
    loop {
        let (page, next) = remote.page(&path).await?;
        if !page.is_empty() && !page.ends_with(b"\n") {
            bail!("the server's answer ended early: run the export again");
        }
        take(&page)?;
        match next {
            Some(next) => path = next,
            None => return Ok(()),
        }
    }
}

/// Writes items as CSV; returns the SKUs of those that have an empty text, which CSV cannot tell from none.
fn write_csv(items: File, attributes: &[String], out: &mut dyn Write) -> anyhow::Result<Vec<String>> {
    let mut csv = csv::Writer::from_writer(out);
    let header = COLUMNS.iter().map(|name| (*name).to_owned());
    csv.write_record(header.chain(attributes.iter().map(|name| format!("attributes.{name}"))))?;
    let mut inexact = Vec::new();
    for line in BufReader::new(items).lines() {
        let item: Value = serde_json::from_str(&line?)?;
        let price = &item["price"];
        let fields = COLUMNS.iter().map(|name| match *name {
            "amount" | "currency" => &price[*name],
            name => &item[name],
        });
        let texts = attributes.iter().map(|name| &item["attributes"][name]);
        let fields: Vec<&Value> = fields.chain(texts).collect();
        if fields.iter().any(|field| field.as_str() == Some("")) {
            inexact.push(text(&item["sku"]));
        }
        csv.write_record(fields.into_iter().map(text))?;
    }
    csv.flush()?;
    Ok(inexact)
}

/// A field of CSV: what the import reads as this value.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of the command")]
fn tell(args: &ExportArgs, format: Format, items: usize, inexact: &[String]) {
    for sku in inexact {
        eprintln!(
            "`{sku}` has an empty text, which CSV cannot tell from none: export with --format ndjson to keep it"
        );
    }
    let format = if format == Format::Csv { "csv" } else { "ndjson" };
    let summary = match args.remote.json {
        true => json!({"items": items, "format": format, "inexact": inexact}).to_string(),
        false => format!("{items} items exported"),
    };
    // Standard output is for the items where there is no file.
    match args.file {
        Some(_) => println!("{summary}"),
        None => eprintln!("{summary}"),
    }
}

fn format_of(file: Option<&Path>) -> Format {
    let name = file.and_then(Path::file_name).unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if name.trim_end_matches(".gz").ends_with(".csv") { Format::Csv } else { Format::Ndjson }
}

/// Where items go: a file that takes its name when it is whole, or standard output.
struct Out {
    writer: Box<dyn Write>,
    file: Option<(NamedTempFile, PathBuf)>,
}

impl Out {
    fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self { writer: Box::new(BufWriter::new(io::stdout())), file: None });
        };
        let cannot = || format!("`{}` cannot be written", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).with_context(cannot)?;
        let plain = BufWriter::new(file.reopen().with_context(cannot)?);
        let is_gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let writer: Box<dyn Write> = if is_gzip {
            Box::new(Gzip(Some(GzEncoder::new(plain, Compression::default()))))
        } else {
            Box::new(plain)
        };
        Ok(Self { writer, file: Some((file, path.to_owned())) })
    }

    /// The last bytes are written, and the file has its name.
    fn finish(mut self) -> anyhow::Result<()> {
        self.writer.flush()?;
        drop(self.writer);
        if let Some((file, path)) = self.file {
            file.as_file().sync_all()?;
            file.persist(path)?;
        }
        Ok(())
    }
}

/// A compressed file, whole when it is flushed: nothing is written behind that.
struct Gzip<W: Write>(Option<GzEncoder<W>>);

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |encoder| encoder.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.take().map_or(Ok(()), |encoder| encoder.finish()?.flush())
    }
}

/// A count on standard error; it stays away where that is not a terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} items  {per_sec}  {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
