//! Limits refuse operations, never joins.
//!
//! A cart that joins have brought over a limit still takes everything that does not make it larger: remove, set
//! down, move, consume, erase.

use crate::{
    line::{LineKey, Texts},
    state::Cart,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a cart may grow to by operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Distinct lines in both lists together.
    pub lines_max: u64,
    /// Live dots of one line.
    pub dots_per_line_max: u64,
    /// Units of one line in one list.
    pub quantity_per_line_max: u64,
    /// Bytes of all entries with what they refer to.
    pub entry_bytes_max: u64,
    /// Bytes of the attributes of a line, and of a field.
    pub text_bytes_max: u64,
    /// Fields of the cart.
    pub fields_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lines_max: 300,
            dots_per_line_max: 1024,
            quantity_per_line_max: 999_999,
            entry_bytes_max: 64 * 1024,
            text_bytes_max: 4 * 1024,
            fields_max: 32,
        }
    }
}

/// Which limit an operation would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitKind {
    /// Distinct lines.
    Lines,
    /// Live dots of one line. Way out: remove the line and add the quantity wanted, in one bulk request.
    DotsPerLine,
    /// Units of one line.
    QuantityPerLine,
    /// Bytes of the entries.
    EntryBytes,
    /// Bytes of a text.
    TextBytes,
    /// Fields of the cart.
    Fields,
}

/// An operation that would make a cart larger than its limits allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?} would be {would_be}, and at most {max} are allowed")]
pub struct LimitExceeded {
    /// Which limit.
    pub kind: LimitKind,
    /// What it would come to.
    pub would_be: u64,
    /// What is allowed.
    pub max: u64,
}

impl Limits {
    /// Refuses the step from `before` to `after` when it exceeds a limit by growing.
    pub fn check(&self, before: &Cart, after: &Cart) -> Result<(), LimitExceeded> {
        let grown = self.over(&Size::of(after));
        if grown.is_empty() {
            return Ok(());
        }
        let before = Size::of(before);
        grown.into_iter().find(|over| over.would_be > before.of_kind(over.kind)).map_or(Ok(()), Err)
    }

    /// Refuses texts that are too large by themselves.
    pub fn check_texts(&self, texts: &Texts) -> Result<(), LimitExceeded> {
        let would_be = texts.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum();
        let max = self.text_bytes_max;
        if would_be <= max {
            Ok(())
        } else {
            Err(LimitExceeded { kind: LimitKind::TextBytes, would_be, max })
        }
    }

    fn over(&self, size: &Size) -> Vec<LimitExceeded> {
        let limits = [
            (LimitKind::Lines, self.lines_max),
            (LimitKind::DotsPerLine, self.dots_per_line_max),
            (LimitKind::QuantityPerLine, self.quantity_per_line_max),
            (LimitKind::EntryBytes, self.entry_bytes_max),
            (LimitKind::Fields, self.fields_max),
        ];
        let over = limits.into_iter().filter(|(kind, max)| size.of_kind(*kind) > *max);
        over.map(|(kind, max)| LimitExceeded { kind, would_be: size.of_kind(kind), max }).collect()
    }
}

/// What limits measure of a state.
#[derive(Default)]
struct Size {
    lines: u64,
    dots_per_line: u64,
    quantity_per_line: u64,
    entry_bytes: u64,
    fields: u64,
}

/// An entry in the stored format, without what it refers to.
const BYTES_PER_ENTRY: u64 = 16;

impl Size {
    fn of(cart: &Cart) -> Self {
        let mut dots: BTreeMap<LineKey, u64> = BTreeMap::new();
        let mut items = BTreeSet::new();
        let mut entry_bytes = 0;
        for entry in cart.entries.values() {
            entry_bytes += BYTES_PER_ENTRY;
            entry_bytes += entry.attributes.as_ref().map_or(0, |texts| bytes_of(&texts.value));
            for snapshot in [&entry.added, &entry.latest].into_iter().flatten() {
                if items.insert(snapshot.digest()) {
                    let item = &snapshot.item;
                    let texts = item.image.iter().chain(&item.url).map(|text| text.len() as u64);
                    entry_bytes += BYTES_PER_ENTRY + item.title.len() as u64 + texts.sum::<u64>();
                }
            }
            let Some(line) = &entry.line else { continue };
            let dots_of_line = dots.entry(line.key()).or_default();
            if *dots_of_line == 0 {
                entry_bytes += line.sku().len() as u64 + bytes_of(line.options());
            }
            *dots_of_line += 1;
        }
        Self {
            lines: dots.len() as u64,
            dots_per_line: dots.values().copied().max().unwrap_or(0),
            quantity_per_line: greatest_quantity(cart),
            entry_bytes,
            fields: cart.fields.values().filter(|field| field.value.is_some()).count() as u64,
        }
    }

    fn of_kind(&self, kind: LimitKind) -> u64 {
        match kind {
            LimitKind::Lines => self.lines,
            LimitKind::DotsPerLine => self.dots_per_line,
            LimitKind::QuantityPerLine => self.quantity_per_line,
            LimitKind::EntryBytes => self.entry_bytes,
            LimitKind::TextBytes => 0,
            LimitKind::Fields => self.fields,
        }
    }
}

fn bytes_of(texts: &Texts) -> u64 {
    texts.iter().map(|(name, value)| (name.len() + value.len() + 2) as u64).sum()
}

fn greatest_quantity(cart: &Cart) -> u64 {
    let mut entries: Vec<_> = cart.shown().map(|(_, shown)| (shown.line.key(), shown)).collect();
    entries.sort_by_key(|(key, shown)| (*key, shown.list));
    let lines = entries.chunk_by(|a, b| (a.0, a.1.list) == (b.0, b.1.list));
    let units =
        lines.map(|line| crate::entry::quantity(line.iter().map(|(_, shown)| (shown.n, shown.entry.group))));
    units.max().unwrap_or(0)
}
