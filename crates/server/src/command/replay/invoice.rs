//! The Online Retail file as invoices: reading, grouping, and what each kind of invoice and line is for a cart.
//!
//! Always holds: every row of the file is in exactly one invoice, in file order; a row that cannot be read stops the
//! replay, so that none is dropped in silence.
//! Deliberately absent: carts (`plan`), and the counting of what is odd (`census`).

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::pence::Pence;

/// The most that one add, and one line of a cart, may hold.
pub(super) const QUANTITY_MAX: i64 = 999_999;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why the file cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be opened or read.
    #[error("the file cannot be read")]
    Read(#[from] std::io::Error),
    /// The file is not CSV with the columns of Online Retail.
    #[error("the file is not the Online Retail CSV")]
    Csv(#[from] csv::Error),
    /// One value of one row is not what its column holds. Rows are counted from 1, without the header.
    #[error("row {row}: {column} `{value}` is not {expected}")]
    Value {
        /// Which row, from 1.
        row: u64,
        /// The column's name.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What should stand there.
        expected: &'static str,
    },
}

/// What an invoice's number says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvoiceKind {
    /// Digits alone: somebody shopped, or stock was written off.
    Ordinary,
    /// `C` and digits: goods came back.
    Cancellation,
    /// `A` and digits: bookkeeping.
    Adjustment,
    /// Any other number.
    Unknown,
}

impl InvoiceKind {
    fn of(number: &str) -> Self {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match number.as_bytes().first() {
            _ if digits(number) => Self::Ordinary,
            Some(b'C') if digits(&number[1..]) => Self::Cancellation,
            Some(b'A') if digits(&number[1..]) => Self::Adjustment,
            _ => Self::Unknown,
        }
    }
}

/// What becomes of a row. Each row has exactly one fate, so that their counts add up to the rows of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fate {
    /// Added to a cart.
    Added,
    /// In no cart: its invoice is a cancellation. What of it comes back to an order is planned in `returns`.
    InCancellation,
    /// Left out: its invoice is an adjustment.
    InAdjustment,
    /// Left out: its invoice is of no known kind.
    InUnknownInvoice,
    /// Left out: a negative or zero quantity puts nothing into a cart.
    NothingBought,
    /// Left out: no cart holds a line with a negative price.
    NegativePrice,
    /// Left out: no line holds so many.
    QuantityAboveLimit,
}

/// One row of the file.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its place in the file, from 1, without the header.
    pub(super) row: u64,
    pub(super) code: Arc<str>,
    /// As written; may be empty, or a stock-taker's remark.
    pub(super) description: Arc<str>,
    pub(super) quantity: i64,
    /// UTC; the file names no zone.
    pub(super) at: Timestamp,
    /// Pounds, exactly as written.
    pub(super) price: Decimal,
    /// `price` rounded half-even.
    pub(super) price_pence: Pence,
    pub(super) country: Arc<str>,
}

/// One invoice with all its rows, wherever they stand in the file.
#[derive(Debug)]
pub(super) struct Invoice {
    pub(super) number: Arc<str>,
    pub(super) kind: InvoiceKind,
    /// The customer of the first row; `None` for guests.
    pub(super) customer: Option<Arc<str>>,
    /// In file order, never empty.
    pub(super) lines: Vec<Line>,
    /// True when rows of other invoices stand between its rows.
    pub(super) apart: bool,
}

impl Invoice {
    /// When the shopping began: the time of the first row.
    pub(super) fn at(&self) -> Timestamp {
        self.lines[0].at
    }

    /// Where the goods went: the country of the first row.
    pub(super) fn country(&self) -> &Arc<str> {
        &self.lines[0].country
    }

    /// What becomes of one of this invoice's lines.
    pub(super) fn fate(&self, line: &Line) -> Fate {
        match self.kind {
            InvoiceKind::Cancellation => Fate::InCancellation,
            InvoiceKind::Adjustment => Fate::InAdjustment,
            InvoiceKind::Unknown => Fate::InUnknownInvoice,
            InvoiceKind::Ordinary if line.quantity <= 0 => Fate::NothingBought,
            InvoiceKind::Ordinary if line.price.is_sign_negative() && !line.price.is_zero() => {
                Fate::NegativePrice
            }
            InvoiceKind::Ordinary if line.quantity > QUANTITY_MAX => Fate::QuantityAboveLimit,
            InvoiceKind::Ordinary => Fate::Added,
        }
    }

    /// The lines that go into carts, in file order.
    pub(super) fn added(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| self.fate(line) == Fate::Added)
    }
}

/// Reads the file, gzip or plain, into invoices in the order of their first rows.
pub(super) fn read(path: &Path) -> Result<Vec<Invoice>, FileError> {
    let mut file = BufReader::new(File::open(path)?);
    if file.fill_buf()?.starts_with(&GZIP_MAGIC) { parse(MultiGzDecoder::new(file)) } else { parse(file) }
}

/// Reads CSV text into invoices in the order of their first rows.
pub(super) fn parse(text: impl Read) -> Result<Vec<Invoice>, FileError> {
    let mut reader = csv::Reader::from_reader(text);
    let mut grouping = Grouping::default();
    for (row, record) in (1..).zip(reader.deserialize()) {
        grouping.push(row, record?)?;
    }
    Ok(grouping.invoices)
}

/// A row as the file writes it; other columns are not looked at.
#[derive(Debug, Deserialize)]
struct Record {
    #[serde(rename = "InvoiceNo")]
    invoice: String,
    #[serde(rename = "StockCode")]
    code: String,
    #[serde(rename = "Description")]
    description: String,
    #[serde(rename = "Quantity")]
    quantity: String,
    #[serde(rename = "InvoiceDate")]
    at: String,
    #[serde(rename = "UnitPrice")]
    price: String,
    #[serde(rename = "CustomerID")]
    customer: String,
    #[serde(rename = "Country")]
    country: String,
}

#[derive(Default)]
struct Grouping {
    invoices: Vec<Invoice>,
    index: HashMap<Arc<str>, usize>,
    /// Codes and descriptions repeat a hundredfold: each text is kept once.
    texts: HashMap<String, Arc<str>>,
}

impl Grouping {
    fn push(&mut self, row: u64, record: Record) -> Result<(), FileError> {
        let line = self.line(row, &record)?;
        let number = self.shared(record.invoice);
        if let Some(&index) = self.index.get(&number) {
            let last = self.invoices.len() - 1;
            let invoice = &mut self.invoices[index];
            invoice.apart |= index != last;
            invoice.lines.push(line);
            return Ok(());
        }
        let customer = (!record.customer.is_empty()).then(|| self.shared(record.customer));
        self.index.insert(number.clone(), self.invoices.len());
        let kind = InvoiceKind::of(&number);
        self.invoices.push(Invoice { number, kind, customer, lines: vec![line], apart: false });
        Ok(())
    }

    fn line(&mut self, row: u64, record: &Record) -> Result<Line, FileError> {
        let refuse = |column, value: &str, expected| FileError::Value {
            row,
            column,
            value: value.to_owned(),
            expected,
        };
        let quantity =
            record.quantity.parse().map_err(|_| refuse("Quantity", &record.quantity, "a whole number"))?;
        let price = Decimal::from_str_exact(&record.price)
            .map_err(|_| refuse("UnitPrice", &record.price, "a decimal number"))?;
        let price_pence = Pence::round_half_even(price)
            .ok_or_else(|| refuse("UnitPrice", &record.price, "an amount that fits"))?;
        let at = record
            .at
            .parse::<DateTime>()
            .and_then(|civil| TimeZone::UTC.to_timestamp(civil))
            .map_err(|_| refuse("InvoiceDate", &record.at, "a date and time"))?;
        if record.invoice.is_empty() {
            return Err(refuse("InvoiceNo", "", "an invoice number"));
        }
        if record.code.is_empty() {
            return Err(refuse("StockCode", "", "a stock code"));
        }
        let code = self.shared(record.code.clone());
        let description = self.shared(record.description.clone());
        let country = self.shared(record.country.clone());
        Ok(Line { row, code, description, quantity, at, price, price_pence, country })
    }

    fn shared(&mut self, text: String) -> Arc<str> {
        if let Some(known) = self.texts.get(&text) {
            return known.clone();
        }
        let shared: Arc<str> = Arc::from(text.as_str());
        self.texts.insert(text, shared.clone());
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

    fn parse_rows(rows: &str) -> Result<Vec<Invoice>, FileError> {
        parse(format!("{HEADER}{rows}").as_bytes())
    }

    fn fate_of(row: &str) -> Fate {
        let invoices = parse_rows(row).unwrap();
        invoices[0].fate(&invoices[0].lines[0])
    }

    #[test]
    fn every_row_has_one_fate() {
        assert_eq!(fate_of("100,A,x,1,2010-12-01T08:00:00,1.0,,UK"), Fate::Added);
        assert_eq!(fate_of("100,A,x,1,2010-12-01T08:00:00,0.0,,UK"), Fate::Added);
        assert_eq!(fate_of("C100,A,x,-1,2010-12-01T08:00:00,1.0,,UK"), Fate::InCancellation);
        assert_eq!(fate_of("A100,B,x,1,2010-12-01T08:00:00,-1.0,,UK"), Fate::InAdjustment);
        assert_eq!(fate_of("Z100,A,x,1,2010-12-01T08:00:00,1.0,,UK"), Fate::InUnknownInvoice);
        assert_eq!(fate_of("100,A,x,-1,2010-12-01T08:00:00,0.0,,UK"), Fate::NothingBought);
        assert_eq!(fate_of("100,A,x,0,2010-12-01T08:00:00,1.0,,UK"), Fate::NothingBought);
        assert_eq!(fate_of("100,A,x,1,2010-12-01T08:00:00,-0.01,,UK"), Fate::NegativePrice);
        assert_eq!(fate_of("100,A,x,1000000,2010-12-01T08:00:00,1.0,,UK"), Fate::QuantityAboveLimit);
        assert_eq!(fate_of("100,A,x,999999,2010-12-01T08:00:00,1.0,,UK"), Fate::Added);
    }

    #[test]
    fn rows_of_one_invoice_that_stand_apart_are_one_invoice() {
        let invoices = parse_rows(
            "100,A,x,1,2010-12-01T08:00:00,1.0,7,UK\n\
             101,A,x,1,2010-12-01T08:01:00,1.0,,UK\n\
             100,B,x,1,2010-12-01T08:02:00,1.0,7,UK\n",
        )
        .unwrap();
        assert_eq!(invoices.len(), 2);
        assert!(invoices[0].apart && !invoices[1].apart);
        assert_eq!(invoices[0].lines.iter().map(|line| line.row).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(invoices[0].at(), "2010-12-01T08:00:00Z".parse().unwrap());
    }

    #[test]
    fn a_value_that_cannot_be_read_stops_the_replay_and_names_its_row() {
        let told = |row: &str| parse_rows(row).unwrap_err().to_string();
        assert_eq!(
            told("1,A,x,1.5,2010-12-01T08:00:00,1.0,,UK"),
            "row 1: Quantity `1.5` is not a whole number"
        );
        assert_eq!(
            told("1,A,x,1,2010-12-01T08:00:00,1e3,,UK"),
            "row 1: UnitPrice `1e3` is not a decimal number"
        );
        assert_eq!(
            told("1,A,x,1,yesterday,1.0,,UK"),
            "row 1: InvoiceDate `yesterday` is not a date and time"
        );
        assert_eq!(told("1,,x,1,2010-12-01T08:00:00,1.0,,UK"), "row 1: StockCode `` is not a stock code");
    }

    #[test]
    fn plain_and_gzip_files_read_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let text = format!("{HEADER}100,A,x,1,2010-12-01T08:00:00,1.0,,UK\n");
        let plain = directory.path().join("plain.csv");
        std::fs::write(&plain, &text).unwrap();
        let packed = directory.path().join("packed.csv.gz");
        let mut encoder =
            flate2::write::GzEncoder::new(File::create(&packed).unwrap(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap();
        assert_eq!(read(&plain).unwrap()[0].number, read(&packed).unwrap()[0].number);
    }
}
