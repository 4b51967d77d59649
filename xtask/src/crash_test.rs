//! `cargo xtask crash-test`: the release server is killed, filled up, damaged, stopped and misled about the time, and
//! every cart is compared with what it acknowledged.
//!
//! The work is the command `gameday crash-test`, which is built here beside the server and says what it found. What this
//! machine cannot do, such as mounting a small disk, it skips loudly, and fails where `CI` is set.

use std::path::Path;

use anyhow::{Result, anyhow};

use crate::invocation::Invocation;

const BINARY: &str = "target/release/evercart";

/// The short form, as a step of `ci`.
pub(crate) fn run(root: &Path) -> Result<()> {
    run_with(root, false, &[])
}

/// Builds both programs and runs one against the other, with further words for it.
pub(crate) fn run_with(root: &Path, is_long: bool, words: &[String]) -> Result<()> {
    Invocation::cargo("build --quiet --release --locked -p server --bin evercart").run(root)?;
    Invocation::cargo("build --quiet --release --locked -p gameday --bin gameday").run(root)?;
    let outcome = command(is_long, words).run(root);
    outcome.map_err(|_| anyhow!("the crash test found something, see above; `--seed` repeats its choices"))
}

fn command(is_long: bool, words: &[String]) -> Invocation {
    let long = is_long.then(|| "--long".to_owned());
    let run =
        Invocation::cargo("run --quiet --release --locked -p gameday --bin gameday -- crash-test --binary");
    long.iter().chain(words).fold(run.arg(BINARY), |run, word| run.arg(word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn further_words_reach_the_command() {
        let words = ["--scenario".to_owned(), "kill".to_owned()];
        let shown = command(true, &words).to_string();
        assert!(shown.ends_with("--binary target/release/evercart --long --scenario kill"), "{shown}");
    }
}
