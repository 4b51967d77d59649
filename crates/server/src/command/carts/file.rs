//! An export of carts being read, line by line, each checked; plain or gzip.
//!
//! Never holds more than a line. What is wrong is told with the line and the cart behind which it is.

use crate::cart_lines::{Line, Sum};
use cart::CartId;
use flate2::read::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// Bytes of a line beyond which it cannot be one.
const LINE_BYTES_MAX: u64 = 64 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file being read.
pub(super) struct CartsFile {
    source: Box<dyn BufRead + Send>,
    /// The first line.
    pub(super) first: Line,
    /// Of all lines so far.
    pub(super) sum: Sum,
    /// Lines so far.
    pub(super) number: u64,
    /// Bytes of these lines.
    pub(super) bytes: u64,
    /// The last cart so far.
    pub(super) last_cart: Option<CartId>,
}

/// What a line is.
pub(super) enum Item {
    /// A cart, as it stands in the file.
    Cart(Vec<u8>),
    /// A cart that could not be read where it was.
    Damaged,
    /// The last line, which fits those before.
    End,
}

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Broken {
    /// The file ends before its last line.
    CutOff,
    /// A line is not what was written.
    Damaged(String),
    /// The disk says no.
    Unreadable(io::Error),
}

impl CartsFile {
    /// Reads the first line.
    pub(super) fn open(file: impl Read + Send + 'static) -> Result<Self, Broken> {
        let mut source: Box<dyn BufRead + Send> = Box::new(BufReader::with_capacity(1 << 18, file));
        if source.fill_buf().map_err(Broken::Unreadable)?.starts_with(&GZIP) {
            source = Box::new(BufReader::new(MultiGzDecoder::new(source)));
        }
        let first = Line::default();
        let sum = Sum::behind(&first);
        let mut file = Self { source, first, sum, number: 0, bytes: 0, last_cart: None };
        let text = file.read_line()?;
        file.first = serde_json::from_slice(&text)
            .map_err(|_| Broken::Damaged("it is not an export of carts".to_owned()))?;
        file.first.check_first().map_err(Broken::Damaged)?;
        file.sum = Sum::behind(&file.first);
        Ok(file)
    }

    /// The next line. Nothing may come behind the last one.
    pub(super) fn next_item(&mut self) -> Result<Item, Broken> {
        let text = self.read_line()?;
        let line: Line = serde_json::from_slice(&text)
            .map_err(|error| Broken::Damaged(format!("it is not a line of an export: {error}")))?;
        if line.is_last() {
            return self.end(&line);
        }
        let named = |why: &str| match &line.id {
            Some(id) => Broken::Damaged(format!("cart {id}: {why}")),
            None => Broken::Damaged(why.to_owned()),
        };
        let cart = line.checked_cart().map_err(named)?;
        if self.last_cart.is_some_and(|last| cart <= last) {
            return Err(named("it is not in the order of ids"));
        }
        self.sum.add(&line);
        self.last_cart = Some(cart);
        Ok(if line.state.is_some() { Item::Cart(text) } else { Item::Damaged })
    }

    fn end(&mut self, line: &Line) -> Result<Item, Broken> {
        let expected = Line::last(&self.sum);
        if *line != expected {
            let (said, found) = (line.carts.unwrap_or_default(), self.sum.carts);
            let why = format!(
                "it says that {said} carts stand before it with another digest than the {found} that do"
            );
            return Err(Broken::Damaged(why));
        }
        if !self.source.fill_buf().map_err(Broken::Unreadable)?.is_empty() {
            return Err(Broken::Damaged("there is more behind it, and it should be the last".to_owned()));
        }
        Ok(Item::End)
    }

    /// A line with its end. One that has none was cut off.
    fn read_line(&mut self) -> Result<Vec<u8>, Broken> {
        let mut text = Vec::new();
        let read = (&mut self.source).take(LINE_BYTES_MAX).read_until(b'\n', &mut text);
        match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(Broken::CutOff),
            Err(error) => return Err(Broken::Unreadable(error)),
            Ok(_) if !text.ends_with(b"\n") => return Err(Broken::CutOff),
            Ok(_) => {}
        }
        self.number += 1;
        self.bytes += text.len() as u64;
        Ok(text)
    }

    /// The line that was read last, for people.
    pub(super) fn place(&self) -> String {
        match self.last_cart {
            Some(cart) => format!("line {}, behind cart {cart}", self.number),
            None => format!("line {}", self.number),
        }
    }
}
