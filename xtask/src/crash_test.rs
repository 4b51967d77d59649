//! `cargo xtask crash-test`: the release server is killed, filled up, damaged, stopped and misled about the time, and
//! every cart is compared with what it acknowledged.
//!
//! The work is the command `gameday crash-test`, which is built here beside the server and says what it found. What this
//! machine cannot do, such as mounting a small disk, it skips loudly, and fails where `CI` is set.

use std::path::Path;

use anyhow::{Result, anyhow};

use crate::invocation::Invocation;
use crate::release::{self, Profile, Program};

/// The short form, as a step of `ci`.
pub(crate) fn run(root: &Path) -> Result<()> {
    run_with(root, false, &[])
}

/// Builds both programs and runs one against the other, with further words for it.
pub(crate) fn run_with(root: &Path, is_long: bool, words: &[String]) -> Result<()> {
    let [server, gameday] = release::server_and(root, Profile::Release, Program::Gameday)?;
    let outcome = command(&gameday, &server, is_long, words).run(root);
    outcome.map_err(|_| anyhow!("the crash test found something, see above; `--seed` repeats its choices"))
}

fn command(gameday: &Path, server: &Path, is_long: bool, words: &[String]) -> Invocation {
    let run = Invocation::program(gameday.display().to_string()).arg("crash-test").arg("--binary");
    let run = run.arg(server.display().to_string());
    let long = is_long.then(|| "--long".to_owned());
    long.iter().chain(words).fold(run, |run, word| run.arg(word.as_str()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::command;

    #[test]
    fn further_words_reach_the_command() {
        let words = ["--scenario".to_owned(), "kill".to_owned()];
        let shown = command(Path::new("gameday"), Path::new("evercart"), true, &words).to_string();
        assert_eq!(shown, "gameday crash-test --binary evercart --long --scenario kill");
    }
}
