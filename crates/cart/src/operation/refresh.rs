//! Refresh: what is newly known of an item. Mints nothing and burns nothing of its own.

use super::Stamp;
use crate::{
    dot::Dot,
    entry::Entry,
    item::Snapshot,
    state::{Cart, Delta},
};

/// Gives dots a newer snapshot of their item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The dots that hold the item, as seen.
    pub dots: Vec<Dot>,
    /// The item, stamped with the revision of the catalogue.
    pub latest: Snapshot,
}

impl Refresh {
    /// Writes the snapshot into the dots. The cart does not count as touched by it.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::default();
        for dot in &self.dots {
            let entry = Entry { latest: Some(self.latest.clone()), ..Entry::default() };
            delta.put(*dot, entry, stamp.at.day());
        }
        delta
    }
}
