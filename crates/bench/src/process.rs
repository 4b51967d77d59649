//! A program that is measured, as a child process: started, held still while another has its turn, and ended.
//!
//! It is killed when its handle is dropped. Nothing is stopped but what was started here.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A running program that listens.
pub(crate) struct Side {
    /// As the report calls it.
    pub(crate) name: &'static str,
    /// Where it answers.
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

    /// The yardstick `hello`: this very program.
    pub(crate) fn hello() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["hello", "--listen", "127.0.0.1:0"]);
        Self::announced("hello", &mut command, |line| line.parse().ok())
    }

    /// Evercart on a data directory, with no limit of the rate of callers.
    pub(crate) fn evercart(binary: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EVERCART_"))
        {
            command.env_remove(name);
        }
        command.envs(
            ["PRINCIPAL", "ADDRESS", "SESSIONS"].map(|who| (format!("EVERCART_RATE__{who}_PER_MINUTE"), "0")),
        );
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        // What it says is kept beside its data.
        command.stderr(fs::File::create(data.join("bench.log"))?);
        Self::announced("evercart", &mut command, |line| {
            let said: serde_json::Value = serde_json::from_str(line).ok()?;
            said["url"].as_str()?.strip_prefix("http://")?.parse().ok()
        })
    }

    /// Starts a program whose first line of output says where it listens.
    fn announced(
        name: &'static str,
        command: &mut Command,
        address: impl FnOnce(&str) -> Option<SocketAddr>,
    ) -> Result<Self> {
        let shown = shown(command);
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("`{shown}` cannot start"))?;
        let mut line = String::new();
        let output = child.stdout.take().context("standard output is not a pipe")?;
        BufReader::new(output).read_line(&mut line)?;
        let address = address(line.trim()).with_context(|| format!("`{shown}` did not say where it listens"));
        let mut side = Self { name, address: SocketAddr::from(([127, 0, 0, 1], 0)), command: shown, child };
        side.address = address?;
        Ok(side)
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
