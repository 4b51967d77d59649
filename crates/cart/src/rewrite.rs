//! Rewriting one's own row: the full join of all rows that can be seen, with the new delta in it.

use crate::{
    lattice::Join,
    planted::{self, Bug},
    state::{Cart, Delta},
    time::Day,
};
use std::borrow::Borrow;

/// The rows of a cart as they are stored, each by itself.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, R = Cart> {
    /// This owner's own row as last written.
    pub own: Option<&'a Cart>,
    /// Every row and unfolded delta that can be seen, the own one included. What the rows of a merged guest hold
    /// stands here as [`Merge::brought`](crate::operation::Merge::brought) brings it, never raw: a guest's
    /// erasure, its `merged_into` and its word on fields must not cross into the account.
    pub all: &'a [R],
}

impl<R: Borrow<Cart>> Rows<'_, R> {
    /// All that is known of the cart: what a read shows.
    pub fn joined(&self) -> Cart {
        let mut all = self.all.iter();
        let mut state = all.next().map(|row| row.borrow().clone()).unwrap_or_default();
        all.for_each(|row| state.join(row.borrow()));
        state
    }

    /// The own row with `delta` in it, and without writers that nobody can speak of any more.
    pub fn rewritten(&self, delta: &Delta, today: Day) -> Cart {
        let mut state = self.joined();
        state.join(delta);
        if planted::is_on(Bug::P3EntriesFoldedIntoNewDot) {
            fold_lines(&mut state, today);
        }
        // In this order: a writer that may leave is not taken in again from other rows, where it would count as
        // learned today, come back from here once they have forgotten it, and so never leave.
        state.forget_old_writers(self.all.iter().map(Borrow::borrow), today);
        state.learned_since(self.own.unwrap_or(&Cart::default()), today);
        state
    }
}

/// The planted bug P3: each line's plain entries become one entry with a new dot.
fn fold_lines(state: &mut Cart, today: Day) {
    use crate::{dot::Dot, dot::WriterId, entry::Entry, entry::Group, hash::Parts};
    let plain: Vec<_> = state
        .shown()
        .filter(|(_, shown)| shown.entry.group == Group::NONE)
        .map(|(dot, shown)| ((shown.line.key(), shown.list), dot))
        .collect();
    for (place, _) in &plain {
        let dots: Vec<_> = plain.iter().filter(|(other, _)| other == place).map(|(_, dot)| *dot).collect();
        let live: Vec<_> = dots.iter().filter_map(|dot| state.entries.get(dot)).cloned().collect();
        if live.len() < 2 {
            continue;
        }
        let n = live.iter().filter_map(|entry| entry.n).fold(0, u32::saturating_add);
        let parts = dots.iter().fold(Parts::new("P3"), |parts, dot| parts.number(dot.writer.0));
        dots.iter().for_each(|dot| state.kill(*dot, today));
        let folded = Entry { n: Some(n), ..Entry::clone(&live[0]) };
        state.put(Dot::new(WriterId(parts.u64()), 1), folded, today);
    }
}

#[cfg(test)]
mod tests;
