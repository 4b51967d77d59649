//! What a run tells: how much happened, a hash of all of it, and the promise that was broken, if one was.

use crate::climate::Climate;
use std::{collections::VecDeque, fmt};

/// A run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed of it.
    pub seed: u64,
    /// The kind of its world.
    pub climate: Climate,
    /// Requests that nodes were asked to execute.
    pub requests: usize,
    /// Requests of them that changed a cart.
    pub applied: usize,
    /// Milliseconds of simulated time.
    pub simulated_ms: u64,
    /// A hash of the whole trace: two runs with one hash are the same run.
    pub trace_hash: u64,
    /// The last lines of the trace, or all of them if the options say so.
    pub trace: Vec<String>,
    /// The promise that was broken.
    pub violation: Option<Violation>,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise, as the specification numbers and names it.
    pub promise: String,
    /// Where and how.
    pub what: String,
}

impl Violation {
    pub(crate) fn of(promise: impl Into<String>, what: impl Into<String>) -> Self {
        Self { promise: promise.into(), what: what.into() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, climate, requests, applied, simulated_ms, trace_hash, .. } = self;
        let seconds = simulated_ms / 1_000;
        if let Some(Violation { promise, what }) = &self.violation {
            writeln!(f, "the trace up to the violation:")?;
            self.trace.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
            writeln!(f, "violated: {promise}\n  {what}")?;
        }
        write!(
            f,
            "seed {seed:#x}, climate {}: {requests} requests, {applied} applied, {seconds} s simulated, trace {trace_hash:016x}, {}",
            climate.name,
            if self.violation.is_some() { "VIOLATED" } else { "fine" },
        )
    }
}

/// The trace while it grows.
pub(crate) struct Trace {
    hash: u64,
    lines: VecDeque<String>,
    lines_max: usize,
}

impl Trace {
    pub(crate) fn new(lines_max: usize) -> Self {
        // FNV-1a: what a trace hashes to must not depend on a library.
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: VecDeque::new(), lines_max }
    }

    pub(crate) fn note(&mut self, line: String) {
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if self.lines.len() >= self.lines_max {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
