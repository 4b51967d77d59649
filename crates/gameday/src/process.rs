//! A server as a process of its own: started on a data directory, killed, stopped, started again.
//!
//! What always holds: it listens on a free port of the loopback, no variable of this process's environment configures
//! it, and it ends with its handle. What it writes on standard error goes to a file of its own for each start.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Longer than any start that is not hung.
const START_MAX: Duration = Duration::from_secs(30);
/// Longer than any end that was asked for, requests under way included.
const END_MAX: Duration = Duration::from_secs(60);
/// Where servers listen: the first port, and how many.
const PORT_MIN: u32 = 24_000;
const PORTS: u32 = 8_000;
/// Variables that configure the server begin with this.
pub const PREFIX: &str = "EVERCART_";

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Evercart {
    /// The built binary.
    pub binary: PathBuf,
    /// Where its data is.
    pub data: PathBuf,
    /// The file that configures it, where there is one.
    pub config: Option<PathBuf>,
    /// The folder for its logs.
    pub logs: PathBuf,
    /// Its environment, beyond that of this process.
    pub environment: Vec<(String, String)>,
}

/// What became of a start.
#[derive(Debug)]
pub enum Started {
    /// It listens.
    Ready(Box<Running>),
    /// It ended by itself before it listened.
    Refused {
        /// How.
        status: ExitStatus,
        /// What it said.
        log: String,
    },
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Running {
    /// Where it answers, without a slash at the end.
    pub url: String,
    child: Child,
    log: PathBuf,
}

impl Evercart {
    /// Starts it, and waits until it listens or has ended.
    pub async fn start(&self) -> Result<Started> {
        let (mut child, log) = self.spawn()?;
        let output = child.stdout.take().context("standard output is not a pipe")?;
        let mut line = String::new();
        let mut output = BufReader::new(output);
        let said = timeout(START_MAX, output.read_line(&mut line)).await;
        said.context("the server neither listens nor ends")?.context("its output cannot be read")?;
        if line.is_empty() {
            let status = timeout(END_MAX, child.wait()).await.context("the server does not end")??;
            return Ok(Started::Refused { status, log: read(&log) });
        }
        let ready: serde_json::Value =
            serde_json::from_str(&line).with_context(|| format!("`{line}` is not JSON"))?;
        let url = ready["url"].as_str().context("the server did not say where it listens")?.to_owned();
        Ok(Started::Ready(Box::new(Running { url, child, log })))
    }

    /// As [`Self::start`], where anything but a server that listens is an error.
    pub async fn serve(&self) -> Result<Running> {
        match self.start().await? {
            Started::Ready(running) => Ok(*running),
            Started::Refused { status, log } => bail!("the server ended with {status} at its start: {log}"),
        }
    }

    /// Starts it and kills it after this time, wherever it is by then: in the middle of its recovery, most likely.
    pub async fn start_and_kill(&self, after: Duration) -> Result<()> {
        let (mut child, _) = self.spawn()?;
        // An end before that time is one that the next start will tell about.
        drop(timeout(after, child.wait()).await);
        child.kill().await.context("the server cannot be killed")
    }

    fn spawn(&self) -> Result<(Child, PathBuf)> {
        fs::create_dir_all(&self.logs).context("the folder of logs cannot be made")?;
        let number = fs::read_dir(&self.logs)?.count();
        let log = self.logs.join(format!("{number:04}.log"));
        let file = File::create(&log).context("the log of the server cannot be made")?;
        let listen = free_address()?;
        let mut command = self.command(&["serve", "--json", "--listen", &listen, "--data"]);
        command.arg(&self.data).stdout(Stdio::piped()).stderr(file);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        let child = command.spawn().with_context(|| format!("`{}` cannot start", self.binary.display()))?;
        Ok((child, log))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        without_settings(command.as_std_mut());
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.args(words).envs(environment).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// A token that `evercart token` makes from the key files of the data directory.
    pub async fn token(&self, kind: &[&str]) -> Result<String> {
        let mut command = self.command(&["token"]);
        let output = command.args(kind).arg("--data").arg(&self.data).output().await?;
        if !output.status.success() {
            bail!("`evercart token` failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Running {
    /// Without a word: nothing is finished. What was written and not synced survives, as it would not a power failure.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("the server cannot be killed")
    }

    /// Asks it to end, as a supervisor does.
    pub fn terminate(&self) -> Result<()> {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        kill_process(id.context("the server has ended already")?, Signal::TERM).context("it takes no signal")
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        timeout(END_MAX, self.child.wait()).await.context("the server does not end")?.map_err(Into::into)
    }

    /// True when it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end and waits for it; an end in error is one here.
    pub async fn stop(mut self) -> Result<()> {
        self.terminate()?;
        let status = self.ended().await?;
        if !status.success() {
            bail!("the server ended with {status}: {}", self.log());
        }
        Ok(())
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        read(&self.log)
    }
}

/// Keeps variables of this process's environment from configuring the server that a command starts.
pub fn without_settings(command: &mut std::process::Command) {
    let own = std::env::vars_os().map(|(name, _)| name);
    for name in own.filter(|name| name.to_string_lossy().starts_with(PREFIX)) {
        command.env_remove(name);
    }
}

fn read(log: &Path) -> String {
    fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Ports that were tried by this process.
static TRIED: AtomicU32 = AtomicU32::new(0);

/// An address on loopback that nobody listens on, another each time, and below the ports that systems give out for the
/// asking: while the server is down no other program is given its port, and a client that tries it does not meet itself.
fn free_address() -> Result<String> {
    let mut addresses = (0..PORTS).map(|_| {
        let port = (std::process::id() + TRIED.fetch_add(1, Ordering::Relaxed)) % PORTS;
        format!("127.0.0.1:{}", PORT_MIN + port)
    });
    addresses.find(|address| TcpListener::bind(address).is_ok()).context("no port for a server is free")
}
