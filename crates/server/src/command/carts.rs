//! `evercart export` and `evercart import`: all carts of a shop to a file, and the carts of a file into a shop.
//!
//! The file is made of [lines](crate::cart_lines) that are checked one by one, and as a whole by its last one.

pub(super) mod export;
mod file;
pub(super) mod import;

use super::terminal::grouped;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Instant;

/// The path of carts.
const CARTS: &str = "/v1/admin/carts";

/// A bar on standard error, of so many parts; it stays away where that is not a terminal.
struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    fn new(length: u64, doing: &'static str) -> Self {
        let bar = ProgressBar::new(length).with_prefix(doing);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:40} {percent}%  {msg}  {eta} left") {
            bar.set_style(style);
        }
        Self { bar, started: Instant::now() }
    }

    /// So many carts by now.
    fn tell(&self, carts: u64) {
        let rate = carts.saturating_mul(1_000)
            / u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.bar.set_message(format!("{} carts, {}/s", grouped(carts), grouped(rate)));
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
