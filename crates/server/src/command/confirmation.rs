//! A question before something that cannot be undone.

use std::{
    io::{IsTerminal, stdin},
    process::ExitCode,
};

/// Wrong usage.
const USAGE: u8 = 2;

/// What cannot be undone, in the words of its questions.
pub(super) struct Deed {
    /// Such as `erasing`.
    pub(super) doing: &'static str,
    /// Such as `erased`.
    pub(super) done: &'static str,
    /// Asks for it, and ends in a space.
    pub(super) question: String,
}

/// `None` where it is to be done: `--yes` was said, or the answer at the terminal is yes. Else how the command ends.
#[expect(clippy::print_stderr, reason = "the question to whoever called")]
pub(super) fn refused(is_said: bool, deed: &Deed) -> anyhow::Result<Option<ExitCode>> {
    let Deed { doing, done, question } = deed;
    if is_said {
        return Ok(None);
    }
    if !stdin().is_terminal() {
        eprintln!("evercart: {doing} cannot be undone: say --yes where nobody can be asked");
        return Ok(Some(ExitCode::from(USAGE)));
    }
    eprint!("{question}It cannot be undone. [yes/no] ");
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(None);
    }
    eprintln!("nothing was {done}");
    Ok(Some(ExitCode::FAILURE))
}
