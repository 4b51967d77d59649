//! Where engines are kept: `target/engines` of the workspace that the running test belongs to.
//!
//! | folder | what |
//! |---|---|
//! | `have/` | what came from registries, whole or not there |
//! | `begun/` | what is coming from registries |
//! | `run/` | servers that `cargo xtask engines up` left running, and what is noted about them |
//! | `owned/PID-STARTED/` | data and logs of the servers of one process; removed by the next once that process is gone |

use std::env;
use std::fmt;
use std::fs::{self, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once};

use crate::identity::Identity;
use crate::{Error, Result, launch};

/// The note of which process a server is, beside its data.
const PROCESS: &str = "process.json";

/// The folder of all engines.
#[derive(Clone)]
pub struct Folder {
    root: PathBuf,
    /// Where servers keep their data: `root`, unless that does not suit them.
    data: PathBuf,
    /// What takes time is said here before it begins.
    listener: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Folder {
    /// That of the workspace that the running package belongs to, as Cargo says at run time.
    ///
    /// # Errors
    ///
    /// When the working directory cannot be told, or no folder for data can be made.
    pub fn find() -> Result<Self> {
        let here = match env::var_os("CARGO_MANIFEST_DIR") {
            Some(package) => PathBuf::from(package),
            None => env::current_dir().map_err(Error::file("."))?,
        };
        let workspace = here.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
        Self::at(workspace.unwrap_or(&here))
    }

    /// That of the workspace at this path.
    ///
    /// # Errors
    ///
    /// When no folder for data can be made.
    pub fn at(workspace: &Path) -> Result<Self> {
        let root = workspace.join("target/engines");
        make(&root)?;
        let data = if suits_servers(&root) { root.clone() } else { elsewhere(&root)? };
        Ok(Self { root, data, listener: Arc::new(print) })
    }

    /// The same, saying to `listener`, instead of standard error, what it does that takes minutes.
    #[must_use]
    pub fn telling(self, listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { listener: Arc::new(listener), ..self }
    }

    pub(crate) fn tell(&self, what: &str) {
        (self.listener)(what);
    }

    /// Where what came from registries is kept under this name.
    pub(crate) fn have(&self, name: &str) -> PathBuf {
        self.root.join("have").join(name)
    }

    /// Where what comes is kept until it is whole.
    pub(crate) fn begun(&self) -> PathBuf {
        self.root.join("begun")
    }

    /// Where the server that is left running under this name is noted.
    pub(crate) fn record(&self, name: &str) -> Result<PathBuf> {
        let folder = self.root.join("run");
        make(&folder)?;
        Ok(folder.join(format!("{name}.json")))
    }

    /// Where that server keeps data and log, empty. One that was started there and never noted, because whoever started
    /// it was ended first, is ended too.
    pub(crate) fn standing(&self, name: &str) -> Result<PathBuf> {
        let folder = self.data.join("run").join(name);
        noted(&folder).map_or(Ok(()), Identity::end_tree).map_err(Error::file(&folder))?;
        remove(&folder)?;
        make(&folder)?;
        Ok(folder)
    }

    /// Waits until nobody else does what the name says; ends when the file is dropped. Not to be taken twice.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let path = self.root.join(format!("{name}.lock"));
        let file = File::options().create(true).write(true).truncate(false).open(&path);
        let file = file.map_err(Error::file(&path))?;
        file.lock().map_err(Error::file(&path))?;
        Ok(file)
    }

    /// A new folder for one server of this process.
    pub(crate) fn owned(&self, name: &str) -> Result<PathBuf> {
        static SWEPT: Once = Once::new();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let all = self.data.join("owned");
        SWEPT.call_once(|| sweep(&all));
        let owner = Identity::own().map_or_else(String::new, |own| format!("{}-{}", own.pid, own.started));
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = all.join(owner).join(format!("{name}-{number}"));
        make(&folder)?;
        Ok(folder)
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("root", &self.root).field("data", &self.data).finish_non_exhaustive()
    }
}

#[expect(clippy::print_stderr, reason = "tests have no log, and a person waits")]
fn print(what: &str) {
    eprintln!("engines: {what}");
}

/// Makes a folder that other accounts may walk through.
fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::file(folder))
}

/// Removes a folder with all in it; fine when it is not there.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file(folder)(error)),
        _ => Ok(()),
    }
}

/// Whether servers can keep their data below `root`: Cassandra takes no path with spaces, and an account that root starts
/// PostgreSQL under must be able to walk there.
fn suits_servers(root: &Path) -> bool {
    let passable = |part: &Path| fs::metadata(part).is_ok_and(|meta| meta.mode() & 0o001 != 0);
    let spaces = root.to_string_lossy().contains(char::is_whitespace);
    root.is_absolute() && !spaces && (!launch::is_root() || root.ancestors().all(passable))
}

/// A folder among the temporary ones that belongs to the one at `root` and to this account.
fn elsewhere(root: &Path) -> Result<PathBuf> {
    let mut hash = DefaultHasher::new();
    root.hash(&mut hash);
    let account = rustix::process::geteuid().as_raw();
    let folder = env::temp_dir().join(format!("evercart-engines-{account}-{:016x}", hash.finish()));
    make(&folder)?;
    // Anybody may have put something else there, a link too.
    let found = fs::symlink_metadata(&folder).map_err(Error::file(&folder))?;
    if !found.is_dir() || found.uid() != account {
        let taken = std::io::Error::other("it is not a folder of this account");
        return Err(Error::File { path: folder, source: taken });
    }
    fs::set_permissions(&folder, Permissions::from_mode(0o711)).map_err(Error::file(&folder))?;
    Ok(folder)
}

/// Notes which process serves from `folder`.
pub(crate) fn note(folder: &Path, server: Identity) -> Result<()> {
    let path = folder.join(PROCESS);
    let text = serde_json::to_string(&server).map_err(std::io::Error::from).map_err(Error::file(&path))?;
    fs::write(&path, text).map_err(Error::file(&path))
}

/// Which process served from `folder` when last noted.
pub(crate) fn noted(folder: &Path) -> Option<Identity> {
    serde_json::from_str(&fs::read_to_string(folder.join(PROCESS)).ok()?).ok()
}

/// Ends servers whose process is gone and removes what they kept. What cannot be removed is left for the next.
fn sweep(all: &Path) {
    for owner in fs::read_dir(all).into_iter().flatten().flatten() {
        if owner.file_name().to_str().and_then(owner_of).is_some_and(Identity::is_alive) {
            continue;
        }
        let servers = fs::read_dir(owner.path()).into_iter().flatten().flatten();
        for server in servers.filter_map(|folder| noted(&folder.path())) {
            drop(server.end_tree());
        }
        drop(fs::remove_dir_all(owner.path()));
    }
}

/// `PID-STARTED`.
fn owner_of(name: &str) -> Option<Identity> {
    let (pid, started) = name.split_once('-')?;
    Some(Identity { pid: pid.parse().ok()?, started: started.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::{note, sweep};
    use crate::identity::Identity;

    #[test]
    fn servers_of_a_crashed_process_end_and_their_data_goes_and_others_stay() {
        let all = std::env::temp_dir().join(format!("evercart-engines-sweep-{}", std::process::id()));
        let own = Identity::own().unwrap();
        let (crashed, running) = (all.join("1-1"), all.join(format!("{}-{}", own.pid, own.started)));
        let mut left = Command::new("sleep").arg("60").spawn().unwrap();
        fs::create_dir_all(crashed.join("redis-0")).unwrap();
        fs::create_dir_all(running.join("redis-0")).unwrap();
        note(&crashed.join("redis-0"), Identity::of(left.id()).unwrap()).unwrap();
        sweep(&all);
        assert!(!left.wait().unwrap().success(), "the server that was left went on");
        assert!(!crashed.exists() && running.exists());
        fs::remove_dir_all(&all).unwrap();
    }
}
