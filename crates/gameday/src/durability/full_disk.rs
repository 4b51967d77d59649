//! The disk fills up under load: a file system of its own, small and in memory, that ballast takes the room of.
//!
//! Two ways: below the floor that the configuration draws, where everything goes on but writes; and to the last byte with
//! no floor drawn, where the process may give up and is started again, as a supervisor does. Judged: refusals are clear
//! and say when to come back, reads go on, `/readyz` says so, and with the ballast gone writes go on and all that was
//! acknowledged is there.
//!
//! The file system is mounted in a mount namespace that ends with this process's child, so nothing stays behind.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use tokio::process::Command;

use super::Ground;
use super::api::{Client, Request};
use super::crowd::Crowd;
use super::kill::conclude;
use super::report::{Report, Verdict};
use super::shop::Shop;
use crate::process::Started;

/// Said to the child: mount here, and go on.
const INSIDE: &str = "--own-mounts";
const SIZE: &str = "96m";
const MIB: u64 = 1 << 20;
const FLOOR: u64 = 24 * MIB;
const GUESTS: usize = 64;
const WORKERS: usize = 24;
const LOAD: Duration = Duration::from_millis(400);
const WAIT_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Runs the scenario in a child that has mounts of its own, and takes over what it found.
pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    ground.tell("a small disk".to_owned());
    let flags = if rustix::process::geteuid().is_root() { "-m" } else { "-Urm" };
    let mut child = Command::new("unshare");
    child.arg(flags).arg(std::env::current_exe()?).args([
        "crash-test",
        "--json",
        "--scenario",
        "full-disk",
        INSIDE,
    ]);
    child.arg("--binary").arg(&ground.binary).arg("--folder").arg(&ground.folder);
    child.arg("--seed").arg(ground.seed.to_string()).args(ground.is_long.then_some("--long"));
    child.stdin(Stdio::null()).kill_on_drop(true);
    let Ok(output) = child.output().await else {
        return Ok(Verdict::skipped("`unshare` is not here: install util-linux".to_owned()));
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if said.starts_with("unshare: ") {
        return Ok(Verdict::skipped(format!("nothing can be mounted without root: {}", said.trim())));
    }
    let report: Report = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the child ended with {}: {}", output.status, said.trim()))?;
    report.outcomes.into_iter().next().map(|outcome| outcome.verdict).context("the child reports nothing")
}

/// The scenario itself, where a file system may be mounted.
pub(super) async fn run_inside(ground: &Ground) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    for round in 1..=ground.rounds(1, 3) {
        let disk = Disk::mount(&ground.folder.join(format!("floor-{round}"))).await?;
        below_the_floor(ground, &disk, &mut verdict).await.context("below the floor")?;
        let disk = Disk::mount(&ground.folder.join(format!("full-{round}"))).await?;
        to_the_last_byte(ground, &disk, &mut verdict).await.context("to the last byte")?;
    }
    Ok(verdict)
}

/// Writes are refused, and nothing else changes, until there is room again.
async fn below_the_floor(ground: &Ground, disk: &Disk, verdict: &mut Verdict) -> Result<()> {
    let place = "below the floor";
    let shop = Shop::at(ground, disk.folder.join("data")).with("EVERCART_STORE__DISK_FREE_BYTES_MIN", FLOOR);
    let (mut running, client, crowd) = shop.open(GUESTS).await?;
    let load = crowd.start(&client, WORKERS);
    tokio::time::sleep(LOAD).await;
    disk.fill(FLOOR / 2)?;
    let is_told = until(async || readiness(&client).await.1 == "read_only").await;
    verdict.demand(is_told, place, "`/readyz` does not say that there is no room");
    verdict.demand(
        readiness(&client).await.0 == 200,
        place,
        "a full disk takes the node, and its reads, away",
    );
    let refused = crowd.counted().refused;
    let is_refused = until(async || crowd.counted().refused > refused).await;
    verdict.demand(is_refused, place, "writes are not refused");
    load.end().await;
    verdict.find(place, refusals(&crowd, &client).await?);
    let reads = crowd.read_all(&client).await?;
    verdict.find("reads while the disk is full", crowd.judge(&reads, false).await);
    verdict.demand(!running.has_ended(), place, "the server ended");
    disk.free()?;
    let is_ready = until(async || readiness(&client).await.1 == "ready").await;
    verdict.demand(is_ready, place, "`/readyz` does not say that there is room again");
    goes_on(&crowd, &client, place, verdict).await?;
    running.stop().await?;
    let (running, client) = shop.serve().await?;
    let reads = crowd.read_all(&client).await?;
    verdict.find("after a start", crowd.judge(&reads, false).await);
    verdict.count("filled below the floor", 1);
    running.stop().await?;
    conclude(&crowd, verdict);
    Ok(())
}

/// Nothing is left at all: the server refuses, or ends and is started again until it stays.
async fn to_the_last_byte(ground: &Ground, disk: &Disk, verdict: &mut Verdict) -> Result<()> {
    let place = "to the last byte";
    let shop = Shop::at(ground, disk.folder.join("data"));
    let (mut running, mut client, crowd) = shop.open(GUESTS).await?;
    let load = crowd.start(&client, WORKERS);
    tokio::time::sleep(LOAD).await;
    disk.fill(0)?;
    let refused = crowd.counted();
    let is_noticed = until(async || {
        let counted = crowd.counted();
        counted.refused > refused.refused + 20 || running.has_ended()
    });
    verdict.demand(is_noticed.await, place, "the server goes on writing to a full disk");
    load.end().await;
    if running.has_ended() {
        verdict.count("ended for its supervisor", 1);
        let log = running.log();
        verdict.demand(!log.contains("panicked"), place, &format!("the server panicked: {log}"));
    } else {
        verdict.count("stayed and refused", 1);
        let reads = crowd.read_all(&client).await?;
        verdict.find("reads while nothing is left", crowd.judge(&reads, false).await);
    }
    // A supervisor tries while the disk is still full, and once more when it is not.
    if running.has_ended()
        && let Started::Ready(started) = shop.evercart.start().await?
    {
        (client, running) = (Client::new(&started.url)?, *started);
        let reads = crowd.read_all(&client).await?;
        verdict.find("started while nothing is left", crowd.judge(&reads, false).await);
        verdict.count("started on a full disk", 1);
    }
    disk.free()?;
    // It may find out about the full disk only now, and end.
    tokio::time::sleep(LOAD).await;
    if running.has_ended() {
        (running, client) = shop.serve().await?;
    }
    goes_on(&crowd, &client, place, verdict).await?;
    running.kill().await?;
    let (running, client) = shop.serve().await?;
    let reads = crowd.read_all(&client).await?;
    verdict.find("after a kill", crowd.judge(&reads, false).await);
    verdict.count("filled to the last byte", 1);
    running.stop().await?;
    conclude(&crowd, verdict);
    Ok(())
}

/// Writes go on: what was left open is settled, and more is acknowledged.
async fn goes_on(crowd: &Arc<Crowd>, client: &Client, place: &str, verdict: &mut Verdict) -> Result<()> {
    crowd.settle(client).await?;
    let before = crowd.counted().acknowledged();
    let load = crowd.start(client, WORKERS);
    let has_gone_on = until(async || crowd.counted().acknowledged() > before + 200).await;
    load.end().await;
    verdict.demand(has_gone_on, place, "writes do not go on with the room back");
    crowd.settle(client).await?;
    let reads = crowd.read_all(client).await?;
    verdict.find(place, crowd.judge(&reads, false).await);
    Ok(())
}

/// A write that is refused for want of room says so, and when to come back.
async fn refusals(crowd: &Crowd, client: &Client) -> Result<Option<String>> {
    let reply = crowd.refused_add(client).await?;
    let told = (reply.status, reply.code(), reply.retry_after_s.is_some());
    Ok((told != (503, "store_full".to_owned(), true)).then(|| format!("a write was answered {told:?}")))
}

/// Status and word of `/readyz`.
async fn readiness(client: &Client) -> (u16, String) {
    let Ok(reply) = client.send(&Request::new(Method::GET, "/readyz", "")).await else {
        return (0, String::new());
    };
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    (reply.status, body["status"].as_str().unwrap_or_default().to_owned())
}

async fn until(mut holds: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + WAIT_MAX;
    while !holds().await {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    true
}

/// A small file system.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    async fn mount(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={SIZE}"), "tmpfs"]).arg(folder);
        let output = mount.output().await.context("`mount` is not here")?;
        ensure!(output.status.success(), "mount: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self { folder: folder.to_owned() })
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Leaves so many bytes free.
    fn fill(&self, left: u64) -> Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.ballast())?;
        let block = vec![1; 64 << 10];
        loop {
            let space = rustix::fs::statvfs(&self.folder)?;
            if space.f_bavail * space.f_frsize <= left {
                return Ok(());
            }
            match file.write_all(&block) {
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                written => written.context("the ballast cannot be written")?,
            }
        }
    }

    fn free(&self) -> Result<()> {
        fs::remove_file(self.ballast()).context("the ballast cannot be removed")
    }
}
