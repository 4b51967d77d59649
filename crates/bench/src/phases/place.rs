//! The servers of a phase, and the configuration that finds them: the file of `examples/` as it is, and before it what
//! must differ here, by the environment.

use crate::process::Side;
use anyhow::{Context, Result, bail, ensure};
use engines::{cassandra::Cassandra, dynamodb::DynamoDb, postgres::Postgres, redis::Redis};
use gameday::process;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What each phase is, by number.
pub(super) const NAMES: [&str; 5] = [
    "embedded",
    "PostgreSQL",
    "PostgreSQL, write-through",
    "DynamoDB Local, write-around",
    "Cassandra, write-around",
];

/// A phase that is ready to be served. Its servers end with it.
pub(super) struct Place {
    file: PathBuf,
    environment: Vec<(&'static str, String)>,
    servers: Servers,
}

#[derive(Default)]
struct Servers {
    postgres: Option<Postgres>,
    dynamodb: Option<DynamoDb>,
    cassandra: Option<Cassandra>,
    redis: Option<Redis>,
}

impl Place {
    /// Starts its servers.
    pub(super) fn of(phase: u32) -> Result<Self> {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let file = examples.join(format!("phase-{phase}.toml"));
        let mut place = Self { file, environment: Vec::new(), servers: Servers::default() };
        match phase {
            0 => {}
            1 | 2 => place.start_postgres()?,
            3 => place.start_dynamodb()?,
            4 => place.start_cassandra()?,
            other => bail!("there is no phase {other}"),
        }
        if phase >= 2 {
            let redis = Redis::start()?;
            place.environment.push(("EVERCART_CACHE__REDIS_URL", redis.url()));
            place.servers.redis = Some(redis);
        }
        Ok(place)
    }

    fn start_postgres(&mut self) -> Result<()> {
        let server = Postgres::start()?;
        let accepts = "true".to_owned();
        self.environment.push(("EVERCART_POSTGRES__URL", server.url()));
        self.environment.push(("EVERCART_POSTGRES__ACCEPT_LOSS", accepts));
        self.servers.postgres = Some(server);
        Ok(())
    }

    fn start_dynamodb(&mut self) -> Result<()> {
        let server = DynamoDb::start()?;
        self.environment.push(("EVERCART_DYNAMODB__ENDPOINT_URL", server.url()));
        // The usual chain begins with these, and this server takes any.
        self.environment.push(("AWS_ACCESS_KEY_ID", "local".to_owned()));
        self.environment.push(("AWS_SECRET_ACCESS_KEY", "local".to_owned()));
        self.servers.dynamodb = Some(server);
        Ok(())
    }

    fn start_cassandra(&mut self) -> Result<()> {
        let server = Cassandra::start()?;
        let datacenter = engines::cassandra::DATACENTER;
        self.environment.push(("EVERCART_CASSANDRA__CONTACT_POINTS", format!("[\"{}\"]", server.address())));
        // One node cannot keep three copies.
        self.environment.push(("EVERCART_CASSANDRA__REPLICATION", format!("[\"{datacenter}=1\"]")));
        self.servers.cassandra = Some(server);
        Ok(())
    }

    /// The program with this configuration in its environment.
    fn program(&self, evercart: &Path) -> Command {
        let mut command = Command::new(evercart);
        process::without_settings(&mut command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `evercart engine init`.
    pub(super) fn init(&self, evercart: &Path) -> Result<()> {
        let mut command = self.program(evercart);
        command.args(["engine", "init", "--config"]).arg(&self.file).stdin(Stdio::null());
        let output = command.output().context("`evercart engine init` cannot start")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Serves it.
    pub(super) fn serve(&self, evercart: &Path, data: &Path) -> Result<Side> {
        Side::served("phase", &mut self.program(evercart), data, Some(&self.file))
    }
}
