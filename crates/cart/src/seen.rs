//! What a caller was shown: the dots of one line, or of all lines, at one moment.
//!
//! Operations that take something away name the dots they mean, so that what came between stays. A `Seen` comes
//! back from callers inside a MACed token (`token.rs`); a caller that sends none gets what this region sees now.

use crate::{
    dot::Dot,
    entry::{Group, quantity},
    hash::Parts,
    id::CartId,
    line::{Line, LineKey, List},
    planted::{self, Bug},
    state::Cart,
    time::Day,
};
use std::{collections::BTreeMap, sync::Arc};

/// A view of one cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whose view.
    pub cart: CartId,
    /// How much of the cart was shown. What was not shown cannot be told from what was not there.
    pub extent: Extent,
    /// When it was shown.
    pub day: Day,
    /// The greatest logical time of any register that was shown.
    pub lamport: u64,
    /// The lines that were shown, by key.
    pub lines: Vec<SeenLine>,
}

/// How much of a cart a view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Cart,
    /// One line of it.
    Line,
}

/// A view of one line, in both lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLine {
    /// Which line.
    pub key: LineKey,
    /// What it is, where the view says so: needed to raise a line that is gone by now.
    pub line: Option<Arc<Line>>,
    /// Its dots, in order.
    pub dots: Vec<SeenDot>,
}

/// A view of one dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenDot {
    /// Which dot.
    pub dot: Dot,
    /// Its units as shown.
    pub n: u32,
    /// Its group.
    pub group: Group,
    /// The list it was shown in.
    pub list: List,
}

impl Seen {
    /// What `state` shows of one line. A line that it does not show is seen as empty.
    pub fn of_line(cart: CartId, state: &Cart, key: LineKey, day: Day) -> Self {
        let mut line = SeenLine { key, line: None, dots: Vec::new() };
        for (dot, shown) in state.shown_of(key) {
            line.line.get_or_insert_with(|| shown.line.clone());
            line.dots.push(SeenDot { dot, n: shown.n, group: shown.entry.group, list: shown.list });
        }
        Self { cart, extent: Extent::Line, day, lamport: state.lamport(), lines: vec![line] }
    }

    /// What `state` shows of all lines.
    pub fn of_cart(cart: CartId, state: &Cart, day: Day) -> Self {
        let mut lines: BTreeMap<LineKey, SeenLine> = BTreeMap::new();
        for (dot, shown) in state.shown() {
            let key = shown.line.key();
            let line = lines.entry(key).or_insert_with(|| SeenLine { key, line: None, dots: Vec::new() });
            line.dots.push(SeenDot { dot, n: shown.n, group: shown.entry.group, list: shown.list });
        }
        let lines = lines.into_values().collect();
        Self { cart, extent: Extent::Cart, day, lamport: state.lamport(), lines }
    }

    /// What the caller was shown of a line, or what is seen now where the caller does not say.
    pub fn line_or_now(presented: Option<Self>, cart: CartId, state: &Cart, key: LineKey, day: Day) -> Self {
        presented
            .filter(|_| !planted::is_on(Bug::P2RemoveKillsWhatServerSees))
            .unwrap_or_else(|| Self::of_line(cart, state, key, day))
    }

    /// What the caller was shown of the cart, or what is seen now where the caller does not say.
    pub fn cart_or_now(presented: Option<Self>, cart: CartId, state: &Cart, day: Day) -> Self {
        presented
            .filter(|_| !planted::is_on(Bug::P2RemoveKillsWhatServerSees))
            .unwrap_or_else(|| Self::of_cart(cart, state, day))
    }

    /// The view of one line; `None` when the line was not shown.
    pub fn line(&self, key: LineKey) -> Option<&SeenLine> {
        self.lines.iter().find(|line| line.key == key)
    }

    /// All dots that were shown in `list`.
    pub fn dots_in(&self, list: List) -> impl Iterator<Item = Dot> {
        self.lines.iter().flat_map(move |line| line.dots_in(list).map(|seen| seen.dot))
    }

    /// The logical time of whoever writes a register having seen this.
    pub fn next_lamport(&self) -> u64 {
        self.lamport.saturating_add(1)
    }
}

impl SeenLine {
    /// The dots that were shown in `list`.
    pub fn dots_in(&self, list: List) -> impl Iterator<Item = SeenDot> + '_ {
        self.dots.iter().copied().filter(move |seen| seen.list == list)
    }

    /// The units that were shown in `list`.
    pub fn quantity(&self, list: List) -> u64 {
        quantity(self.dots_in(list).map(|seen| (seen.n, seen.group)))
    }

    /// The group of raises that start from this view: they tell one wish, and count once.
    pub fn group(&self, cart: CartId) -> Group {
        group(cart, self.key, &self.dots)
    }
}

/// The group of raises of a line that start from a view of these dots. Never [`Group::NONE`].
pub(crate) fn group(cart: CartId, key: LineKey, dots: &[SeenDot]) -> Group {
    let mut dots: Vec<_> = dots.iter().map(|seen| (seen.dot, seen.n)).collect();
    dots.sort_unstable();
    let parts = Parts::new("group").bytes(&cart.0).bytes(&key.0);
    let parts = dots.iter().fold(parts, |parts, (dot, n)| {
        parts.number(dot.writer.0).number(u64::from(dot.seq)).number(u64::from(*n))
    });
    Group(parts.u64().max(1))
}
