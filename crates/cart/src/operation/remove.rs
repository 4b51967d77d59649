//! Remove and clear: take away what was shown. What came between stays.

use super::Stamp;
use crate::{
    line::{LineKey, List},
    seen::Seen,
    state::{Cart, Delta},
};

/// Removes a line from a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remove {
    /// Which line.
    pub line: LineKey,
    /// From which list.
    pub list: List,
    /// What the caller was shown of it.
    pub seen: Seen,
}

/// Empties a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clear {
    /// Which list.
    pub list: List,
    /// What the caller was shown.
    pub seen: Seen,
}

impl Remove {
    /// Kills the dots of the line that were seen in the list.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        let seen = self.seen.line(self.line).into_iter().flat_map(|line| line.dots_in(self.list));
        seen.for_each(|seen| delta.kill(seen.dot, stamp.at.day()));
        delta
    }
}

impl Clear {
    /// Kills the dots that were seen in the list.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        self.seen.dots_in(self.list).for_each(|dot| delta.kill(dot, stamp.at.day()));
        delta
    }
}
