//! The programs of PostgreSQL, and how a folder of data is made and served by them.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{ENGINE, Options, USER};
use crate::launch::{Account, Launch, Lifetime};
use crate::provision::apt;
use crate::server::{Recipe, Server};
use crate::{Error, Folder, Result, launch, program};

/// For what ends by itself: making a cluster, one statement.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where Debian keeps its versions.
const DEBIAN: &str = "usr/lib/postgresql";

/// The folder of data in a server's folder.
const DATA: &str = "data";

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
    libraries: Option<OsString>,
}

/// Has them, first from the registry where they must be.
pub(crate) fn program(folder: &Folder) -> Result<Program> {
    launch::require(ENGINE)?;
    let account = Account::without_root()?;
    if let Some(installed) = installed() {
        return Ok(Program { folder: installed, account, libraries: None });
    }
    let unpacked = apt::unpacked(folder, ENGINE, "postgresql")?;
    let advice = || format!("`{}` has no programs of it: remove that folder", unpacked.display());
    let programs = newest(&unpacked.join(DEBIAN)).ok_or_else(|| Error::missing(ENGINE, advice()))?;
    Ok(Program { folder: programs, account, libraries: Some(apt::libraries(&unpacked)) })
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
    #[expect(dead_code, reason = "for the servers that are left running")]
    pub(crate) fn version(&self) -> Result<String> {
        let mut command = self.command("postgres");
        command.arg("--version");
        let printed = program::output(command, PATIENCE)?;
        Ok(printed.split_whitespace().nth(2).unwrap_or("unknown").to_owned())
    }

    /// Makes an empty cluster in `folder`.
    pub(super) fn create(&self, folder: &Path, options: &Options) -> Result<()> {
        self.account.own(folder)?;
        let data = folder.join(DATA);
        let mut initdb = self.command("initdb");
        initdb.current_dir(folder).arg("-D").arg(&data).args(["-U", USER, "--no-sync"]);
        initdb.args(["--encoding=UTF8", "--locale=C"]);
        match &options.password {
            None => drop(initdb.args(["-A", "trust"])),
            Some(password) => {
                let file = folder.join("password");
                fs::write(&file, password).map_err(Error::file(&file))?;
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).map_err(Error::file(&file))?;
                self.account.own(&file)?;
                initdb.args(["-A", "scram-sha-256", "--pwfile"]).arg(file);
            }
        }
        program::output(initdb, PATIENCE).map(drop)
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
        launch = settings.fold(launch, |launch, setting| launch.arg("-c").arg(setting));
        launch.account = self.account.clone();
        launch.variables.extend(self.libraries.clone().map(|path| ("LD_LIBRARY_PATH", path)));
        let asking = self.clone();
        let ready = Box::new(move || asking.query(&url, "SELECT 1").is_ok_and(|answer| answer == "1"));
        let within = Duration::from_mins(1);
        Server::start(Recipe { engine: ENGINE, launch, folder, lifetime, ready, within })
    }

    /// What `psql` answers, without the last line's end.
    pub(super) fn query(&self, url: &str, sql: &str) -> Result<String> {
        let mut psql = self.command("psql");
        psql.args(["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet"]);
        psql.args(["--set", "ON_ERROR_STOP=1", "--command", sql, url]).env("PGCONNECT_TIMEOUT", "5");
        psql.current_dir("/");
        program::output(psql, PATIENCE).map(|rows| rows.trim_end_matches('\n').to_owned())
    }

    fn command(&self, name: &str) -> Command {
        let mut command = self.account.command(self.folder.join(name));
        command.envs(self.libraries.iter().map(|path| ("LD_LIBRARY_PATH", path)));
        command
    }
}
