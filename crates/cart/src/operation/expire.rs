//! Expire and consume: the two ways in which a service takes lines away.

use super::Stamp;
use crate::{
    dot::Dot,
    line::List,
    seen::Seen,
    state::{Cart, Delta},
};

/// Ends a cart that nobody touched for its idle time. An operation, not a clock in the view: an add that the
/// worker had not seen survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expire {
    /// What the worker saw.
    pub seen: Seen,
}

/// Takes out what a committed checkout bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consume {
    /// The dots that were bought.
    pub dots: Vec<Dot>,
}

impl Expire {
    /// Kills what was seen, in both lists. The cart does not count as touched by it.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::default();
        delta.context.insert(stamp.dot, stamp.at.day());
        for list in [List::Cart, List::Saved] {
            self.seen.dots_in(list).for_each(|dot| delta.kill(dot, stamp.at.day()));
        }
        delta
    }
}

impl Consume {
    /// Kills what was bought.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        self.dots.iter().for_each(|dot| delta.kill(*dot, stamp.at.day()));
        delta
    }
}
