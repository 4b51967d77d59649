//! How a server is started: under which account, with which rights, and how long it may live.
//!
//! Always holds: a server of a test ends with the process of the test, however that ends (`setpriv --pdeathsig`). The
//! kernel ties it to the *thread* that started it, so all are started by one thread that lives as long as the process.
//! PostgreSQL refuses to be started by root; there, everything of it runs as `postgres` or `nobody`.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use crate::provision::debian::Variable;
use crate::{Error, Result, program};

/// How long a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// As long as this process.
    Owned,
    /// Until somebody ends it.
    Standing,
}

/// Who a program runs as.
#[derive(Clone, Debug)]
pub(crate) enum Account {
    /// Whoever runs this process.
    Own,
    /// Somebody who is not root, since this process is.
    Other { uid: u32, group: u32 },
}

impl Account {
    /// This account, or another where this one is root.
    pub(crate) fn without_root() -> Result<Self> {
        if !is_root() {
            return Ok(Self::Own);
        }
        let known = ["postgres", "nobody"].into_iter().find_map(|user| {
            let number = |which| {
                let mut command = Command::new("id");
                command.args([which, user]);
                program::output(command, Duration::from_secs(10)).ok()?.trim().parse().ok()
            };
            Some(Self::Other { uid: number("-u")?, group: number("-g")? })
        });
        known.ok_or_else(|| Error::missing("PostgreSQL", "root may not run it: add an account `postgres`"))
    }

    /// A command that runs `program` as this account.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let words = self.words();
        if words.is_empty() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(words).arg(program.as_ref());
        command
    }

    /// Gives it `path`.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, group } => chown(path, Some(*uid), Some(*group)).map_err(Error::file(path)),
        }
    }

    fn words(&self) -> Vec<String> {
        match self {
            Self::Own => Vec::new(),
            Self::Other { uid, group } => {
                let words = ["--reuid", &uid.to_string(), "--regid", &group.to_string(), "--clear-groups"];
                words.into_iter().map(str::to_owned).collect()
            }
        }
    }
}

/// The command line of a server, which can be started again and again.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) account: Account,
    /// Root may pin all memory of a process, and Cassandra then does.
    pub(crate) may_pin_memory: bool,
}

impl Launch {
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            variables: Vec::new(),
            account: Account::Own,
            may_pin_memory: true,
        }
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same program for a short task, run to its end by this account.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it in `folder`, with all of its output added to the file at `log`.
    pub(crate) fn start(&self, lifetime: Lifetime, folder: &Path, log: &Path) -> Result<Child> {
        let output = File::options().create(true).append(true).open(log).map_err(Error::file(log))?;
        let errors = output.try_clone().map_err(Error::file(log))?;
        let mut command = Command::new("setpriv");
        if lifetime == Lifetime::Owned {
            command.args(["--pdeathsig", "KILL"]);
        }
        command.args(self.account.words());
        if is_root() && !self.may_pin_memory {
            command.args(["--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock"]);
        }
        command.arg(&self.program).args(&self.args).current_dir(folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // A group of its own: Ctrl-C at the terminal of a test is for the test.
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let shown = program::shown(&command);
        spawned(command).map_err(|source| Error::Run { command: shown, source })
    }
}

/// Started by the one thread that stays.
fn spawned(command: Command) -> io::Result<Child> {
    type Request = (Command, Sender<io::Result<Child>>);
    static STARTER: OnceLock<Sender<Request>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, requests) = mpsc::channel::<Request>();
        thread::spawn(move || {
            for (mut command, answer) in requests {
                // Nobody waits for the answer only where the thread that asked has died.
                drop(answer.send(command.spawn()));
            }
        });
        sender
    });
    let (answer, started) = mpsc::channel();
    let gone = || io::Error::other("the thread that starts servers has ended");
    starter.send((command, answer)).map_err(|_| gone())?;
    started.recv().map_err(|_| gone())?
}

/// Fails, for `engine`, where servers cannot be started at all.
pub(crate) fn require(engine: &'static str) -> Result<()> {
    let there = program::find("setpriv").is_some() && fs::exists("/proc/self/stat").unwrap_or(false);
    let advice = "it is started by `setpriv` on Linux with /proc: install the package util-linux";
    if there { Ok(()) } else { Err(Error::missing(engine, advice)) }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
