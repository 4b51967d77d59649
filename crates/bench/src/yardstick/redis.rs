//! The yardstick of durable writes: `redis-server`, which syncs before it answers, and its own `redis-benchmark`.
//!
//! Its log is never rewritten and no snapshot is made, so that nothing but the writes is measured.

use crate::process::Side;
use anyhow::{Context, Result, bail};
use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Bytes of a value.
const VALUE_BYTES: &str = "300";
/// Requests of the run from which the length of a measured one follows.
const FIRST_REQUESTS: u64 = 20_000;
const START_MAX: Duration = Duration::from_secs(10);

/// The two programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// `redis-server`.
    pub(crate) server: PathBuf,
    /// `redis-benchmark`.
    pub(crate) benchmark: PathBuf,
}

/// What one run of `redis-benchmark` said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Programs {
    /// Starts the server, its data in `folder`.
    pub(crate) fn serve(&self, folder: &Path) -> Result<Side> {
        std::fs::create_dir_all(folder)?;
        let address = free_address()?;
        let mut command = Command::new(&self.server);
        command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--dir"]).arg(folder);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        command.args(["--auto-aof-rewrite-percentage", "0"]).stdin(Stdio::null()).stdout(Stdio::null());
        let side = Side::spawned("redis", &mut command, address)?;
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if start.elapsed() > START_MAX {
                bail!("`{}` does not listen", self.server.display());
            }
            std::thread::yield_now();
        }
        Ok(side)
    }

    /// SETs at these many connections for about so long.
    pub(crate) fn load(
        &self,
        address: SocketAddr,
        connections: usize,
        duration: Duration,
    ) -> Result<(String, Said)> {
        let (_, first) = self.run(address, connections, FIRST_REQUESTS)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests")]
        let requests = (first.per_second * duration.as_secs_f64()) as u64;
        self.run(address, connections, requests.max(1))
    }

    fn run(&self, address: SocketAddr, connections: usize, requests: u64) -> Result<(String, Said)> {
        let words = ["-h", "127.0.0.1", "-p", &address.port().to_string(), "-t", "set", "-d", VALUE_BYTES]
            .map(str::to_owned)
            .into_iter()
            .chain(["-c".to_owned(), connections.to_string(), "-n".to_owned(), requests.to_string()])
            .chain(["-r".to_owned(), "1000000".to_owned(), "--csv".to_owned()]);
        let words: Vec<String> = words.collect();
        let shown = format!("{} {}", self.benchmark.display(), words.join(" "));
        let output = Command::new(&self.benchmark).args(&words).stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("`{shown}` cannot start"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let said = read(&text).with_context(|| format!("`{shown}` said: {text}"))?;
        Ok((shown, said))
    }
}

/// Reads the line of `SET` by the names of the columns before it.
fn read(csv: &str) -> Option<Said> {
    let cells =
        |line: &str| line.split(',').map(|cell| cell.trim().trim_matches('"').to_owned()).collect::<Vec<_>>();
    let mut lines = csv.lines().map(cells);
    let names = lines.by_ref().find(|cells| cells.first().is_some_and(|cell| cell == "test"))?;
    let values = lines.find(|cells| cells.first().is_some_and(|cell| cell == "SET"))?;
    let value = |name: &str| values.get(names.iter().position(|other| other == name)?)?.parse().ok();
    Some(Said {
        per_second: value("rps")?,
        p50_ms: value("p50_latency_ms")?,
        p99_ms: value("p99_latency_ms")?,
        max_ms: value("max_latency_ms")?,
    })
}

/// An address that nobody listened on a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\
                   \"p99_latency_ms\",\"max_latency_ms\"\n\"SET\",\"28001.5\",\"2\",\"1\",\"2.1\",\"3\",\"4.5\",\"9.25\"\n";
        let said = Said { per_second: 28_001.5, p50_ms: 2.1, p99_ms: 4.5, max_ms: 9.25 };
        assert_eq!(read(csv), Some(said));
        assert_eq!(read("error"), None);
    }
}
