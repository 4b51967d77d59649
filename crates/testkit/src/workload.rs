//! What shoppers do, as a stream that a seed decides: the simulator and the game day turn it into requests.
//!
//! Knows no cart's contents and no time: a step says what to try, and whoever runs it fills in what is seen.

use crate::random::Random;

/// How a workload is mixed.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Carts that share the steps.
    pub carts: usize,
    /// Sessions (tabs, devices) of each cart.
    pub sessions: usize,
    /// Lines that several adds share. The first lines of a cart are these.
    pub shared_lines: usize,
    /// Of a hundred adds, those that get a line of their own, so that nothing about them is ambiguous.
    pub own_line_percent: u64,
    /// Of a hundred steps, reads.
    pub read_percent: u64,
    /// Of a hundred changes, those that are sent once more although they were answered.
    pub again_percent: u64,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            carts: 20,
            sessions: 2,
            shared_lines: 3,
            own_line_percent: 50,
            read_percent: 40,
            again_percent: 5,
        }
    }
}

/// One step of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// On which cart.
    pub cart: usize,
    /// By which of its sessions.
    pub session: usize,
    /// What.
    pub act: Act,
    /// It is sent once more although it was answered.
    pub again: bool,
}

/// What to do. Lines are numbered within their cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Look.
    Read,
    /// So many more of a line.
    Add {
        /// Which line.
        line: usize,
        /// How many.
        units: u32,
    },
    /// Type a quantity, with what was seen last.
    Set {
        /// Which line.
        line: usize,
        /// How many there shall be.
        to: u32,
    },
    /// Remove a line, with what was seen last.
    Remove {
        /// Which line.
        line: usize,
    },
    /// Remove all lines, with what was seen last.
    Clear,
    /// Save a line for later, or bring it back, with what was seen last.
    Move {
        /// Which line.
        line: usize,
    },
}

/// An endless stream of steps.
#[derive(Clone, Debug)]
pub struct Workload {
    mix: Mix,
    random: Random,
    /// The next line of its own, by cart.
    next_line: Vec<usize>,
}

impl Workload {
    /// The steps of a seed.
    pub fn new(mix: Mix, seed: u64) -> Self {
        Self { mix, random: Random::new(seed), next_line: vec![mix.shared_lines; mix.carts.max(1)] }
    }

    fn act(&mut self, cart: usize) -> Act {
        if self.random.percent(self.mix.read_percent) {
            return Act::Read;
        }
        let lines = self.next_line[cart].max(1);
        let line = self.random.index(lines);
        match self.random.below(100) {
            0..60 => Act::Add { line: self.line_to_add(cart), units: self.random.between(1, 5) },
            60..75 => Act::Set { line, to: self.random.between(0, 8) },
            75..88 => Act::Remove { line },
            88..98 => Act::Move { line },
            _ => Act::Clear,
        }
    }

    fn line_to_add(&mut self, cart: usize) -> usize {
        if self.mix.shared_lines > 0 && !self.random.percent(self.mix.own_line_percent) {
            return self.random.index(self.mix.shared_lines);
        }
        self.next_line[cart] += 1;
        self.next_line[cart] - 1
    }
}

impl Iterator for Workload {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let cart = self.random.index(self.next_line.len());
        let session = self.random.index(self.mix.sessions.max(1));
        let act = self.act(cart);
        let again = act != Act::Read && self.random.percent(self.mix.again_percent);
        Some(Step { cart, session, act, again })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_decides_the_stream() {
        let steps = |seed| Workload::new(Mix::default(), seed).take(100).collect::<Vec<_>>();
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
    }

    #[test]
    fn a_line_of_its_own_is_added_once() {
        let mix = Mix { own_line_percent: 100, shared_lines: 0, ..Mix::default() };
        let mut seen = BTreeSet::new();
        for step in Workload::new(mix, 1).take(1000) {
            if let Act::Add { line, .. } = step.act {
                assert!(seen.insert((step.cart, line)), "{step:?}");
            }
        }
        assert!(seen.len() > 200);
    }
}
