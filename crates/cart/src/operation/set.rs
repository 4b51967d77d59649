//! Set: a quantity that somebody typed, compared with what they were shown and not with the current state.
//!
//! *Up* is "that many more" and mints, *down* is "that many fewer of what I saw" and lowers; concurrent
//! operations of others stand beside both.

use super::{Stamp, add::Minted, lower::lower};
use crate::{
    entry::Group,
    item::Item,
    line::{Line, List},
    planted::{self, Bug},
    quantity::Target,
    seen::{Seen, SeenLine},
    state::{Cart, Delta},
};
use std::sync::Arc;

/// Sets the quantity of a line in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Which line.
    pub line: Arc<Line>,
    /// In which list.
    pub list: List,
    /// How many there shall be; 0 removes.
    pub to: Target,
    /// The item as it is now, for units that are added.
    pub item: Arc<Item>,
    /// What the caller was shown of the line. Not shown counts as empty.
    pub seen: Seen,
}

impl Set {
    /// Mints, lowers or kills, by what was seen.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        let empty = SeenLine { key: self.line.key(), line: None, dots: Vec::new() };
        let seen = self.seen.line(self.line.key()).unwrap_or(&empty);
        let was = seen.quantity(self.list);
        let to = u64::from(self.to.get());
        if to > was {
            // `to` fits u32, so the difference does.
            let more = u32::try_from(to - was).unwrap_or(u32::MAX);
            self.raise(&mut delta, seen, more, stamp);
        } else if to < was {
            self.reduce(&mut delta, seen, stamp);
        }
        delta
    }

    fn raise(&self, delta: &mut Delta, seen: &SeenLine, more: u32, stamp: &Stamp) {
        let (mut n, mut group) = (more, seen.group(self.seen.cart));
        if planted::is_on(Bug::P6SetUpReplaces) {
            seen.dots_in(self.list).for_each(|seen| delta.kill(seen.dot, stamp.at.day()));
            (n, group) = (self.to.get(), Group::NONE);
        }
        let minted =
            Minted { line: &self.line, list: self.list, n, group, attributes: None, item: &self.item };
        minted.put(delta, stamp.dot, stamp);
    }

    fn reduce(&self, delta: &mut Delta, seen: &SeenLine, stamp: &Stamp) {
        let dots: Vec<_> = seen.dots_in(self.list).collect();
        if planted::is_on(Bug::P5SetDownMints) && self.to.get() > 0 {
            dots.iter().for_each(|seen| delta.kill(seen.dot, stamp.at.day()));
            let group = Group::NONE;
            let n = self.to.get();
            let minted =
                Minted { line: &self.line, list: self.list, n, group, attributes: None, item: &self.item };
            return minted.put(delta, stamp.dot, stamp);
        }
        lower(delta, &dots, u64::from(self.to.get()), stamp.at.day());
    }
}
