//! A program that is measured, as a child process: started, held still while another has its turn, and ended.
//!
//! It is killed when its handle is dropped. Nothing is stopped but what was started here.

use crate::workload;
use anyhow::{Context, Result};
use gameday::{
    load::{Pace, Plan},
    process,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// Whose rates are not limited: all load comes from one address.
const UNLIMITED: [&str; 3] = ["PRINCIPAL", "ADDRESS", "SESSIONS"];

/// A running program.
pub(crate) struct Side {
    /// As the report calls it.
    pub(crate) name: &'static str,
    /// Where it answers, if it listens.
    pub(crate) address: SocketAddr,
    /// How it was started.
    pub(crate) command: String,
    child: Child,
}

impl Side {
    /// Starts a program that will listen on `address`.
    pub(crate) fn spawned(name: &'static str, command: &mut Command, address: SocketAddr) -> Result<Self> {
        let shown = shown(command);
        let child = command.spawn().with_context(|| format!("`{shown}` cannot start"))?;
        Ok(Self { name, address, command: shown, child })
    }

    /// The yardstick `hello`: this very program; with a journal where it is given a folder.
    pub(crate) fn hello(name: &'static str, journal: Option<&Path>) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["hello", "--listen", "127.0.0.1:0"]);
        if let Some(folder) = journal {
            command.arg("--journal").arg(folder);
        }
        let (mut side, line, _) = Self::announced(name, command.stdin(Stdio::null()))?;
        side.address = line.parse().with_context(|| format!("`{line}` is no address"))?;
        Ok(side)
    }

    /// Evercart on a data directory, with no limit of the rate of callers.
    pub(crate) fn evercart(name: &'static str, binary: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        process::without_settings(&mut command);
        Self::served(name, &mut command, data, None)
    }

    /// The same by a program with its environment, configured by a file.
    pub(crate) fn served(
        name: &'static str,
        command: &mut Command,
        data: &Path,
        config: Option<&Path>,
    ) -> Result<Self> {
        command.envs(UNLIMITED.map(|who| (format!("{}RATE__{who}_PER_MINUTE", process::PREFIX), "0")));
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        if let Some(config) = config {
            command.arg("--config").arg(config);
        }
        // What it says is kept beside its data.
        command.stdin(Stdio::null()).stderr(fs::File::create(data.join("bench.log"))?);
        let (mut side, line, _) = Self::announced(name, command)?;
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let address = said["url"].as_str().and_then(|url| url.strip_prefix("http://")?.parse().ok());
        side.address =
            address.with_context(|| format!("`{}` does not listen: see bench.log", side.command))?;
        Ok(side)
    }

    /// Starts a program and waits for its first line of output, which says that it is ready.
    pub(crate) fn announced(
        name: &'static str,
        command: &mut Command,
    ) -> Result<(Self, String, BufReader<ChildStdout>)> {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut side = Self::spawned(name, command.stdout(Stdio::piped()), nowhere)?;
        let mut output = BufReader::new(side.child.stdout.take().context("standard output is not a pipe")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        Ok((side, line.trim().to_owned(), output))
    }

    /// A run of the load driver against it.
    pub(crate) fn plan(&self, connections: usize, duration: Duration, pace: Pace) -> Plan {
        Plan { address: self.address, connections, duration, pace, kinds: workload::KINDS }
    }

    /// Its standard input, once, where that is a pipe.
    pub(crate) fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Takes it off the cores until [`Self::wake`].
    pub(crate) fn hold(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub(crate) fn wake(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Bytes of its memory that are resident.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?).context("no process")?;
        kill_process(pid, signal).with_context(|| format!("`{}` takes no signal", self.name))
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let set = set.map(|(name, value)| format!("{}={} ", name.to_string_lossy(), value.to_string_lossy()));
    set.collect::<String>() + &words.join(" ")
}
