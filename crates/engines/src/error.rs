//! Why a server could not be had or does not run, and what to do about it.
//!
//! [`Error::Missing`] alone says that this machine lacks something: a test may skip on it, and on nothing else.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an engine is not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lacks something that is not provisioned here, or has no way to the registry it comes from.
    #[error("{engine} cannot be had on this machine: {advice}")]
    Missing {
        /// The engine, as a person calls it.
        engine: &'static str,
        /// What to install or to run.
        advice: String,
    },
    /// A file or folder of ours could not be read or written.
    #[error("`{}` cannot be used: remove it, or make room and set its permissions", path.display())]
    File {
        /// Which.
        path: PathBuf,
        #[source]
        /// Why.
        source: io::Error,
    },
    /// A program could not be started or did not end in time.
    #[error("`{command}` cannot be run to its end")]
    Run {
        /// The command line.
        command: String,
        #[source]
        /// Why.
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("`{command}` ended with {status}: {output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// A server ended before it answered.
    #[error("{engine} ended with {status} before it answered; its log `{}` ends with:\n{tail}", log.display())]
    Died {
        /// The engine, as a person calls it.
        engine: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Where its log is.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A server runs and does not answer as it should.
    #[error("{engine} is not ready after {seconds} s ({answer}); its log `{}` ends with:\n{tail}", log.display())]
    Silent {
        /// The engine, as a person calls it.
        engine: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// What came instead.
        answer: String,
        /// Where its log is.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A signal could not be sent to a server of ours.
    #[error("process {pid} of {engine} cannot be signalled")]
    Signal {
        /// The engine, as a person calls it.
        engine: &'static str,
        /// The process.
        pid: u32,
        #[source]
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// True when this machine lacks something, so that a test may be skipped.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    pub(crate) fn missing(engine: &'static str, advice: impl Into<String>) -> Self {
        Self::Missing { engine, advice: advice.into() }
    }

    /// For `map_err` of what is done to the file at `path`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
