//! Servers that outlive the process that started them: those of `cargo xtask engines up`.
//!
//! One of a kind, noted in `target/engines/run/NAME.json`. Always holds: what is ended is the very process that was
//! noted, told by number and start time; whoever has its number after a crash is left alone. A server that is started
//! anew is empty.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cassandra::{self, Cassandra};
use crate::dynamodb::{self, DynamoDb};
use crate::folder::remove;
use crate::identity::Identity;
use crate::launch::Lifetime;
use crate::postgres::{self, Postgres};
use crate::redis::{self, Redis};
use crate::server::start_anew_where_taken;
use crate::{Error, Faults, Folder, Result};

/// What can be left running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL, without a password.
    Postgres,
    /// Redis that keeps nothing.
    Redis,
    /// DynamoDB Local, in memory.
    DynamoDb,
    /// One node of Cassandra, without a password.
    Cassandra,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Redis, Self::DynamoDb, Self::Cassandra];

    /// The name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::DynamoDb => "dynamodb",
            Self::Cassandra => "cassandra",
        }
    }

    /// What a client is given to reach the one at `address`.
    pub fn url(self, address: SocketAddr) -> String {
        match self {
            Self::Postgres => postgres::url(address, &postgres::Options::default()),
            Self::Redis => format!("redis://{address}"),
            Self::DynamoDb => format!("http://{address}"),
            Self::Cassandra => address.to_string(),
        }
    }
}

/// A server that was left running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Which it is.
    pub engine: Engine,
    /// Of the engine.
    pub version: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What a client is given.
    pub url: String,
    #[serde(flatten)]
    process: Identity,
    /// Where its log is.
    pub log: PathBuf,
}

impl Standing {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Whether it answers its protocol. It may run and not answer: somebody stopped it, or it is out of memory.
    pub fn answers(&self) -> bool {
        match self.engine {
            Engine::Postgres => postgres::answers(self.address),
            Engine::Redis => redis::answers(self.address),
            Engine::DynamoDb => dynamodb::answers(self.address),
            Engine::Cassandra => cassandra::answers(self.address),
        }
    }
}

/// What [`up`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Up {
    /// There was none, or none that ran.
    Started,
    /// It ran already.
    Running,
}

/// The server that was left running, where it still runs.
pub fn running(folder: &Folder, engine: Engine) -> Option<Standing> {
    let text = fs::read_to_string(folder.record(engine.name()).ok()?).ok()?;
    let standing: Standing = serde_json::from_str(&text).ok()?;
    standing.process.is_alive().then_some(standing)
}

/// Starts a server that stays, unless one does already and answers; one that does not is ended first.
///
/// # Errors
///
/// When it cannot be had or does not answer.
pub fn up(folder: &Folder, engine: Engine) -> Result<(Standing, Up)> {
    let _lock = folder.lock(engine.name())?;
    match running(folder, engine) {
        Some(standing) if standing.answers() => return Ok((standing, Up::Running)),
        Some(silent) => end(&silent)?,
        None => {}
    }
    let standing = start_anew_where_taken(|| started(folder, engine))?;
    note(&folder.record(engine.name())?, &standing).inspect_err(|_| drop(end(&standing)))?;
    Ok((standing, Up::Started))
}

/// Ends the server that was left running, and says which that was.
///
/// # Errors
///
/// When it cannot be signalled, or what is left of it not removed.
pub fn down(folder: &Folder, engine: Engine) -> Result<Option<Standing>> {
    let _lock = folder.lock(engine.name())?;
    let standing = running(folder, engine);
    standing.as_ref().map_or(Ok(()), end)?;
    remove(&folder.standing(engine.name())?)?;
    drop(fs::remove_file(folder.record(engine.name())?));
    Ok(standing)
}

/// Returns once nothing of it runs.
fn end(standing: &Standing) -> Result<()> {
    let (engine, pid) = (standing.engine.name(), standing.pid());
    standing.process.end_tree().map_err(|source| Error::Signal { engine, pid, source })
}

fn started(folder: &Folder, engine: Engine) -> Result<Standing> {
    let data = || folder.standing(engine.name());
    let stays = Lifetime::Standing;
    match engine {
        Engine::Postgres => {
            let program = postgres::program(folder)?;
            let version = program.version()?;
            folder.tell("starting PostgreSQL");
            let server = Postgres::started(&program, &postgres::Options::default(), stays, data()?)?;
            noted(engine, version, server.address(), &server)
        }
        Engine::Redis => {
            let program = redis::program(folder)?;
            let version = redis::version(&program)?;
            folder.tell("starting Redis");
            let server = Redis::started(&program, redis::Options::default(), stays, data()?)?;
            noted(engine, version, server.address(), &server)
        }
        Engine::DynamoDb => {
            let program = dynamodb::program(folder)?;
            folder.tell("starting DynamoDB Local");
            let server = DynamoDb::started(&program, dynamodb::Options::default(), stays, data()?)?;
            noted(engine, dynamodb::ARTEFACT.version.to_owned(), server.address(), &server)
        }
        Engine::Cassandra => {
            let program = cassandra::program(folder)?;
            folder.tell("starting Cassandra");
            let server = Cassandra::started(&program, &cassandra::Options::default(), stays, data()?)?;
            noted(engine, cassandra::ARTEFACT.version.to_owned(), server.address(), &server)
        }
    }
}

fn noted(engine: Engine, version: String, address: SocketAddr, server: &impl Faults) -> Result<Standing> {
    let ended = || Error::missing(engine.name(), "it ended right after it answered: try again");
    Ok(Standing {
        engine,
        version,
        address,
        url: engine.url(address),
        process: server.server().identity().ok_or_else(ended)?,
        log: server.log_path().to_owned(),
    })
}

/// Whole or not there: another process may read at any time.
fn note(path: &Path, standing: &Standing) -> Result<()> {
    let text = serde_json::to_string_pretty(standing).map_err(std::io::Error::from);
    let begun = path.with_extension("begun");
    fs::write(&begun, text.map_err(Error::file(path))?).map_err(Error::file(&begun))?;
    fs::rename(&begun, path).map_err(Error::file(path))
}
