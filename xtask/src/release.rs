//! Optimised builds of the programs that checks and measurements run.
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

/// How they are optimised: a profile of the workspace's manifest, whose folder has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// In the time of a build that is waited for.
    Release,
    /// As what is deployed.
    Dist,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }
}

/// The command that builds all of them at once.
pub(crate) fn build_all() -> Invocation {
    build("build", Profile::Release, &Program::ALL)
}

/// Builds the server, if it is not there, and says where it is.
pub(crate) fn server(root: &Path) -> Result<PathBuf> {
    let [server] = built(root, Profile::Release, [Program::Server])?;
    Ok(server)
}

/// The same of the server and of a program that is run against it, in this order.
pub(crate) fn server_and(root: &Path, profile: Profile, program: Program) -> Result<[PathBuf; 2]> {
    built(root, profile, [Program::Server, program])
}

fn built<const N: usize>(root: &Path, profile: Profile, programs: [Program; N]) -> Result<[PathBuf; N]> {
    build("build", profile, &programs).run(root)?;
    let metadata =
        MetadataCommand::new().current_dir(root).no_deps().exec().context("cargo metadata failed")?;
    let folder = metadata.target_directory.join(profile.name());
    Ok(programs.map(|program| folder.join(program.binary()).into()))
}

fn build(verb: &str, profile: Profile, programs: &[Program]) -> Invocation {
    let build = Invocation::cargo(verb).arg("--profile").arg(profile.name()).arg("--locked");
    programs.iter().fold(build, |build, program| {
        build.arg("-p").arg(program.package()).arg("--bin").arg(program.binary())
    })
}

#[cfg(test)]
mod tests {
    use super::{Profile, Program, build};

    #[test]
    fn a_program_is_built_together_with_the_server() {
        assert_eq!(
            build("build", Profile::Release, &[Program::Server, Program::Gameday]).to_string(),
            "cargo build --profile release --locked -p server --bin evercart -p gameday --bin gameday"
        );
    }
}
