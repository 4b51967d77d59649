//! A streaming replica, whose replay can be paused: it then shows what was true a while ago.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::{ENGINE, Postgres, url};
use crate::launch::Lifetime;
use crate::server::Server;
use crate::{Error, Faults, Result, port};

/// How long a replica may take to show what its primary has.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running replica. It refuses writes. It may outlive its primary, and goes on with what it has.
#[derive(Debug)]
pub struct Replica {
    server: Server,
    url: String,
    address: SocketAddr,
    program: super::Program,
}

impl Replica {
    pub(super) fn started(primary: &Postgres, folder: PathBuf) -> Result<Self> {
        let port = port::free();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let url = url(address, &primary.options);
        primary.program.copy(&primary.url(), primary.folder(), &folder, &format!("replica_{port}"))?;
        let server = primary.program.serve(folder, Lifetime::Owned, port, url.clone())?;
        Ok(Self { server, url, address, program: primary.program.clone() })
    }

    /// As [`Postgres::url`].
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As [`Postgres::query`]; statements that write fail.
    ///
    /// # Errors
    ///
    /// When a statement fails.
    pub fn query(&self, sql: &str) -> Result<String> {
        self.program.query(&self.url, sql)
    }

    /// Shows from now on what it shows now, whatever its primary writes, and returns when it does.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn pause_replay(&self) -> Result<()> {
        self.query("SELECT pg_wal_replay_pause()")?;
        self.wait_for("SELECT pg_get_wal_replay_pause_state() = 'paused'")
    }

    /// Shows again what its primary writes, as soon as it can: see [`catch_up`](Self::catch_up).
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn resume_replay(&self) -> Result<()> {
        self.query("SELECT pg_wal_replay_resume()").map(drop)
    }

    /// Returns when it shows everything that `primary` had written before.
    ///
    /// # Errors
    ///
    /// When one of them does not answer, and when it takes too long, as when replay is paused.
    pub fn catch_up(&self, primary: &Postgres) -> Result<()> {
        let written = primary.query("SELECT pg_current_wal_lsn()")?;
        self.wait_for(&format!("SELECT pg_last_wal_replay_lsn() >= '{written}'"))
    }

    /// Asks until the answer is yes.
    fn wait_for(&self, question: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.query(question)? != "t" {
            if Instant::now() > deadline {
                let (seconds, log) = (PATIENCE.as_secs(), self.log_path().to_owned());
                let answer = format!("still no yes to `{question}`");
                return Err(Error::Silent { engine: ENGINE, seconds, answer, log, tail: String::new() });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Faults for Replica {
    fn server(&self) -> &Server {
        &self.server
    }
}
