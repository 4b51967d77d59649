//! Tables of a row: each distinct line, item and origin is stored once and referred to by its number.

use super::{FormatError, Reader, Writer};
use crate::{
    entry::Entry,
    id::CartId,
    item::{Item, Snapshot},
    line::{Line, LineKey, Sku, Texts},
    money::{Currency, Money},
    time::Timestamp,
};
use smol_str::SmolStr;
use std::{collections::HashMap, sync::Arc};

/// So many things are sooner looked through than hashed. Most deltas have one of each, most carts a few.
const FEW: usize = 8;

/// Numbers distinct things in the order in which they first come.
pub(super) struct Numbering<K, V> {
    keys: Vec<K>,
    /// Numbers of all keys, once they are more than a few.
    numbers: HashMap<K, usize>,
    pub(super) values: Vec<V>,
}

impl<K: std::hash::Hash + Eq + Copy, V> Numbering<K, V> {
    fn new() -> Self {
        Self { keys: Vec::new(), numbers: HashMap::new(), values: Vec::new() }
    }

    fn number(&mut self, key: K, value: V) {
        if self.find(key).is_some() {
            return;
        }
        self.keys.push(key);
        self.values.push(value);
        if self.keys.len() > FEW {
            let not_yet = self.keys.iter().copied().zip(0..).skip(self.numbers.len());
            self.numbers.extend(not_yet);
        }
    }

    fn find(&self, key: K) -> Option<usize> {
        if self.numbers.is_empty() {
            return self.keys.iter().position(|known| *known == key);
        }
        self.numbers.get(&key).copied()
    }

    /// The number of something that was collected.
    pub(super) fn of(&self, key: K) -> usize {
        self.find(key).unwrap_or_default() // collected from the same entries just before
    }
}

/// What the entries of a row refer to.
pub(super) struct Collected<'a> {
    pub(super) lines: Numbering<LineKey, &'a Line>,
    pub(super) items: Numbering<u64, &'a Snapshot>,
    pub(super) origins: Numbering<CartId, CartId>,
}

impl<'a> Collected<'a> {
    pub(super) fn of(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut tables = Self { lines: Numbering::new(), items: Numbering::new(), origins: Numbering::new() };
        for entry in entries {
            if let Some(line) = &entry.line {
                tables.lines.number(line.key(), line.as_ref());
            }
            if let Some(origin) = entry.origin {
                tables.origins.number(origin, origin);
            }
            for snapshot in [&entry.added, &entry.latest].into_iter().flatten() {
                tables.items.number(snapshot.digest(), snapshot);
            }
        }
        tables
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.count(self.lines.values.len());
        self.lines.values.iter().for_each(|line| write_line(line, writer));
        writer.count(self.items.values.len());
        for snapshot in &self.items.values {
            writer.fixed(snapshot.digest());
            write_item(&snapshot.item, writer);
        }
        writer.count(self.origins.values.len());
        self.origins.values.iter().for_each(|origin| writer.raw(&origin.0));
    }
}

/// The tables of a row that is being read.
pub(super) struct Tables {
    lines: Vec<Arc<Line>>,
    items: Vec<(u64, Arc<Item>)>,
    origins: Vec<CartId>,
}

impl Tables {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let lines = read_many(reader, "lines", |reader| read_line(reader).map(Arc::new))?;
        let items =
            read_many(reader, "items", |reader| Ok((reader.fixed("digest")?, Arc::new(read_item(reader)?))))?;
        let origins = read_many(reader, "origins", |reader| Ok(CartId(reader.array("origin")?)))?;
        Ok(Self { lines, items, origins })
    }

    pub(super) fn line(&self, reader: &mut Reader<'_>) -> Result<Arc<Line>, FormatError> {
        pick(&self.lines, reader, "line")
    }

    pub(super) fn origin(&self, reader: &mut Reader<'_>) -> Result<CartId, FormatError> {
        pick(&self.origins, reader, "origin")
    }

    pub(super) fn item(&self, reader: &mut Reader<'_>) -> Result<(u64, Arc<Item>), FormatError> {
        pick(&self.items, reader, "item")
    }
}

fn pick<T: Clone>(table: &[T], reader: &mut Reader<'_>, what: &'static str) -> Result<T, FormatError> {
    let number = reader.number(what)?;
    let at = usize::try_from(number).ok().and_then(|at| table.get(at));
    at.cloned().ok_or_else(|| reader.malformed(what))
}

/// Reads a count, and so many things.
pub fn read_many<T>(
    reader: &mut Reader<'_>,
    what: &'static str,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, FormatError>,
) -> Result<Vec<T>, FormatError> {
    (0..reader.count(what)?).map(|_| read(reader)).collect()
}

/// A line, as it also stands in tokens.
pub fn write_line(line: &Line, writer: &mut Writer) {
    writer.text(line.sku());
    write_texts(line.options(), writer);
    writer.text(line.seller().map_or("", SmolStr::as_str)); // a seller is never empty
}

/// What [`write_line`] wrote.
pub fn read_line(reader: &mut Reader<'_>) -> Result<Line, FormatError> {
    let sku = reader.text("sku")?;
    let sku = Sku::parse(&sku).ok_or_else(|| reader.malformed("sku"))?;
    let options = read_texts(reader)?;
    let seller = Some(reader.text("seller")?).filter(|seller| !seller.is_empty());
    Line::new(sku, options, seller).map_err(|_| reader.malformed("line"))
}

/// A map of texts.
pub fn write_texts(texts: &Texts, writer: &mut Writer) {
    writer.count(texts.len());
    for (name, value) in texts {
        writer.text(name);
        writer.text(value);
    }
}

/// What [`write_texts`] wrote.
pub fn read_texts(reader: &mut Reader<'_>) -> Result<Texts, FormatError> {
    let pairs = read_many(reader, "texts", |reader| Ok((reader.text("name")?, reader.text("value")?)))?;
    Ok(pairs.into_iter().collect())
}

const IMAGE: u8 = 1;
const URL: u8 = 1 << 1;
const PRICE: u8 = 1 << 2;
const QUOTED: u8 = 1 << 3;
const WITHDRAWN: u8 = 1 << 4;
const MIN: u8 = 1 << 5;
const MAX: u8 = 1 << 6;

/// An item as it was at one moment.
pub fn write_item(item: &Item, writer: &mut Writer) {
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    writer.byte(
        flag(item.image.is_some(), IMAGE)
            | flag(item.url.is_some(), URL)
            | flag(item.price.is_some(), PRICE)
            | flag(item.quoted, QUOTED)
            | flag(!item.available, WITHDRAWN)
            | flag(item.quantity_min.is_some(), MIN)
            | flag(item.quantity_max.is_some(), MAX),
    );
    writer.text(&item.title);
    item.image.iter().chain(&item.url).for_each(|text| writer.text(text));
    if let Some(price) = item.price {
        writer.raw(&price.currency.bytes());
        writer.number(price.amount.cast_unsigned());
    }
    for limit in [item.quantity_min, item.quantity_max].into_iter().flatten() {
        writer.number(u64::from(limit));
    }
    writer.number(item.captured_at.0);
}

/// What [`write_item`] wrote.
pub fn read_item(reader: &mut Reader<'_>) -> Result<Item, FormatError> {
    let flags = reader.byte("flags of an item")?;
    let has = |bit: u8| flags & bit != 0;
    let title = reader.text("title")?;
    let image = has(IMAGE).then(|| reader.text("image")).transpose()?;
    let url = has(URL).then(|| reader.text("url")).transpose()?;
    let price = has(PRICE).then(|| read_price(reader)).transpose()?;
    let quantity_min = has(MIN).then(|| reader.number_u32("minimum")).transpose()?;
    let quantity_max = has(MAX).then(|| reader.number_u32("maximum")).transpose()?;
    Ok(Item {
        title,
        image,
        url,
        price,
        quoted: has(QUOTED),
        available: !has(WITHDRAWN),
        quantity_min,
        quantity_max,
        captured_at: Timestamp(reader.number("captured at")?),
    })
}

/// Whatever amount was written reads back: a price beyond today's bounds must not make a cart unreadable.
fn read_price(reader: &mut Reader<'_>) -> Result<Money, FormatError> {
    let letters: [u8; 3] = reader.array("currency")?;
    let currency = std::str::from_utf8(&letters).ok().and_then(Currency::parse);
    let currency = currency.ok_or_else(|| reader.malformed("currency"))?;
    Ok(Money { amount: reader.number("price")?.cast_signed(), currency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_numbered_as_they_first_come() {
        for distinct in [1, FEW, FEW + 1, 5 * FEW] {
            let mut numbering = Numbering::new();
            for key in (0..distinct).chain((0..distinct).rev()) {
                numbering.number(key, key);
            }
            assert_eq!(numbering.values, (0..distinct).collect::<Vec<_>>());
            assert!((0..distinct).all(|key| numbering.of(key) == key), "{distinct}");
        }
    }
}
