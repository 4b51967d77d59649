//! Format 1 of a cart's state.
//!
//! ```text
//! flags (1) · touched · day · tables · writers · entries · fields · merged · merged into
//! writer = id (8) · last day, as a difference · intervals: count, then gap and length of each
//! entry  = number of its writer · seq · mask of present registers (1) · registers
//! ```
//! An entry that says what an add says takes about 15 bytes, a writer about 12.

use super::{
    FormatError, Reader, Writer,
    tables::{Collected, Tables, read_many, read_texts, write_texts},
};
use crate::{
    context::{Context, IntervalSet, WriterContext},
    dot::{Dot, WriterId},
    entry::{Entry, Group},
    id::CartId,
    item::Snapshot,
    lattice::Register,
    line::List,
    state::Cart,
    time::{Day, Timestamp},
};
use std::sync::Arc;

const ERASED: u8 = 1;
const MERGED_INTO: u8 = 1 << 1;

const LINE: u8 = 1;
const ORIGIN: u8 = 1 << 1;
const UNITS: u8 = 1 << 2;
const GROUP: u8 = 1 << 3;
const PLACE: u8 = 1 << 4;
const ATTRIBUTES: u8 = 1 << 5;
const ADDED: u8 = 1 << 6;
const LATEST: u8 = 1 << 7;

/// What the flags say of a cart that can still be added to.
pub(super) fn is_open(flags: u8) -> bool {
    flags & (ERASED | MERGED_INTO) == 0
}

pub(super) fn write(cart: &Cart, writer: &mut Writer) {
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    writer.byte(flag(cart.erased, ERASED) | flag(cart.merged_into.is_some(), MERGED_INTO));
    let touched = cart.touched.0;
    writer.number(touched);
    let base = cart.touched.day();
    let tables = Collected::of(cart.entries.values().map(Arc::as_ref));
    tables.write(writer);
    let writers: Vec<WriterId> = write_context(&cart.context, base, writer);
    writer.count(cart.entries.len());
    for (dot, entry) in &cart.entries {
        let number = writers.binary_search(&dot.writer).unwrap_or_default(); // every dot is in the context
        writer.count(number);
        writer.number(u64::from(dot.seq));
        write_entry(*dot, entry, touched, &tables, writer);
    }
    writer.count(cart.fields.len());
    for (name, register) in &cart.fields {
        writer.text(name);
        writer.number(register.lamport);
        writer.fixed(register.writer.0);
        writer.byte(u8::from(register.value.is_some()));
        register.value.iter().for_each(|value| writer.text(value));
    }
    writer.count(cart.merged.len());
    for (guest, day) in &cart.merged {
        writer.raw(&guest.0);
        writer.difference(u64::from(base.0), u64::from(day.0));
    }
    cart.merged_into.iter().for_each(|account| writer.raw(&account.0));
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Cart, FormatError> {
    let flags = reader.byte("flags")?;
    let touched = Timestamp(reader.number("touched")?);
    let base = touched.day();
    let tables = Tables::read(reader)?;
    let (context, writers) = read_context(reader, base)?;
    let mut cart = Cart { touched, context, erased: flags & ERASED != 0, ..Cart::default() };
    for _ in 0..reader.count("entries")? {
        let writer = usize::try_from(reader.number("writer of an entry")?).ok();
        let writer = writer.and_then(|number| writers.get(number)).copied();
        let writer = writer.ok_or_else(|| reader.malformed("writer of an entry"))?;
        let dot = Dot { writer, seq: reader.number_u32("seq of an entry")? };
        if !cart.context.contains(dot) {
            return Err(reader.malformed("entry outside the context"));
        }
        let entry = read_entry(dot, touched.0, &tables, reader)?;
        cart.entries.insert(dot, Arc::new(entry));
    }
    let fields = read_many(reader, "fields", |reader| {
        let name = reader.text("name of a field")?;
        let lamport = reader.number("lamport of a field")?;
        let writer = WriterId(reader.fixed("writer of a field")?);
        let present = reader.byte("presence of a field")? != 0;
        let value = present.then(|| reader.text("value of a field")).transpose()?;
        Ok((name, Register { lamport, writer, value }))
    })?;
    cart.fields.extend(fields);
    let merged = read_many(reader, "merged", |reader| {
        Ok((CartId(reader.array("merged")?), read_day(reader, base, "day of a merge")?))
    })?;
    cart.merged.extend(merged);
    if flags & MERGED_INTO != 0 {
        cart.merged_into = Some(CartId(reader.array("merged into")?));
    }
    Ok(cart)
}

fn write_context(context: &Context, base: Day, writer: &mut Writer) -> Vec<WriterId> {
    writer.count(context.writers().len());
    let mut ids = Vec::with_capacity(context.writers().len());
    for (id, known) in context.writers() {
        ids.push(*id);
        writer.fixed(id.0);
        writer.difference(u64::from(base.0), u64::from(known.last_day.0));
        writer.count(known.seqs.iter().len());
        let mut behind = 0;
        for (first, last) in known.seqs.iter() {
            writer.number(u64::from(first - behind));
            writer.number(u64::from(last - first));
            behind = last;
        }
    }
    ids
}

fn read_context(reader: &mut Reader<'_>, base: Day) -> Result<(Context, Vec<WriterId>), FormatError> {
    let (mut context, mut ids) = (Context::default(), Vec::new());
    for _ in 0..reader.count("writers")? {
        let id = WriterId(reader.fixed("writer")?);
        let last_day = read_day(reader, base, "last day")?;
        let mut seqs = IntervalSet::default();
        let mut behind: u32 = 0;
        for _ in 0..reader.count("intervals")? {
            let first = behind.checked_add(reader.number_u32("gap")?);
            let last =
                first.zip(reader.number_u32("length").ok()).and_then(|(a, length)| a.checked_add(length));
            let (Some(first), Some(last)) = (first, last) else { return Err(reader.malformed("interval")) };
            seqs.insert(first, last);
            behind = last;
        }
        context.put(id, WriterContext { seqs, last_day });
        ids.push(id);
    }
    Ok((context, ids))
}

fn read_day(reader: &mut Reader<'_>, base: Day, what: &'static str) -> Result<Day, FormatError> {
    let day = reader.difference(u64::from(base.0), what)?;
    u32::try_from(day).map(Day).map_err(|_| reader.malformed(what))
}

fn write_entry(dot: Dot, entry: &Entry, touched: u64, tables: &Collected<'_>, writer: &mut Writer) {
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    writer.byte(
        flag(entry.line.is_some(), LINE)
            | flag(entry.origin.is_some(), ORIGIN)
            | flag(entry.n.is_some(), UNITS)
            | flag(entry.group != Group::NONE, GROUP)
            | flag(entry.place.is_some(), PLACE)
            | flag(entry.attributes.is_some(), ATTRIBUTES)
            | flag(entry.added.is_some(), ADDED)
            | flag(entry.latest.is_some(), LATEST),
    );
    entry.line.iter().for_each(|line| writer.count(tables.lines.of(line.key())));
    entry.origin.iter().for_each(|origin| writer.count(tables.origins.of(*origin)));
    entry.n.iter().for_each(|n| writer.number(u64::from(*n)));
    if entry.group != Group::NONE {
        writer.fixed(entry.group.0);
    }
    if let Some(place) = &entry.place {
        write_head(dot, place, u8::from(place.value == List::Saved), writer);
    }
    if let Some(attributes) = &entry.attributes {
        write_head(dot, attributes, 0, writer);
        write_texts(&attributes.value, writer);
    }
    if let Some(added) = &entry.added {
        writer.difference(touched, added.stamp);
        writer.count(tables.items.of(added.digest()));
    }
    if let Some(latest) = &entry.latest {
        writer.number(latest.stamp);
        writer.count(tables.items.of(latest.digest()));
    }
}

fn read_entry(
    dot: Dot,
    touched: u64,
    tables: &Tables,
    reader: &mut Reader<'_>,
) -> Result<Entry, FormatError> {
    let mask = reader.byte("mask of an entry")?;
    let has = |bit: u8| mask & bit != 0;
    let mut entry = Entry::default();
    if has(LINE) {
        entry.line = Some(tables.line(reader)?);
    }
    if has(ORIGIN) {
        entry.origin = Some(tables.origin(reader)?);
    }
    if has(UNITS) {
        entry.n = Some(reader.number_u32("units")?);
    }
    if has(GROUP) {
        entry.group = Group(reader.fixed("group")?);
    }
    if has(PLACE) {
        let (lamport, writer, saved) = read_head(dot, reader)?;
        let value = if saved { List::Saved } else { List::Cart };
        entry.place = Some(Register { lamport, writer, value });
    }
    if has(ATTRIBUTES) {
        let (lamport, writer, _) = read_head(dot, reader)?;
        entry.attributes = Some(Register { lamport, writer, value: Arc::new(read_texts(reader)?) });
    }
    if has(ADDED) {
        let stamp = reader.difference(touched, "added")?;
        let (digest, item) = tables.item(reader)?;
        entry.added = Some(Snapshot::stored(stamp, digest, item));
    }
    if has(LATEST) {
        let stamp = reader.number("latest")?;
        let (digest, item) = tables.item(reader)?;
        entry.latest = Some(Snapshot::stored(stamp, digest, item));
    }
    Ok(entry)
}

/// A register's head: one byte for the common case that the dot's own writer set it first.
fn write_head<T>(dot: Dot, register: &Register<T>, low_bit: u8, writer: &mut Writer) {
    let first = register.lamport == 0 && register.writer == dot.writer;
    writer.byte(low_bit | u8::from(!first) << 1);
    if !first {
        writer.number(register.lamport);
        writer.fixed(register.writer.0);
    }
}

fn read_head(dot: Dot, reader: &mut Reader<'_>) -> Result<(u64, WriterId, bool), FormatError> {
    let head = reader.byte("head of a register")?;
    let low_bit = head & 1 != 0;
    match head >> 1 {
        0 => Ok((0, dot.writer, low_bit)),
        1 => Ok((reader.number("lamport")?, WriterId(reader.fixed("writer of a register")?), low_bit)),
        _ => Err(reader.malformed("head of a register")),
    }
}
