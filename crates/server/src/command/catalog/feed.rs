//! A feed of items, line by line, whatever its form: CSV or one JSON object a line, plain or gzip.
//!
//! Never holds more than a line. What the items mean, and whether they fit, is for the server to say.

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value, json};
use std::io::{self, BufRead, BufReader, Read};

type Source = Box<dyn BufRead + Send>;

/// A feed being read.
pub(super) enum Feed {
    Json { source: Source, number: u64 },
    Csv { reader: csv::Reader<Source>, header: csv::StringRecord },
}

/// One item of the feed.
pub(super) struct Line {
    /// Its line in the file, from 1.
    pub(super) number: u64,
    /// The item as JSON, or what is wrong with the line.
    pub(super) item: Result<Vec<u8>, String>,
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
const COLUMNS: [&str; 10] =
    ["sku", "title", "amount", "currency", "image", "url", "available", "min", "max", "revision"];

impl Feed {
    /// Finds out what it is by its first bytes.
    pub(super) fn open(file: Box<dyn Read + Send>) -> anyhow::Result<Self> {
        let mut source: Source = Box::new(BufReader::new(file));
        if source.fill_buf()?.starts_with(&GZIP) {
            source = Box::new(BufReader::new(MultiGzDecoder::new(source)));
        }
        let first = source.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace());
        if matches!(first, None | Some(b'{')) {
            return Ok(Self::Json { source, number: 0 });
        }
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source);
        let header = reader.headers()?.clone();
        let known = |name: &str| COLUMNS.contains(&name) || name.starts_with("attributes.");
        if let Some(unknown) = header.iter().find(|name| !known(name)) {
            let hint =
                if unknown == "price" { ": prices are `amount`, in minor units, and `currency`" } else { "" };
            anyhow::bail!("the column `{unknown}` is not known{hint}");
        }
        Ok(Self::Csv { reader, header })
    }

    /// The next line that is not empty.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line>> {
        match self {
            Self::Json { source, number } => loop {
                let mut text = Vec::new();
                if source.read_until(b'\n', &mut text)? == 0 {
                    return Ok(None);
                }
                *number += 1;
                text.truncate(text.trim_ascii_end().len());
                if !text.is_empty() {
                    return Ok(Some(Line { number: *number, item: Ok(text) }));
                }
            },
            Self::Csv { reader, header } => {
                let mut record = csv::StringRecord::new();
                let before = reader.position().line();
                let read = match reader.read_record(&mut record) {
                    Ok(false) => return Ok(None),
                    Ok(true) => item(header, &record).map(String::into_bytes),
                    Err(error) if error.is_io_error() => return Err(io::Error::other(error)),
                    Err(error) => Err(error.to_string()),
                };
                let number = record.position().map_or(before, csv::Position::line);
                Ok(Some(Line { number, item: read }))
            }
        }
    }
}

/// A record as the JSON object that the API takes. An empty field is an absent one.
fn item(header: &csv::StringRecord, record: &csv::StringRecord) -> Result<String, String> {
    if record.len() != header.len() {
        return Err(format!("{} fields under {} columns", record.len(), header.len()));
    }
    let (mut item, mut price, mut attributes) = (Map::new(), Map::new(), Map::new());
    for (name, text) in header.iter().zip(record).filter(|(_, text)| !text.is_empty()) {
        match name {
            "amount" => drop(price.insert(name.to_owned(), number(name, text)?)),
            "currency" => drop(price.insert(name.to_owned(), text.into())),
            "min" | "max" | "revision" => drop(item.insert(name.to_owned(), number(name, text)?)),
            "available" => {
                let is = text
                    .parse::<bool>()
                    .map_err(|_| format!("`available` is `{text}`, not true or false"))?;
                item.insert(name.to_owned(), is.into());
            }
            _ => match name.strip_prefix("attributes.") {
                Some(attribute) => drop(attributes.insert(attribute.to_owned(), text.into())),
                None => drop(item.insert(name.to_owned(), text.into())),
            },
        }
    }
    if price.contains_key("amount") {
        item.insert("price".to_owned(), Value::Object(price));
    }
    if !attributes.is_empty() {
        item.insert("attributes".to_owned(), Value::Object(attributes));
    }
    Ok(json!(item).to_string())
}

fn number(name: &str, text: &str) -> Result<Value, String> {
    text.trim()
        .parse::<u64>()
        .map(Value::from)
        .map_err(|_| format!("`{name}` is `{text}`, not a whole number"))
}
