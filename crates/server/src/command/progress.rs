//! How far something long is, for whoever waits at a terminal.

use super::terminal::grouped;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Instant;

/// A bar on standard error, of so many parts; it stays away where that is not a terminal.
pub(super) struct Progress {
    pub(super) bar: ProgressBar,
    /// What is counted beside the bar.
    things: &'static str,
    started: Instant,
}

impl Progress {
    pub(super) fn new(length: u64, doing: &'static str, things: &'static str) -> Self {
        let bar = ProgressBar::new(length).with_prefix(doing);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:40} {percent}%  {msg}  {eta} left") {
            bar.set_style(style);
        }
        Self { bar, things, started: Instant::now() }
    }

    /// So many of them by now.
    pub(super) fn tell(&self, count: u64) {
        let rate = count.saturating_mul(1_000)
            / u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.bar.set_message(format!("{} {}, {}/s", grouped(count), self.things, grouped(rate)));
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
