//! Release builds of the programs that checks run.
//!
//! What one step has built, no other builds again: features are chosen by the packages that are named together, so every
//! program is built together with the server, whose features hold those of all others.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

use crate::invocation::Invocation;

/// A program of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The server, `evercart`.
    Server,
    /// Yardsticks and the server beside them.
    Bench,
    /// Faults and checkers.
    Gameday,
}

impl Program {
    const ALL: [Self; 3] = [Self::Server, Self::Bench, Self::Gameday];

    fn package(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Bench => "bench",
            Self::Gameday => "gameday",
        }
    }

    fn binary(self) -> &'static str {
        match self {
            Self::Server => "evercart",
            Self::Bench | Self::Gameday => self.package(),
        }
    }
}

/// The command that builds all of them at once.
pub(crate) fn build_all() -> Invocation {
    build("build", &Program::ALL)
}

/// Builds the server, if it is not there, and says where it is.
pub(crate) fn server(root: &Path) -> Result<PathBuf> {
    let [server] = built(root, [Program::Server])?;
    Ok(server)
}

/// The same of the server and of a program that is run against it, in this order.
pub(crate) fn server_and(root: &Path, program: Program) -> Result<[PathBuf; 2]> {
    built(root, [Program::Server, program])
}

fn built<const N: usize>(root: &Path, programs: [Program; N]) -> Result<[PathBuf; N]> {
    build("build --quiet", &programs).run(root)?;
    let metadata =
        MetadataCommand::new().current_dir(root).no_deps().exec().context("cargo metadata failed")?;
    let folder = metadata.target_directory.join("release");
    Ok(programs.map(|program| folder.join(program.binary()).into()))
}

fn build(verb: &str, programs: &[Program]) -> Invocation {
    let build = Invocation::cargo(verb).arg("--release").arg("--locked");
    programs.iter().fold(build, |build, program| {
        build.arg("-p").arg(program.package()).arg("--bin").arg(program.binary())
    })
}

#[cfg(test)]
mod tests {
    use super::{Program, build};

    #[test]
    fn a_program_is_built_together_with_the_server() {
        assert_eq!(
            build("build", &[Program::Server, Program::Gameday]).to_string(),
            "cargo build --release --locked -p server --bin evercart -p gameday --bin gameday"
        );
    }
}
