//! How many tests ran: the sum of the closing lines of every test binary.
//!
//! `cargo test` closes once for each binary and never sums up; whoever reads only the last lines of a run needs the sum.

use std::fmt;

/// Counts of tests. `skipped` are those the runner calls ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// Reads `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; …`; nothing on any other line.
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |kind: &str| {
            let part = counts.split("; ").find(|part| part.ends_with(kind))?;
            part.split(' ').next()?.parse::<u64>().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
    }

    /// Adds the counts of another run.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Sums up the closing lines in output that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Counts,
    line: Vec<u8>,
}

impl Tally {
    /// Takes the next piece of output; a line may be cut anywhere.
    pub(crate) fn read(&mut self, piece: &[u8]) {
        for &byte in piece {
            if byte == b'\n' {
                self.close_line();
            } else {
                self.line.push(byte);
            }
        }
    }

    /// What was counted, when no more output comes.
    pub(crate) fn finish(mut self) -> Counts {
        self.close_line();
        self.counts
    }

    fn close_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        // A program under test that prints no newline may stand before the runner's words on the same line.
        if let Some(counts) = line.find("test result: ").and_then(|start| Counts::parse(&line[start..])) {
            self.counts.add(counts);
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Tally};

    const OUTPUT: &str = "running 3 tests\ntest a ... ok\n\
        test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n\
        test result: FAILED. 40 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.21s";

    fn check(pieces: &[&str], expected: &str) {
        let mut tally = Tally::default();
        pieces.iter().for_each(|piece| tally.read(piece.as_bytes()));
        assert_eq!(tally.finish().to_string(), expected);
    }

    #[test]
    fn closing_lines_of_all_binaries_are_summed() {
        check(&[OUTPUT], "42 passed, 3 failed, 1 skipped");
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let (head, tail) = OUTPUT.split_at(60);
        check(&[head, tail], "42 passed, 3 failed, 1 skipped");
    }

    #[test]
    fn other_lines_count_nothing() {
        check(
            &["test result: odd. 3 tests went by\n5 passed; 1 failed; 2 ignored\n"],
            "0 passed, 0 failed, 0 skipped",
        );
        assert_eq!(Counts::parse("test result: ok. many passed; 0 failed; 0 ignored"), None);
    }
}
