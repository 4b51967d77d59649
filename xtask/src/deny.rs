//! `cargo xtask deny`: licences, bans and sources of every dependency, by `deny.toml`.
//!
//! The judge is cargo-deny itself, installed once into `target/tools` where the machine has none: 141 crates, 55 s on two
//! cores. It is not optimised: that takes twice as long, and saves the two seconds that it works no time worth having. A
//! check of our own would be quicker to build and would read the same file differently.
//! Advisories are not checked: their database is not reachable everywhere, and a check that passes or fails by the
//! machine it runs on is no check.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::invocation::Invocation;

/// Changes with a commit only, so that a new release does not change what passes.
const VERSION: &str = "0.20.2";
const TOOLS: &str = "target/tools";

/// Checks the dependencies of the whole workspace.
pub(crate) fn run(root: &Path) -> Result<()> {
    let binary = root.join(TOOLS).join("bin/cargo-deny");
    if !is_current(&binary) {
        install(root)?;
    }
    check(&binary).run(root)
}

fn check(binary: &Path) -> Invocation {
    ["--workspace", "--locked", "check", "licenses", "bans", "sources"]
        .iter()
        .fold(Invocation::program(binary.display().to_string()), |command, word| command.arg(*word))
}

/// The command that installs the judge, and does nothing where it is.
pub(crate) fn installation() -> Invocation {
    Invocation::cargo("install --locked --debug --root").arg(TOOLS).arg(format!("cargo-deny@{VERSION}"))
}

fn install(root: &Path) -> Result<()> {
    let install = installation();
    println!("installing cargo-deny {VERSION} (a minute, once): {install}");
    install.run(root).context("cargo-deny cannot be installed, and without it no licence is checked")
}

/// Whether `binary` is there and is the version that this repository is checked with.
fn is_current(binary: &Path) -> bool {
    let output = Command::new(binary).arg("--version").output();
    output
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == format!("cargo-deny {VERSION}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{check, is_current};

    #[test]
    fn advisories_are_not_asked_for() {
        let command = check(Path::new("cargo-deny")).to_string();
        assert_eq!(command, "cargo-deny --workspace --locked check licenses bans sources");
    }

    #[test]
    fn a_binary_that_is_not_there_is_not_current() {
        assert!(!is_current(Path::new("no/such/binary")));
    }
}
