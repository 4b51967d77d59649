//! The Java that Cassandra and DynamoDB Local run on, and Maven: the machine's own.
//!
//! Cassandra 5 runs on Java 11 and 17 and on no later one. Where root misses them, Debian's packages are installed: no
//! service comes with them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Error, Folder, Result, launch, program};

const PACKAGES: [&str; 2] = ["openjdk-17-jre-headless", "maven"];

/// A Java that suits.
pub(crate) fn java(folder: &Folder, engine: &'static str) -> Result<PathBuf> {
    had(folder, engine, || candidates().into_iter().find(|java| suits(java)))
}

/// Maven.
pub(crate) fn maven(folder: &Folder, engine: &'static str) -> Result<PathBuf> {
    had(folder, engine, || program::find("mvn"))
}

/// What `find` finds, now or after an installation.
fn had(folder: &Folder, engine: &'static str, find: impl Fn() -> Option<PathBuf>) -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    if launch::is_root() && program::find("apt-get").is_some() {
        let _lock = folder.lock("apt")?;
        if let Some(found) = find() {
            return Ok(found);
        }
        folder.tell(&format!("installing {} (once)", PACKAGES.join(", ")));
        super::debian::install(&PACKAGES).map_err(|error| {
            Error::missing(engine, format!("it wants Java 17 and Maven, which cannot be installed: {error}"))
        })?;
    }
    let advice = format!("it wants Java 17 and Maven: run `apt-get install {}` as root", PACKAGES.join(" "));
    find().ok_or_else(|| Error::missing(engine, advice))
}

/// The one in use first, then those that stand beside it.
fn candidates() -> Vec<PathBuf> {
    let homes = ["JAVA_HOME", "JAVA_HOME_17_X64", "JAVA_HOME_17_ARM64", "JAVA_HOME_11_X64"];
    let homes = homes.iter().filter_map(env::var_os).map(PathBuf::from);
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten().map(|entry| entry.path());
    let in_homes = homes.chain(installed).map(|home| home.join("bin/java"));
    program::find("java").into_iter().chain(in_homes).collect()
}

fn suits(java: &Path) -> bool {
    let mut command = Command::new(java);
    // It prints its version to standard error, and to standard output only when asked with two dashes.
    command.arg("--version");
    let version = program::output(command, Duration::from_secs(20)).unwrap_or_default();
    matches!(major(&version), Some(11 | 17))
}

/// `openjdk 17.0.15 2025-04-15`.
fn major(version: &str) -> Option<u32> {
    version.split_whitespace().nth(1)?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read_from_what_java_prints() {
        assert_eq!(major("openjdk 17.0.15 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(major("java 21 2023-09-19 LTS"), Some(21));
        assert_eq!(major(""), None);
    }
}
