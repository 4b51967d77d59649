//! Programs of Debian packages, unpacked into a folder of ours and not installed: no service starts, and nobody needs
//! root.
//!
//! The packages are those that an installation would bring: the wanted one, and what it needs and this machine lacks.
//! Lists and downloads are kept in that folder too, so that the machine's own are neither needed nor changed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Error, Folder, Result, program};

const PATIENCE: Duration = Duration::from_mins(10);

/// The name and value of an environment variable.
pub type Variable = (&'static str, OsString);

/// A program of this machine, or of an unpacked package.
#[derive(Clone, Debug)]
pub struct Program {
    /// Where it is; other programs of its package are beside it.
    pub path: PathBuf,
    /// What it is to be started with.
    pub variable: Option<Variable>,
}

/// The program `name`, had from its package where this machine does not have it; `user` is whom an error names.
///
/// # Errors
///
/// When this machine lacks it and cannot have packages of Debian, or their registry does not answer.
pub fn program(folder: &Folder, user: &'static str, package: &str, name: &str) -> Result<Program> {
    if let Some(path) = program::find(name) {
        return Ok(Program { path, variable: None });
    }
    let unpacked = unpacked(folder, user, package)?;
    let path = unpacked.join("usr/bin").join(name);
    Ok(Program { path, variable: Some(libraries(&unpacked)) })
}

/// Where the package `name` is unpacked.
pub(crate) fn unpacked(folder: &Folder, user: &'static str, name: &str) -> Result<PathBuf> {
    for program in ["apt-get", "dpkg"] {
        if program::find(program).is_none() {
            return Err(Error::missing(
                user,
                format!("install the package {name}, or what it is called here"),
            ));
        }
    }
    super::folder(folder, name, |folder| unpack(folder, name)).map_err(|error| match error {
        Error::File { .. } => error,
        error => Error::missing(user, format!("run `apt-get install {name}` as root ({error})")),
    })
}

/// Where the programs of an unpacked package find the libraries that came with it: a variable to start them with.
pub(crate) fn libraries(unpacked: &Path) -> Variable {
    let roots = [unpacked.join("usr/lib"), unpacked.join("lib")];
    let within = roots.iter().flat_map(|root| fs::read_dir(root).into_iter().flatten().flatten());
    let of_machine =
        within.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    ("LD_LIBRARY_PATH", env::join_paths(of_machine.chain(roots.clone())).unwrap_or_default())
}

/// Installs packages; for root alone.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["--quiet", "--yes", "--no-install-recommends"]).args(words);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        program::output(command, PATIENCE).map(drop)
    };
    let install: Vec<&str> = ["install"].iter().chain(packages).copied().collect();
    apt(&install).or_else(|_| {
        apt(&["update"])?;
        apt(&install)
    })
}

fn unpack(folder: &Path, name: &str) -> Result<()> {
    let state = folder.join("apt");
    let lists = state.join("lists/partial");
    let downloads = state.join("cache/archives/partial");
    for part in [&lists, &downloads] {
        fs::create_dir_all(part).map_err(Error::file(part))?;
    }
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        let own = |what: &str, path: &Path| format!("{what}={}", path.display());
        command.arg("-o").arg(own("Dir::State::lists", &state.join("lists")));
        command.arg("-o").arg(own("Dir::Cache", &state.join("cache")));
        command.args(["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "--quiet", "--yes"]);
        command.arg("--no-install-recommends").args(words).current_dir(&state);
        program::output(command, PATIENCE)
    };
    apt(&["update"])?;
    let plan = apt(&["install", "--simulate", name])?;
    let packages = to_be_installed(&plan);
    let download: Vec<&str> = ["download"].into_iter().chain(packages).collect();
    apt(&download)?;
    for file in fs::read_dir(&state).map_err(Error::file(&state))?.flatten().map(|entry| entry.path()) {
        if file.extension().is_some_and(|end| end == "deb") {
            let mut dpkg = Command::new("dpkg");
            dpkg.arg("-x").arg(&file).arg(folder);
            program::output(dpkg, PATIENCE)?;
        }
    }
    fs::remove_dir_all(&state).map_err(Error::file(&state))
}

/// `Inst NAME (VERSION …)`, one line for each.
fn to_be_installed(plan: &str) -> impl Iterator<Item = &str> {
    plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next())
}

#[cfg(test)]
mod tests {
    use super::to_be_installed;

    #[test]
    fn what_an_installation_would_bring_is_read_from_its_simulation() {
        let plan = "Reading lists...\nInst liblzf1 (3.6-3 Debian [amd64])\n\
                    Inst redis-server (5:7.0.15 Debian [amd64])\nConf redis-server (5:7.0.15)\n";
        assert_eq!(to_be_installed(plan).collect::<Vec<_>>(), ["liblzf1", "redis-server"]);
    }
}
