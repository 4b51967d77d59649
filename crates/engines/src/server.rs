//! One running server: started, waited for until it answers, and ended with what it started.
//!
//! Always holds: only the process that was started here is ever signalled, and what is restarted has the same address and
//! the same data. Deliberately absent: which protocol it speaks; the engine says when it is ready.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::identity::Identity;
use crate::launch::{Launch, Lifetime};
use crate::{Error, Result, folder, program};

/// How much of a log an error shows, in bytes.
const SHOWN: usize = 2_500;

/// Between two questions whether it is ready.
const PAUSE: Duration = Duration::from_millis(20);

/// What kind of server this is, and how to start it.
pub(crate) struct Recipe {
    /// As a person calls it.
    pub(crate) engine: &'static str,
    pub(crate) launch: Launch,
    /// Holds its data and its log.
    pub(crate) folder: PathBuf,
    pub(crate) lifetime: Lifetime,
    /// Whether it answers its protocol now, and if not, what it says. Must end within seconds whatever the server does.
    pub(crate) ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// How long it may take to answer first.
    pub(crate) within: Duration,
}

/// A server that was started here.
pub struct Server {
    recipe: Recipe,
    log: PathBuf,
    child: Mutex<Child>,
}

impl Server {
    /// Starts it and waits until it answers.
    pub(crate) fn start(recipe: Recipe) -> Result<Self> {
        let log = recipe.folder.join("log");
        let child = recipe.launch.start(recipe.lifetime, &recipe.folder, &log)?;
        let server = Self { recipe, log, child: Mutex::new(child) };
        server.ready()?;
        Ok(server)
    }

    pub(crate) fn kill(&self) -> Result<()> {
        end(&self.recipe, &mut self.child.lock())
    }

    pub(crate) fn restart(&self) -> Result<()> {
        {
            let mut child = self.child.lock();
            end(&self.recipe, &mut child)?;
            *child = self.recipe.launch.start(self.recipe.lifetime, &self.recipe.folder, &self.log)?;
        }
        self.ready()
    }

    pub(crate) fn pause(&self) -> Result<()> {
        self.signal(Identity::stop_tree)
    }

    pub(crate) fn resume(&self) -> Result<()> {
        self.signal(Identity::continue_tree)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.lock().id()
    }

    /// Which process it is; nothing when it has ended.
    pub(crate) fn identity(&self) -> Option<Identity> {
        let mut child = self.child.lock();
        running(&mut child)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.recipe.folder
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    fn signal(&self, send: impl FnOnce(Identity) -> std::io::Result<()>) -> Result<()> {
        let mut child = self.child.lock();
        let Some(process) = running(&mut child) else { return Ok(()) };
        send(process).map_err(|source| Error::Signal { engine: self.recipe.engine, pid: process.pid, source })
    }

    /// Waits until it answers, or has ended, or time is up; it does not run on after a failure.
    fn ready(&self) -> Result<()> {
        let deadline = Instant::now() + self.recipe.within;
        if let Some(process) = self.identity() {
            folder::note(&self.recipe.folder, process)?;
        }
        loop {
            let answer = (self.recipe.ready)();
            // Looked at after the answer: it may have come from somebody else on the port that this one did not get.
            let ended = self.child.lock().try_wait().map_err(Error::file(&self.log))?;
            let (engine, log) = (self.recipe.engine, self.log.clone());
            if let Some(status) = ended {
                return Err(Error::Died { engine, status, log, tail: self.tail() });
            }
            let Err(answer) = answer else { return Ok(()) };
            if Instant::now() > deadline {
                self.kill()?;
                let seconds = self.recipe.within.as_secs();
                return Err(Error::Silent { engine, seconds, answer, log, tail: self.tail() });
            }
            thread::sleep(PAUSE);
        }
    }

    /// The end of its log.
    pub(crate) fn tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        program::tail(&String::from_utf8_lossy(&log), SHOWN)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.recipe.lifetime == Lifetime::Standing {
            return;
        }
        drop(self.kill());
        // After a failure the log is looked for; the next process that starts a server removes it.
        if !thread::panicking() {
            drop(fs::remove_dir_all(&self.recipe.folder));
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("engine", &self.recipe.engine)
            .field("pid", &self.pid())
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

/// For a server that answers or does not.
pub(crate) fn unless_silent(answers: bool) -> Result<(), String> {
    if answers { Ok(()) } else { Err("no answer".to_owned()) }
}

/// A child that was not waited for keeps its number, so the number is still its own.
fn running(child: &mut Child) -> Option<Identity> {
    match child.try_wait() {
        Ok(None) => Identity::of(child.id()),
        _ => None,
    }
}

/// Ends it and all it started, and returns once none of them runs.
fn end(recipe: &Recipe, child: &mut Child) -> Result<()> {
    let Some(process) = running(child) else { return Ok(()) };
    let signal = |source| Error::Signal { engine: recipe.engine, pid: process.pid, source };
    // PostgreSQL starts again only when the last process that has its memory is gone.
    process.end_tree().map_err(signal)?;
    child.wait().map_err(signal).map(drop)
}

/// Starts a server up to three times: what was a free address when chosen may be taken when it is listened on.
pub(crate) fn start_anew_where_taken<T>(start: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..2 {
        match start() {
            Err(Error::Died { tail, .. }) if tail.contains("in use") => {}
            outcome => return outcome,
        }
    }
    start()
}
