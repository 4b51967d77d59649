//! Replace: a whole cart put back by a caller that changed its copy, as a three-way merge with what the caller
//! was shown. What others did meanwhile stays.

use super::{Stamp, add::Minted, lower::lower};
use crate::{
    dot::Dot,
    item::Item,
    line::{Line, LineKey, List, Texts},
    quantity::Target,
    seen::{Seen, SeenLine},
    state::{Cart, Delta},
};
use std::{collections::BTreeMap, sync::Arc};

/// Makes the cart list what the caller wants, as a change from what it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replace {
    /// The lines that there shall be, by key. Lines that were seen and are not here are removed.
    pub lines: BTreeMap<LineKey, Wanted>,
    /// What the caller was shown of the whole cart.
    pub seen: Seen,
}

/// One line of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What.
    pub line: Arc<Line>,
    /// How many there shall be.
    pub to: Target,
    /// The shopper's notes, for units that are added.
    pub attributes: Option<Arc<Texts>>,
    /// The item as it is now, for units that are added.
    pub item: Arc<Item>,
}

impl Replace {
    /// Removes, lowers and raises line by line. Further dots come from a writer of the operation's own.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        for seen in self.seen.lines.iter().filter(|seen| !self.lines.contains_key(&seen.key)) {
            seen.dots_in(List::Cart).for_each(|seen| delta.kill(seen.dot, stamp.at.day()));
        }
        let writer = stamp.dot.further();
        let mut minted = 0;
        for (key, wanted) in &self.lines {
            let empty = SeenLine { key: *key, line: None, dots: Vec::new() };
            let seen = self.seen.line(*key).unwrap_or(&empty);
            let (was, to) = (seen.quantity(List::Cart), u64::from(wanted.to.get()));
            if to > was {
                minted += 1;
                let n = u32::try_from(to - was).unwrap_or(u32::MAX); // `to` fits u32, so the difference does
                let group = seen.group(self.seen.cart);
                let attributes = wanted.attributes.as_ref();
                let entry =
                    Minted { line: &wanted.line, list: List::Cart, n, group, attributes, item: &wanted.item };
                entry.put(&mut delta, Dot::new(writer, minted), stamp);
            } else if to < was {
                let dots: Vec<_> = seen.dots_in(List::Cart).collect();
                lower(&mut delta, &dots, to, stamp.at.day());
            }
        }
        delta
    }
}
