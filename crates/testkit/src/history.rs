//! What clients of a running system did and saw, from outside: no dots, no rows, only requests, answers and times.
//!
//! The simulator and the game day write histories; `checker.rs` says whether the promises were kept. Times come from
//! one clock of the harness, so of two of them it is known which was first.

use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Names a cart, a line or a session within a history.
pub type Name = SmolStr;

/// When something began and ended, by the clock of the harness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The request was sent.
    pub began: u64,
    /// The answer came, or nobody waited any longer.
    pub ended: u64,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Acknowledged, at once or by a retry.
    Acknowledged,
    /// Refused for good: it has no effect.
    Refused,
    /// Nobody knows: it may take effect at any time.
    Unknown,
}

/// What was asked of a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// So many more of a line.
    Add {
        /// Which line.
        line: Name,
        /// How many.
        units: u64,
    },
    /// A quantity that was typed.
    Set {
        /// Which line.
        line: Name,
        /// How many there shall be.
        to: u64,
    },
    /// A line is removed.
    Remove {
        /// Which line.
        line: Name,
    },
    /// All lines are removed.
    Clear,
    /// A line changes its list.
    Move {
        /// Which line.
        line: Name,
    },
}

/// A change that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of which cart: the account's, once a guest's was merged into it.
    pub cart: Name,
    /// By whom.
    pub session: Name,
    /// What.
    pub asked: Asked,
    /// The read whose view was sent as `seen`, by its place in [`History::reads`]; `None` when none was sent.
    pub seen: Option<usize>,
    /// From the first attempt to the last.
    pub span: Span,
    /// What became of it.
    pub outcome: Outcome,
}

/// What somebody was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Of which cart.
    pub cart: Name,
    /// By whom; the answer covers what the session was told before unless it said that it lags.
    pub session: Name,
    /// True when the answer said that it may lag behind what the session was told.
    pub lagging: bool,
    /// When.
    pub span: Span,
    /// Units by line, both lists together. A line that is not shown is not here.
    pub units: BTreeMap<Name, u64>,
    /// True when all faults had ended and everything had arrived: what is shown now is what is left.
    pub settled: bool,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The changes, in the order in which they began.
    pub changes: Vec<Change>,
    /// The reads, in the order in which they began.
    pub reads: Vec<Read>,
}

impl Asked {
    /// The line that it names; `None` for all lines.
    pub fn line(&self) -> Option<&Name> {
        match self {
            Self::Add { line, .. } | Self::Set { line, .. } | Self::Remove { line } | Self::Move { line } => {
                Some(line)
            }
            Self::Clear => None,
        }
    }
}

impl Change {
    /// True when it may have taken effect.
    pub fn may_be_applied(&self) -> bool {
        self.outcome != Outcome::Refused
    }

    /// True when it speaks of this line of this cart.
    pub fn names(&self, cart: &Name, line: &Name) -> bool {
        self.cart == *cart && self.asked.line().is_none_or(|named| named == line)
    }
}

impl Read {
    /// Units of a line.
    pub fn units_of(&self, line: &Name) -> u64 {
        self.units.get(line).copied().unwrap_or(0)
    }
}
