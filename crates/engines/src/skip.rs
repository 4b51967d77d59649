//! Tests on a machine that cannot have an engine: skipped, loudly, and failed where `CI` is set.
//!
//! A check that silently stopped running is worse than none.

use std::env;

use crate::{Error, Result};

/// The server, or nothing where this machine cannot have it: then the caller returns and its test counts as passed, which
/// is said on standard error.
///
/// ```no_run
/// let Some(postgres) = engines::or_skip(engines::postgres::Postgres::start()) else { return };
/// # drop(postgres);
/// ```
///
/// # Panics
///
/// Where the engine could be had and does not work, and where `CI` is set and it is missing.
#[expect(clippy::panic, reason = "it is called by tests: a panic is how one fails")]
#[expect(clippy::print_stderr, reason = "a test has nowhere else to say that it checked nothing")]
pub fn or_skip<T>(outcome: Result<T>) -> Option<T> {
    let required = required();
    match outcome {
        Ok(server) => Some(server),
        Err(error) if may_skip(required, &error) => {
            eprintln!("SKIPPED, so NOTHING was checked: {error}");
            None
        }
        Err(error) => panic!("{}", told(&error)),
    }
}

/// Whether nothing may be skipped, since nobody reads what is printed: where `CI` is set.
pub fn required() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}

fn may_skip(required: bool, error: &Error) -> bool {
    !required && error.is_missing()
}

/// The message and those of its causes.
fn told(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::{may_skip, told};
    use crate::Error;

    #[test]
    fn what_is_missing_is_skipped_unless_it_is_required_and_what_is_broken_never() {
        let missing = Error::missing("an engine", "install it");
        assert!(may_skip(false, &missing) && !may_skip(true, &missing));
        let broken = Error::File { path: "a".into(), source: std::io::Error::other("no room") };
        assert!(!may_skip(false, &broken));
        assert!(told(&broken).ends_with(": no room"), "{}", told(&broken));
    }
}
