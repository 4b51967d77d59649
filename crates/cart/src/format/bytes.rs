//! The alphabet of the stored format: fixed numbers, variable-length numbers, texts.
//!
//! Reading never panics and never allocates more than the input could describe.

use super::FormatError;
use integer_encoding::VarInt;
use smol_str::SmolStr;

/// Collects bytes.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

/// Bytes that fit before it grows: of most tokens and deltas.
const WRITER_BYTES: usize = 256;

impl Default for Writer {
    fn default() -> Self {
        Self(Vec::with_capacity(WRITER_BYTES))
    }
}

impl Writer {
    /// Adds a byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Adds a number in as many bytes as it needs.
    pub fn number(&mut self, number: u64) {
        let mut buffer = [0; 10];
        let length = number.encode_var(&mut buffer);
        self.0.extend_from_slice(&buffer[..length]);
    }

    /// A signed difference, small when near zero on either side.
    pub fn difference(&mut self, from: u64, to: u64) {
        let difference = to.wrapping_sub(from).cast_signed();
        let mut buffer = [0; 10];
        let length = difference.encode_var(&mut buffer);
        self.0.extend_from_slice(&buffer[..length]);
    }

    /// Adds how many things follow.
    pub fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    /// Adds a number in eight bytes.
    pub fn fixed(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Adds bytes whose number the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Adds a text and its length.
    pub fn text(&mut self, text: &str) {
        self.count(text.len());
        self.raw(text.as_bytes());
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Takes bytes apart.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Result<T> = std::result::Result<T, FormatError>;

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Nothing that can be read as `what` stands here.
    pub fn malformed(&self, what: &'static str) -> FormatError {
        FormatError::Malformed { at: self.at, what }
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Takes so many bytes.
    pub fn raw(&mut self, length: usize, what: &'static str) -> Result<&'a [u8]> {
        let taken = self.rest().get(..length).ok_or_else(|| self.malformed(what))?;
        self.at += length;
        Ok(taken)
    }

    /// Takes a fixed number of bytes.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let malformed = self.malformed(what);
        self.raw(N, what)?.try_into().map_err(|_| malformed)
    }

    /// Takes a byte.
    pub fn byte(&mut self, what: &'static str) -> Result<u8> {
        Ok(self.array::<1>(what)?[0])
    }

    /// Takes a number of eight bytes.
    pub fn fixed(&mut self, what: &'static str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A variable-length number; one that could have been shorter is refused, so that bytes stay canonical.
    pub fn number(&mut self, what: &'static str) -> Result<u64> {
        let (number, length) = u64::decode_var(self.rest()).ok_or_else(|| self.malformed(what))?;
        if length != number.required_space() {
            return Err(self.malformed(what));
        }
        self.at += length;
        Ok(number)
    }

    /// A variable-length number that fits 32 bits.
    pub fn number_u32(&mut self, what: &'static str) -> Result<u32> {
        u32::try_from(self.number(what)?).map_err(|_| self.malformed(what))
    }

    /// What [`Writer::difference`] added, from the same number.
    pub fn difference(&mut self, from: u64, what: &'static str) -> Result<u64> {
        let (difference, length) = i64::decode_var(self.rest()).ok_or_else(|| self.malformed(what))?;
        if length != difference.required_space() {
            return Err(self.malformed(what));
        }
        self.at += length;
        Ok(from.wrapping_add(difference.cast_unsigned()))
    }

    /// A count of things that take at least one byte each.
    pub fn count(&mut self, what: &'static str) -> Result<usize> {
        let count = usize::try_from(self.number(what)?).map_err(|_| self.malformed(what))?;
        if count > self.rest().len() { Err(self.malformed(what)) } else { Ok(count) }
    }

    /// Takes a text.
    pub fn text(&mut self, what: &'static str) -> Result<SmolStr> {
        let length = self.count(what)?;
        let malformed = self.malformed(what);
        std::str::from_utf8(self.raw(length, what)?).map(SmolStr::new).map_err(|_| malformed)
    }

    pub(crate) fn end(&self) -> Result<()> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.malformed("bytes behind the end")) }
    }
}
