//! A replay to a server that is killed with SIGKILL again and again, and started again on the same data and address.
//!
//! Always holds: a run in which the server was never killed while invoices were shopped proves nothing, and fails.
//! Deliberately absent: full disks and torn writes (`cargo xtask crash-test`).

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::live_server::LiveServer;
use crate::replay;

const INVOICES: u32 = 1000;
/// Life of each server.
const LIFE: Duration = Duration::from_secs(4);
const KILLS_MAX: u32 = 5;
/// A replay that takes longer has stopped.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Replays the first invoices of `file`.
pub(super) fn run(root: &Path, file: &Path) -> Result<()> {
    let mut server = LiveServer::start(root, &[])?;
    let report = server.folder.join("report.json");
    let mut replay = Replay(started(&server, file, &report)?);
    let (began, mut kills) = (Instant::now(), 0);
    while kills < KILLS_MAX && replay.runs_for(LIFE)? {
        server.kill_and_restart()?;
        kills += 1;
    }
    while replay.runs_for(LIFE)? {
        ensure!(began.elapsed() < PATIENCE, "the replay does not end:\n{}", server.log());
    }
    ensure!(kills > 0, "the replay ended before the server was killed once");
    replay::told(&fs::read(&report).context("the replay left no report")?)?;
    println!(
        "==> replay passed in {:.1} s, the server was killed {kills} times",
        began.elapsed().as_secs_f64()
    );
    server.stop()
}

fn started(server: &LiveServer, file: &Path, report: &Path) -> Result<Child> {
    let output = File::create(report).context("the report cannot be made")?;
    Command::new(&server.binary)
        .args(["replay", "online-retail"])
        .arg(file)
        .args(["--json", "--invoices", &INVOICES.to_string(), "--url", &server.url, "--data"])
        .arg(server.folder.join("data"))
        .stdin(Stdio::null())
        .stdout(output)
        .spawn()
        .context("the replay cannot be started")
}

/// A replay in a process of its own; stopped when dropped.
struct Replay(Child);

impl Replay {
    /// Waits so long at most; false when it ended well meanwhile. Fails when it ended otherwise.
    fn runs_for(&mut self, longest: Duration) -> Result<bool> {
        let began = Instant::now();
        while began.elapsed() < longest {
            match self.0.try_wait().context("the replay cannot be waited for")? {
                None => sleep(Duration::from_millis(50)),
                Some(status) if status.code().is_some_and(|code| code <= 1) => return Ok(false),
                Some(status) => bail!("the replay ended with {status}"),
            }
        }
        Ok(true)
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        // Both fail after its end, when there is nothing left to do.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
