//! Limits refuse operations, never joins.
//!
//! A cart that joins have brought over a limit still takes everything that does not make it larger: remove, set
//! down, move, consume, erase. So nothing that is measured here grows by a move or a lowering: units are counted
//! over both lists, and an entry counts the same whatever its registers say.

use crate::{
    entry::{Entry, Group, quantity},
    item::Snapshot,
    line::{Line, LineKey, Texts},
    state::{Cart, Delta},
};

/// What a cart may grow to by operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Distinct lines in both lists together.
    pub lines_max: u64,
    /// Live dots of one line.
    pub dots_per_line_max: u64,
    /// Units of one line in both lists together.
    pub quantity_per_line_max: u64,
    /// Bytes of all entries with what they refer to, and of all fields.
    pub entry_bytes_max: u64,
    /// Bytes of the attributes of a line, and of a field.
    pub text_bytes_max: u64,
    /// Names of fields. One that was removed still counts: that it is gone has to be remembered.
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
            fields_max: 64,
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
    /// Bytes of the entries and fields.
    EntryBytes,
    /// Bytes of a text.
    TextBytes,
    /// Names of fields.
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
        if self.surely_hold(after) {
            return Ok(());
        }
        let after = Size::of(after, self.entry_bytes_max);
        if self.exceeded(&after, &Size::default()).is_none() {
            return Ok(());
        }
        self.exceeded(&after, &Size::of(before, self.entry_bytes_max)).map_or(Ok(()), Err)
    }

    /// What [`Self::admits`] needs to know of a state.
    pub fn size(&self, cart: &Cart) -> Size {
        Size::of(cart, self.entry_bytes_max)
    }

    /// True where a delta that adds one entry to a state of this size surely exceeds no limit.
    pub fn admits(&self, before: &Size, delta: &Delta) -> bool {
        let Some((line, n)) = only_add(delta) else { return false };
        let was = before.line(line.key());
        let lines = before.lines.len() as u64 + u64::from(was.dots == 0);
        lines <= self.lines_max
            && was.dots < self.dots_per_line_max
            && was.units.saturating_add(n) <= self.quantity_per_line_max
            && before.bytes.saturating_add(bytes_at_most(delta)) <= self.entry_bytes_max
    }

    /// The same for a state of which only its stored bytes are known. What lies in a line is not, so that one may come to
    /// more than its units; but not by few such adds alone.
    pub fn admits_unseen(&self, stored_bytes: u64, delta: &Delta) -> bool {
        let Some((_, n)) = only_add(delta) else { return false };
        let entries = stored_bytes / STORED_ENTRY_BYTES_MIN + 1;
        let entries_max = self.lines_max.min(self.dots_per_line_max);
        let bytes = stored_bytes.saturating_add(entries * BYTES_PER_ENTRY);
        entries <= entries_max
            && n.saturating_mul(entries_max) <= self.quantity_per_line_max
            && bytes.saturating_add(bytes_at_most(delta)) <= self.entry_bytes_max
    }

    /// True where it shows without telling lines apart: if all entries were one line, or each one of its own, they
    /// would be within the limits too.
    fn surely_hold(&self, cart: &Cart) -> bool {
        let entries = cart.entries.len() as u64;
        entries <= self.lines_max.min(self.dots_per_line_max)
            && cart.fields.len() as u64 <= self.fields_max
            && cart.entries.values().filter_map(|entry| entry.n).map(u64::from).sum::<u64>()
                <= self.quantity_per_line_max
            && bytes_at_most(cart) <= self.entry_bytes_max
    }

    /// The first limit that `after` is over, and by more than `before` was. Each line is compared with itself: one
    /// that is over must not open the way for others.
    fn exceeded(&self, after: &Size, before: &Size) -> Option<LimitExceeded> {
        let whole = [
            (LimitKind::Lines, after.lines.len() as u64, before.lines.len() as u64, self.lines_max),
            (LimitKind::EntryBytes, after.bytes, before.bytes, self.entry_bytes_max),
            (LimitKind::Fields, after.fields, before.fields, self.fields_max),
        ];
        let lines = after.lines.iter().flat_map(|(key, line)| {
            let was = before.line(*key);
            [
                (LimitKind::DotsPerLine, line.dots, was.dots, self.dots_per_line_max),
                (LimitKind::QuantityPerLine, line.units, was.units, self.quantity_per_line_max),
            ]
        });
        let mut all = whole.into_iter().chain(lines);
        let (kind, would_be, _, max) = all.find(|(_, after, before, max)| after > max && after > before)?;
        Some(LimitExceeded { kind, would_be, max })
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
}

/// What limits measure of a state.
#[derive(Debug, Default)]
pub struct Size {
    /// In the order of their keys.
    lines: Vec<(LineKey, LineSize)>,
    bytes: u64,
    fields: u64,
}

/// What limits measure of a line.
#[derive(Clone, Copy, Debug, Default)]
struct LineSize {
    dots: u64,
    units: u64,
}

/// An entry in the stored format, without what it refers to.
const BYTES_PER_ENTRY: u64 = 16;
/// The least that an entry takes there which an add made: numbers of its writer, line, origin and item, its own, its
/// units, what is present, head of its place, and moment.
const STORED_ENTRY_BYTES_MIN: u64 = 9;

/// The line and units of a delta that does nothing but add one entry.
fn only_add(delta: &Delta) -> Option<(&Line, u64)> {
    let mut entries = delta.entries.values();
    let entry = entries.next().filter(|_| entries.len() == 0)?;
    Some((entry.line.as_deref()?, u64::from(entry.n?)))
}

impl Size {
    /// What is measured of one line.
    fn line(&self, key: LineKey) -> LineSize {
        let found = self.lines.binary_search_by_key(&key, |(key, _)| *key).ok();
        found.and_then(|at| self.lines.get(at)).map_or_else(LineSize::default, |(_, size)| *size)
    }

    /// One entry more, of a delta that was admitted.
    pub fn add(&mut self, delta: &Delta) {
        let Some((line, n)) = only_add(delta) else { return };
        let at = self.lines.binary_search_by_key(&line.key(), |(key, _)| *key).unwrap_or_else(|at| {
            self.lines.insert(at, (line.key(), LineSize::default()));
            at
        });
        if let Some((_, size)) = self.lines.get_mut(at) {
            size.dots += 1;
            size.units = size.units.saturating_add(n);
        }
        self.bytes = self.bytes.saturating_add(bytes_at_most(delta));
    }

    /// What is measured of a cart. Its bytes are only told apart where they might be more than `bytes_max`.
    fn of(cart: &Cart, bytes_max: u64) -> Self {
        let at_most = bytes_at_most(cart);
        let bytes =
            if at_most > bytes_max { bytes_of_entries(cart) + bytes_of_fields(cart) } else { at_most };
        Self { lines: lines_of(cart), bytes, fields: cart.fields.len() as u64 }
    }
}

fn lines_of(cart: &Cart) -> Vec<(LineKey, LineSize)> {
    let of_lines = cart
        .entries
        .values()
        .filter_map(|entry| Some((entry.line.as_ref()?.key(), entry.n.unwrap_or(0), entry.group)));
    let mut entries: Vec<(LineKey, u32, Group)> = of_lines.collect();
    entries.sort_unstable_by_key(|(key, ..)| *key);
    let size = |line: &[(LineKey, u32, Group)]| {
        let units = quantity(line.iter().map(|(_, n, group)| (*n, *group)));
        (line[0].0, LineSize { dots: line.len() as u64, units })
    };
    entries.chunk_by(|a, b| a.0 == b.0).map(size).collect()
}

fn bytes_of_fields(cart: &Cart) -> u64 {
    cart.fields.iter().map(|(name, field)| bytes_of_field(name, field.value.as_deref())).sum()
}

/// Bytes of a cart, if no two entries referred to the same.
fn bytes_at_most(cart: &Cart) -> u64 {
    bytes_of_fields(cart) + cart.entries.values().map(|entry| bytes_of_entry(entry)).sum::<u64>()
}

/// Of an entry with all that it refers to.
fn bytes_of_entry(entry: &Entry) -> u64 {
    let items = [&entry.added, &entry.latest].into_iter().flatten().map(bytes_of_item);
    let line = entry.line.as_deref().map_or(0, |line| BYTES_PER_ENTRY + bytes_of_line(line));
    line + entry.attributes.as_ref().map_or(0, |texts| bytes_of(&texts.value)) + items.sum::<u64>()
}

fn bytes_of_entries(cart: &Cart) -> u64 {
    let mut items: Vec<&Snapshot> = Vec::with_capacity(cart.entries.len());
    let mut lines: Vec<&Line> = Vec::with_capacity(cart.entries.len());
    let mut bytes = 0;
    for entry in cart.entries.values() {
        // One whose add has not arrived is charged when it does: a lowering or move of it must not be refused.
        bytes += if entry.line.is_some() { BYTES_PER_ENTRY } else { 0 };
        bytes += entry.attributes.as_ref().map_or(0, |texts| bytes_of(&texts.value));
        items.extend([&entry.added, &entry.latest].into_iter().flatten());
        lines.extend(entry.line.as_deref());
    }
    // What several entries refer to is stored once.
    items.sort_unstable_by_key(|snapshot| snapshot.digest());
    items.dedup_by_key(|snapshot| snapshot.digest());
    lines.sort_unstable_by_key(|line| line.key());
    lines.dedup_by_key(|line| line.key());
    bytes
        + items.into_iter().map(bytes_of_item).sum::<u64>()
        + lines.into_iter().map(bytes_of_line).sum::<u64>()
}

fn bytes_of_item(snapshot: &Snapshot) -> u64 {
    let item = &snapshot.item;
    let texts = item.image.iter().chain(&item.url).map(|text| text.len() as u64);
    BYTES_PER_ENTRY + item.title.len() as u64 + texts.sum::<u64>()
}

fn bytes_of_line(line: &Line) -> u64 {
    let seller = line.seller().map_or(0, |seller| seller.len() as u64);
    line.sku().len() as u64 + bytes_of(line.options()) + seller
}

fn bytes_of(texts: &Texts) -> u64 {
    texts.iter().map(|(name, value)| (name.len() + value.len() + 2) as u64).sum()
}

fn bytes_of_field(name: &str, value: Option<&str>) -> u64 {
    BYTES_PER_ENTRY + (name.len() + value.unwrap_or_default().len()) as u64
}

#[cfg(test)]
mod tests;
