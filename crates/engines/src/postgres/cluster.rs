//! The programs of PostgreSQL, and how a folder of data is made and served by them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{ENGINE, Options, USER, access};
use crate::launch::{Account, Launch, Lifetime};
use crate::provision::debian::{self, Variable};
use crate::server::{Recipe, Server};
use crate::{Error, Folder, Result, launch, program};

/// For what ends by itself: making a cluster, one statement.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where Debian keeps its versions.
const DEBIAN: &str = "usr/lib/postgresql";

/// The folder of data in a server's folder.
const DATA: &str = "data";

/// The file in it that holds the password until it is taken over.
const PASSWORD: &str = "password";

/// Small, on the loopback, no socket in a folder. A killed process loses nothing without syncs; only a machine would.
const SETTINGS: [&str; 9] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "shared_buffers=32MB",
    "max_connections=200",
    "dynamic_shared_memory_type=mmap",
    "jit=off",
    "wal_level=logical",
    "timezone=UTC",
];

/// The programs, and who runs them.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    folder: PathBuf,
    account: Account,
    libraries: Option<Variable>,
}

/// Has them, first from the registry where they must be.
pub(crate) fn program(folder: &Folder) -> Result<Program> {
    launch::require(ENGINE)?;
    let account = Account::without_root()?;
    if let Some(installed) = installed() {
        return Ok(Program { folder: installed, account, libraries: None });
    }
    let unpacked = debian::unpacked(folder, ENGINE, "postgresql")?;
    let advice = || format!("`{}` has no programs of it: remove that folder", unpacked.display());
    let programs = newest(&unpacked.join(DEBIAN)).ok_or_else(|| Error::missing(ENGINE, advice()))?;
    Ok(Program { folder: programs, account, libraries: Some(debian::libraries(&unpacked)) })
}

/// The folder of the programs that this machine has.
fn installed() -> Option<PathBuf> {
    let on_path = || {
        let initdb = program::find("initdb")?;
        initdb.parent().filter(|folder| is_whole(folder)).map(Path::to_owned)
    };
    newest(&Path::new("/").join(DEBIAN)).or_else(on_path)
}

/// The newest version in a folder of versions.
fn newest(versions: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(versions).ok()?.flatten().map(|entry| entry.path().join("bin"));
    let number = |bin: &PathBuf| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    versions.filter(|bin| is_whole(bin)).max_by_key(number)
}

fn is_whole(folder: &Path) -> bool {
    ["initdb", "postgres", "psql", "pg_basebackup"].iter().all(|name| folder.join(name).is_file())
}

impl Program {
    /// The version that runs, such as `15.8`.
    pub(crate) fn version(&self) -> Result<String> {
        let mut command = self.command("postgres");
        command.arg("--version");
        let printed = program::output(command, PATIENCE)?;
        Ok(printed.split_whitespace().nth(2).unwrap_or("unknown").to_owned())
    }

    /// Makes an empty cluster in `folder`.
    pub(super) fn create(&self, folder: &Path, options: &Options) -> Result<()> {
        self.account.own(folder)?;
        access::write(folder, options, &self.account)?;
        let mut initdb = self.command("initdb");
        initdb.current_dir(folder).arg("-D").arg(folder.join(DATA)).args(["-U", USER, "--no-sync"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "-A", "trust"]);
        if let Some(password) = &options.password {
            access::give(folder, PASSWORD, password, &self.account)?;
            initdb.args(["-A", "scram-sha-256", "--pwfile", PASSWORD]);
        }
        program::output(initdb, PATIENCE).map(drop)
    }

    /// Copies the cluster of a running server into `folder`, and has it follow that server.
    pub(super) fn copy(&self, url: &str, primary: &Path, folder: &Path, slot: &str) -> Result<()> {
        self.account.own(folder)?;
        access::copy(primary, folder, &self.account)?;
        let mut copy = self.command("pg_basebackup");
        copy.current_dir(folder).args(["-d", url, "-D", DATA, "-R", "-X", "stream", "-C", "-S", slot]);
        copy.args(["-c", "fast", "--no-sync", "--no-password"]);
        program::output(copy, PATIENCE).map(drop)
    }

    /// Starts a server on the cluster in `folder`; ready when it answers at `url`.
    pub(super) fn serve(
        &self,
        folder: PathBuf,
        lifetime: Lifetime,
        port: u16,
        url: String,
    ) -> Result<Server> {
        let mut launch = Launch::new(self.folder.join("postgres")).arg("-D").arg(folder.join(DATA));
        let settings = SETTINGS.iter().map(|setting| (*setting).to_owned()).chain([format!("port={port}")]);
        let settings = settings.chain(access::settings(&folder));
        launch = settings.fold(launch, |launch, setting| launch.arg("-c").arg(setting));
        launch.account = self.account.clone();
        launch.variables = self.variables();
        let asking = self.clone();
        let ready = Box::new(move || match asking.query(&url, "SELECT 1") {
            Ok(answer) if answer == "1" => Ok(()),
            Ok(other) => Err(other),
            Err(error) => Err(error.to_string()),
        });
        let within = Duration::from_mins(1);
        Server::start(Recipe { engine: ENGINE, launch, folder, lifetime, ready, within })
    }

    /// What `psql` answers, without the last line's end.
    pub(crate) fn query(&self, url: &str, sql: &str) -> Result<String> {
        let mut psql = self.command("psql");
        psql.args(["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet"]);
        psql.args(["--set", "ON_ERROR_STOP=1", "--command", sql, url]).env("PGCONNECT_TIMEOUT", "5");
        psql.current_dir("/");
        program::output(psql, PATIENCE).map(|rows| rows.trim_end_matches('\n').to_owned())
    }

    fn command(&self, name: &str) -> Command {
        let mut command = self.account.command(self.folder.join(name));
        command.envs(self.variables());
        command
    }

    /// Clients look for certificates in the home of whoever started us, which this account may not be allowed to see.
    fn variables(&self) -> Vec<Variable> {
        self.libraries.clone().into_iter().chain([("HOME", "/nonexistent".into())]).collect()
    }
}
