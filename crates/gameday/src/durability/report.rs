//! What was found, for people and for programs.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

/// Of a whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// What chance started from.
    pub seed: u64,
    /// The form with more rounds.
    pub is_long: bool,
    /// Of each scenario.
    pub outcomes: Vec<Outcome>,
}

/// Of one scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// What it found.
    pub verdict: Verdict,
}

/// What a scenario found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Promises that were broken, in words.
    pub findings: Vec<String>,
    /// What was counted.
    pub figures: Vec<Figure>,
    /// Of damage by kind of file.
    pub damage: Vec<Damage>,
    /// Why it was not run.
    pub skipped: Option<String>,
}

/// Something that was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What.
    pub name: String,
    /// How often.
    pub value: u64,
}

/// What became of damage to one kind of file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The kind: a path with its numbers left out.
    pub kind: String,
    /// How often it was done.
    pub flips: u64,
    /// The server refused to start and named the file.
    pub refused: u64,
    /// The server refused to start and named the folder of the file.
    pub folder: u64,
    /// It served, and said of some cart that it cannot be read.
    pub typed: u64,
    /// Every cart was right.
    pub harmless: u64,
    /// A cart was wrong, or the server ended in a way that says nothing.
    pub wrong: u64,
}

impl Verdict {
    /// A finding alone.
    pub fn failed(finding: String) -> Self {
        Self { findings: vec![finding], ..Self::default() }
    }

    /// Not run.
    pub fn skipped(why: String) -> Self {
        Self { skipped: Some(why), ..Self::default() }
    }

    /// The same, where nothing may be skipped.
    pub fn required(mut self) -> Self {
        let skipped = self.skipped.iter().map(|why| format!("`CI` is set, and this was skipped: {why}"));
        self.findings.extend(skipped);
        self
    }

    /// Adds findings of a round.
    pub fn find(&mut self, place: &str, findings: impl IntoIterator<Item = String>) {
        self.findings.extend(findings.into_iter().map(|finding| format!("{place}: {finding}")));
    }

    /// Adds a finding where something that must hold does not.
    pub fn demand(&mut self, holds: bool, place: &str, finding: &str) {
        self.find(place, (!holds).then(|| finding.to_owned()));
    }

    /// Adds to a figure.
    pub fn count(&mut self, name: &str, more: u64) {
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.value += more,
            None => self.figures.push(Figure { name: name.to_owned(), value: more }),
        }
    }

    /// True when nothing was found.
    pub fn has_passed(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Report {
    /// True when no scenario found anything.
    pub fn has_passed(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.verdict.has_passed())
    }
}

/// Findings shown of one scenario; the rest is counted.
const FINDINGS_SHOWN: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.is_long { "long" } else { "short" };
        writeln!(f, "crash test, {form} form, seed {}", self.seed)?;
        self.outcomes.iter().try_for_each(|outcome| write!(f, "{outcome}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, seconds, verdict } = self;
        let word = match (&verdict.skipped, verdict.has_passed()) {
            (_, false) => "FAILED",
            (Some(_), true) => "SKIPPED",
            (None, true) => "passed",
        };
        writeln!(f, "\n{name}: {word} in {seconds:.1} s")?;
        if let Some(why) = &verdict.skipped {
            writeln!(f, "  NOTHING was checked: {why}")?;
        }
        for Figure { name, value } in &verdict.figures {
            writeln!(f, "  {value:>8}  {name}")?;
        }
        f.write_str(&table(&verdict.damage))?;
        for finding in verdict.findings.iter().take(FINDINGS_SHOWN) {
            writeln!(f, "  FOUND {finding}")?;
        }
        match verdict.findings.len().saturating_sub(FINDINGS_SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} findings more"),
        }
    }
}

fn table(damage: &[Damage]) -> String {
    let mut text = String::new();
    let Some(width) = damage.iter().map(|row| row.kind.len()).max() else { return text };
    let head = ["flips", "file", "folder", "of a cart", "harmless", "WRONG"];
    let _ = write!(text, "  {:width$}", "kind of file");
    head.iter().for_each(|name| text.push_str(&format!("  {name:>9}")));
    text.push('\n');
    for Damage { kind, flips, refused, folder, typed, harmless, wrong } in damage {
        let _ = write!(text, "  {kind:width$}");
        [flips, refused, folder, typed, harmless, wrong]
            .iter()
            .for_each(|value| text.push_str(&format!("  {value:>9}")));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_fails_only_where_it_is_required() {
        let skipped = Verdict::skipped("no compiler".to_owned());
        assert!(skipped.has_passed() && !skipped.required().has_passed());
    }

    #[test]
    fn a_finding_fails_the_report_and_a_figure_does_not() {
        let mut verdict = Verdict::default();
        verdict.count("kills", 2);
        verdict.count("kills", 1);
        verdict.demand(true, "here", "never");
        assert!(verdict.has_passed() && verdict.figures[0].value == 3);
        verdict.demand(false, "round 1", "a lost add");
        let outcome = Outcome { name: "kill".to_owned(), seconds: 1.0, verdict };
        let report = Report { seed: 7, is_long: false, outcomes: vec![outcome] };
        assert!(!report.has_passed());
        assert!(report.to_string().contains("FOUND round 1: a lost add"), "{report}");
    }
}
