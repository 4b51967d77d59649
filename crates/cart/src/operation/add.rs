//! Add: that many more. Needs no read, and nothing that happens elsewhere takes it away unseen.

use super::Stamp;
use crate::{
    dot::Dot,
    entry::{Entry, Group},
    item::{Item, Snapshot},
    lattice::Register,
    line::{Line, List, Texts},
    quantity::Quantity,
    state::{Cart, Delta},
};
use std::sync::Arc;

/// Adds units of a line to a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Add {
    /// What.
    pub line: Arc<Line>,
    /// Where to.
    pub list: List,
    /// How many more.
    pub quantity: Quantity,
    /// The shopper's notes on it.
    pub attributes: Option<Arc<Texts>>,
    /// The item as it is now.
    pub item: Arc<Item>,
}

impl Add {
    /// Mints one entry.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        let entry = Minted {
            line: &self.line,
            list: self.list,
            n: self.quantity.get(),
            group: Group::NONE,
            attributes: self.attributes.as_ref(),
            item: &self.item,
        };
        entry.put(&mut delta, stamp.dot, stamp);
        delta
    }
}

/// A new entry: the one place where entries come into being.
pub(super) struct Minted<'a> {
    pub(super) line: &'a Arc<Line>,
    pub(super) list: List,
    pub(super) n: u32,
    pub(super) group: Group,
    pub(super) attributes: Option<&'a Arc<Texts>>,
    pub(super) item: &'a Arc<Item>,
}

impl Minted<'_> {
    pub(super) fn put(&self, delta: &mut Delta, dot: Dot, stamp: &Stamp) {
        let first = |value| Register { lamport: 0, writer: dot.writer, value };
        let attributes =
            self.attributes.map(|map| Register { lamport: 0, writer: dot.writer, value: map.clone() });
        let entry = Entry {
            line: Some(self.line.clone()),
            origin: Some(stamp.origin),
            n: Some(self.n),
            group: self.group,
            place: Some(first(self.list)),
            attributes,
            added: Some(Snapshot::new(stamp.at.0, self.item.clone())),
            latest: None,
        };
        delta.put(dot, entry, stamp.at.day());
    }
}
