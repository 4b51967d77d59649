//! The progress bar, on standard error.

use indicatif::{ProgressBar, ProgressStyle};

use super::drive::Outcome;

/// The progress bar; hidden where nobody looks.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(invoices: u64, hidden: bool) -> Self {
        let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(invoices) };
        let template = "{bar:40} {pos}/{len} invoices  {per_sec}  {eta} left  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    pub(super) fn tell(&self, outcome: &Outcome) {
        self.bar.set_position(outcome.visits);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
