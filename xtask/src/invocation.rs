//! One command line: run from the root of the workspace, and shown as a person would type it.
//!
//! Output is never held back until the end: a command that hangs must be seen hanging.

use std::env;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, setpriority_process};

/// A command, its arguments and the variables set for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Invocation {
    program: String,
    args: Vec<String>,
    variables: Vec<(String, String)>,
}

/// A command that goes on beside others.
pub(crate) struct Beside(Child);

/// The priority of what takes only what others leave (`nice`).
const LOWEST: i32 = 19;

impl Invocation {
    /// `cargo` with the words of `args`; the very cargo that runs this process.
    pub(crate) fn cargo(args: &str) -> Self {
        let args = args.split_whitespace().map(str::to_owned).collect();
        Self { program: "cargo".to_owned(), args, variables: Vec::new() }
    }

    /// Another program, by name or path, without arguments yet.
    pub(crate) fn program(program: impl Into<String>) -> Self {
        Self { program: program.into(), ..Self::default() }
    }

    /// One more argument, taken whole: a path may hold spaces.
    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets one environment variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs to the end with the output going where ours goes. Fails when the command does.
    pub(crate) fn run(&self, root: &Path) -> Result<()> {
        let status = self.command(root).status().with_context(|| format!("`{self}` cannot be started"))?;
        self.judge(status)
    }

    /// Begins it, to go on beside others with what these leave of the processors.
    pub(crate) fn begin(&self, root: &Path) -> Result<Beside> {
        let child = self.command(root).spawn().with_context(|| format!("`{self}` cannot be started"))?;
        let beside = Beside(child);
        setpriority_process(Some(Pid::from_child(&beside.0)), LOWEST)
            .with_context(|| format!("`{self}` cannot be given the lowest priority"))?;
        Ok(beside)
    }

    /// Runs to the end, shows standard output as it comes, and hands every piece of it to `seen` as well.
    /// Fails when the command does, after all of its output was seen.
    pub(crate) fn run_shown(&self, root: &Path, mut seen: impl FnMut(&[u8])) -> Result<()> {
        let mut screen = io::stdout().lock();
        self.run_watched(root, |piece| {
            seen(piece);
            screen.write_all(piece)?;
            screen.flush()
        })
    }

    /// Runs to the end and hands standard output over as it comes, in pieces cut anywhere.
    /// Fails when the command does, after all of its output was seen.
    fn run_watched(&self, root: &Path, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> Result<()> {
        let mut child = self
            .command(root)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{self}` cannot be started"))?;
        let mut output = child.stdout.take().context("standard output is not a pipe")?;
        let mut piece = [0_u8; 8192];
        loop {
            let length = output.read(&mut piece)?;
            if length == 0 {
                break;
            }
            take(&piece[..length])?;
        }
        let status = child.wait()?;
        self.judge(status)
    }

    fn judge(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!("`{self}` ended with {status}");
        }
        Ok(())
    }

    fn command(&self, root: &Path) -> Command {
        let program = match self.program.as_str() {
            "cargo" => env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            other => other.into(),
        };
        let mut command = Command::new(program);
        // What cargo tells this program of itself would be taken for a change by build scripts that look there, and what
        // was built outside of it would be built again.
        for name in
            env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| is_of_us(name))
        {
            command.env_remove(name);
        }
        command.args(&self.args).current_dir(root).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Ends what is still going on when nobody needs it any more.
impl Drop for Beside {
    fn drop(&mut self) {
        // It has ended by itself, as a rule.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// True of variables that cargo sets for the package that it runs.
fn is_of_us(name: &str) -> bool {
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_PRIMARY_PACKAGE"
}

/// As typed into a shell.
impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", quoted(value))?;
        }
        write!(f, "{}", self.program)?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;

    use rustix::process::{Pid, getpriority_process, test_kill_process};

    use super::{Invocation, LOWEST};

    #[test]
    fn a_command_is_shown_as_it_is_typed() {
        let command = Invocation::cargo("doc --no-deps").variable("RUSTDOCFLAGS", "-Dwarnings").arg("a b");
        assert_eq!(command.to_string(), "RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps 'a b'");
    }

    #[test]
    fn a_command_that_fails_is_an_error_that_names_it() {
        let error = Invocation::program("false").run(Path::new(".")).unwrap_err();
        assert!(error.to_string().contains("`false`"), "{error:#}");
    }

    #[test]
    fn a_command_does_not_hear_of_the_package_that_runs_it() {
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "cargo has set it");
        let mut seen = Vec::new();
        let command = Invocation::program("env");
        command.run_watched(Path::new("."), |piece| seen.write_all(piece)).unwrap();
        let seen = String::from_utf8(seen).unwrap();
        assert!(seen.contains("PATH=") && !seen.contains("CARGO_MANIFEST_"), "{seen}");
    }

    #[test]
    fn what_goes_on_beside_others_takes_what_they_leave_and_ends_with_its_handle() {
        let beside = Invocation::program("tail").arg("-f").arg("/dev/null").begin(Path::new(".")).unwrap();
        let pid = Pid::from_child(&beside.0);
        assert_eq!(getpriority_process(Some(pid)).unwrap(), LOWEST);
        drop(beside);
        assert!(test_kill_process(pid).is_err(), "it is gone");
    }

    #[test]
    fn a_watched_command_hands_over_all_of_its_output_even_when_it_fails() {
        let mut seen = Vec::new();
        let command = Invocation::program("sh").arg("-c").arg("printf 'one\\n'; printf two; exit 3");
        let outcome = command.run_watched(Path::new("."), |piece| seen.write_all(piece));
        assert!(outcome.is_err());
        assert_eq!(String::from_utf8(seen).unwrap(), "one\ntwo");
    }
}
