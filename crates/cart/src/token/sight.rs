//! The token of what a caller was shown: `seen` in requests and answers. A view of one line never passes for one
//! of the whole cart: whoever puts back a cart would remove, or double, what was not shown.

use super::{BadToken, Keyring};
use crate::{
    dot::{Dot, WriterId},
    entry::Group,
    format::{FormatError, Reader, Writer, read_line, write_line},
    id::CartId,
    line::{LineKey, List},
    seen::{Extent, Seen, SeenDot, SeenLine},
    time::Day,
};
use std::sync::Arc;

const EXTENTS: [Extent; 2] = [Extent::Cart, Extent::Line];
const SAVED: u8 = 1;
const GROUPED: u8 = 1 << 1;

impl Seen {
    /// The token of this view.
    pub fn to_token(&self, keys: &Keyring) -> String {
        let lines = self.lines.iter();
        keys.seal(self.extent.kind(), &payload_of(self.cart, self.day, self.lamport, lines))
    }

    /// The token of a view of one line.
    pub fn token_of_line(cart: CartId, day: Day, lamport: u64, line: &SeenLine, keys: &Keyring) -> String {
        keys.seal(Extent::Line.kind(), &payload_of(cart, day, lamport, std::iter::once(line)))
    }

    /// Reads a token of a view.
    pub fn from_token(token: &str, keys: &Keyring) -> Result<Self, BadToken> {
        let mut opened =
            EXTENTS.iter().filter_map(|extent| Some((*extent, keys.open(extent.kind(), token).ok()?)));
        let (extent, payload) = opened.next().ok_or(BadToken)?;
        // What carries our MAC was written by us; a shape we cannot read comes from a release that is gone.
        read(&mut Reader::new(&payload), extent).map_err(|_| BadToken)
    }
}

impl Extent {
    fn kind(self) -> &'static str {
        match self {
            Self::Cart => "seen",
            Self::Line => "seen line",
        }
    }
}

fn payload_of<'a>(
    cart: CartId,
    day: Day,
    lamport: u64,
    lines: impl ExactSizeIterator<Item = &'a SeenLine>,
) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.raw(&cart.0);
    writer.number(u64::from(day.0));
    writer.number(lamport);
    writer.count(lines.len());
    for line in lines {
        match &line.line {
            Some(content) => {
                writer.byte(1);
                write_line(content, &mut writer);
            }
            None => {
                writer.byte(0);
                writer.raw(&line.key.0);
            }
        }
        writer.count(line.dots.len());
        line.dots.iter().for_each(|seen| write_dot(seen, &mut writer));
    }
    writer.into_bytes()
}

fn write_dot(seen: &SeenDot, writer: &mut Writer) {
    let saved = if seen.list == List::Saved { SAVED } else { 0 };
    let grouped = if seen.group == Group::NONE { 0 } else { GROUPED };
    writer.byte(saved | grouped);
    writer.fixed(seen.dot.writer.0);
    writer.number(u64::from(seen.dot.seq));
    writer.number(u64::from(seen.n));
    if seen.group != Group::NONE {
        writer.fixed(seen.group.0);
    }
}

fn read(reader: &mut Reader<'_>, extent: Extent) -> Result<Seen, FormatError> {
    let cart = CartId(reader.array("cart")?);
    let day = Day(reader.number_u32("day")?);
    let lamport = reader.number("lamport")?;
    let mut lines = Vec::new();
    for _ in 0..reader.count("lines")? {
        let line = match reader.byte("content")? {
            0 => None,
            _ => Some(Arc::new(read_line(reader)?)),
        };
        let key = match &line {
            Some(line) => line.key(),
            None => LineKey(reader.array("key")?),
        };
        let dots = (0..reader.count("dots")?).map(|_| read_dot(reader)).collect::<Result<_, _>>()?;
        lines.push(SeenLine { key, line, dots });
    }
    reader.end()?;
    Ok(Seen { cart, extent, day, lamport, lines })
}

fn read_dot(reader: &mut Reader<'_>) -> Result<SeenDot, FormatError> {
    let flags = reader.byte("flags of a dot")?;
    let writer = WriterId(reader.fixed("writer")?);
    let dot = Dot { writer, seq: reader.number_u32("seq")? };
    let n = reader.number_u32("units")?;
    let group = if flags & GROUPED == 0 { Group::NONE } else { Group(reader.fixed("group")?) };
    let list = if flags & SAVED == 0 { List::Cart } else { List::Saved };
    Ok(SeenDot { dot, n, group, list })
}
