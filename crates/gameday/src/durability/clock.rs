//! The wall clock goes an hour back and forth, while the server runs and between its starts.
//!
//! A library that is loaded before the C library moves it (`clock/shift.c`, compiled here with `cc`). Judged: adds are
//! kept and removals stay removed; what callers were given under one time is taken under another; sessions last as long
//! as they say; nothing hangs and nothing panics.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reqwest::Method;
use testkit::random::Random;

use super::Ground;
use super::api::{Client, Request, Session};
use super::kill::conclude;
use super::report::Verdict;
use super::shop::Shop;

const SOURCE: &str = include_str!("clock/shift.c");
const GUESTS: usize = 96;
const WORKERS: usize = 32;
const HOUR_S: i64 = 3_600;
/// How long a guest's session lasts.
const SESSION_S: i64 = 30 * 24 * HOUR_S;
/// Moves of the clock in a round, and how long each stands.
const MOVES: usize = 4;
const STANDS: Duration = Duration::from_millis(150);

pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    let Some(library) = compile(&ground.folder)? else {
        return Ok(Verdict::skipped(
            "`cc` is not here, so that no clock can be moved: install a C compiler".to_owned(),
        ));
    };
    let clock = Clock::new(&ground.folder)?;
    let plain = Shop::new(ground);
    let shop =
        plain.clone().with("LD_PRELOAD", library.display()).with("CLOCK_SHIFT_FILE", clock.path.display());
    let mut verdict = Verdict::default();
    let mut random = Random::new(ground.seed);
    let (mut running, mut client, crowd) = shop.open(GUESTS).await?;
    let rounds = ground.rounds(4, 16);
    let mut sessions = Vec::new();
    for round in 1..=rounds {
        ground.tell(format!("round {round} of {rounds}"));
        let place = format!("round {round}");
        let load = crowd.start(&client, WORKERS);
        for _ in 0..MOVES {
            clock.set(&mut random)?;
            tokio::time::sleep(STANDS).await;
            verdict.count("moves of the clock while it runs", 1);
        }
        sessions.push(session(&client, &clock, &place, &mut verdict).await?);
        let log = running.log();
        running.kill().await?;
        load.end().await;
        verdict.demand(!log.contains("panicked"), &place, &format!("the server panicked: {log}"));
        clock.set(&mut random)?;
        (running, client) = shop.serve().await?;
        crowd.settle(&client).await?;
        let reads = crowd.read_all(&client).await?;
        verdict.find(&place, crowd.judge(&reads, false).await);
        for token in &sessions {
            let reply = client.send(&Request::new(Method::GET, "/v1/cart", token)).await;
            let is_taken = reply.is_ok_and(|reply| reply.is_done());
            verdict.demand(is_taken, &place, "a session that was opened under another time is refused");
        }
        verdict.count("starts under another time", 1);
    }
    running.stop().await?;
    // The right time at last: all of it is there.
    let (running, client) = plain.serve().await?;
    let reads = crowd.read_all(&client).await?;
    verdict.find("at the right time", crowd.judge(&reads, false).await);
    running.stop().await?;
    conclude(&crowd, &mut verdict);
    Ok(verdict)
}

/// Opens a session, and looks at how long it says it lasts.
async fn session(client: &Client, clock: &Clock, place: &str, verdict: &mut Verdict) -> Result<String> {
    let Session { token, expires_at: ends } = client.open_session().await?;
    let lasts_s = ends.parse::<Timestamp>().context("the end is not a time")?.as_second() - clock.now_s();
    let is_sensible = (lasts_s - SESSION_S).abs() < 60;
    verdict.demand(
        is_sensible,
        place,
        &format!("a session ends at {ends}, after {lasts_s} s of its server's time"),
    );
    Ok(token)
}

/// The file that moves the clock.
struct Clock {
    path: PathBuf,
    file: File,
    shift_s: std::cell::Cell<i64>,
}

impl Clock {
    fn new(folder: &Path) -> Result<Self> {
        let path = folder.join("shift");
        let file = File::create(&path).context("the clock's file cannot be made")?;
        file.write_all_at(&0_i64.to_ne_bytes(), 0)?;
        Ok(Self { path, file, shift_s: std::cell::Cell::new(0) })
    }

    /// Somewhere within an hour of the right time; mostly an hour away.
    fn set(&self, random: &mut Random) -> Result<()> {
        let within = i64::from(random.between(0, 7_200)) - HOUR_S;
        let shift_s = random.weighted(&[(35, HOUR_S), (35, -HOUR_S), (10, 0), (20, within)], 0);
        self.shift_s.set(shift_s);
        let shift_ns = shift_s * 1_000_000_000;
        self.file.write_all_at(&shift_ns.to_ne_bytes(), 0).context("the clock cannot be moved")
    }

    /// What the server takes for now.
    fn now_s(&self) -> i64 {
        Timestamp::now().as_second() + self.shift_s.get()
    }
}

/// The library; `None` without a compiler.
fn compile(folder: &Path) -> Result<Option<PathBuf>> {
    let source = folder.join("shift.c");
    let library = folder.join("shift.so");
    std::fs::write(&source, SOURCE).context("the source cannot be written")?;
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source)
        .arg("-ldl");
    match cc.output() {
        Err(_) => Ok(None),
        Ok(output) => {
            ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
            Ok(Some(library))
        }
    }
}
