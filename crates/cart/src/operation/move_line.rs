//! Move: save a line for later, or bring it back. The dots stay the same and change their place, so two moves
//! at once do not double anything.

use super::Stamp;
use crate::{
    entry::{Entry, Group},
    lattice::Register,
    line::{LineKey, List},
    planted::{self, Bug},
    seen::{Seen, SeenLine},
    state::{Cart, Delta},
};

/// Moves what was seen of a line to a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which line.
    pub line: LineKey,
    /// Where to.
    pub to: List,
    /// What the caller was shown of it.
    pub seen: Seen,
}

impl Move {
    /// Gives the dots that were seen in the other list a new place.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        let Some(seen) = self.seen.line(self.line) else { return delta };
        if planted::is_on(Bug::P4MoveAsRemoveAndAdd) {
            self.remove_and_add(&mut delta, seen, stamp);
            return delta;
        }
        let place = Register { lamport: self.seen.next_lamport(), writer: stamp.dot.writer, value: self.to };
        for dot in seen.dots_in(self.to.other()) {
            let entry = Entry { place: Some(place.clone()), ..Entry::default() };
            delta.put(dot.dot, entry, stamp.at.day());
        }
        delta
    }

    fn remove_and_add(&self, delta: &mut Delta, seen: &SeenLine, stamp: &Stamp) {
        let from = self.to.other();
        seen.dots_in(from).for_each(|seen| delta.kill(seen.dot, stamp.at.day()));
        let n = u32::try_from(seen.quantity(from)).unwrap_or(u32::MAX);
        let place = Register { lamport: 0, writer: stamp.dot.writer, value: self.to };
        let entry = Entry {
            line: seen.line.clone(),
            n: Some(n),
            group: Group::NONE,
            place: Some(place),
            origin: Some(stamp.origin),
            ..Entry::default()
        };
        delta.put(stamp.dot, entry, stamp.at.day());
    }
}
