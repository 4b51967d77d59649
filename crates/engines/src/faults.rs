//! What can be done to a server: killed, restarted, paused, and its log read.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::server::Server;

/// A server that a test may harm. All of it goes to processes that were started here, children included.
pub trait Faults {
    #[doc(hidden)]
    fn server(&self) -> &Server;

    /// Ends it at once, as a crash does (SIGKILL), and returns when it has ended. Fine when it does not run.
    ///
    /// # Errors
    ///
    /// When the signal cannot be sent.
    fn kill(&self) -> Result<()> {
        self.server().kill()
    }

    /// Starts it again on the same address and data, and returns when it answers. One that runs is killed first.
    ///
    /// # Errors
    ///
    /// When it cannot be killed or does not answer.
    fn restart(&self) -> Result<()> {
        self.server().restart()
    }

    /// Stops it where it stands (SIGSTOP): connections stay, and nothing is answered.
    ///
    /// # Errors
    ///
    /// When the signal cannot be sent.
    fn pause(&self) -> Result<()> {
        self.server().pause()
    }

    /// Lets it go on after a [`pause`](Self::pause).
    ///
    /// # Errors
    ///
    /// When the signal cannot be sent.
    fn resume(&self) -> Result<()> {
        self.server().resume()
    }

    /// Its process, or the last one it had.
    fn pid(&self) -> u32 {
        self.server().pid()
    }

    /// Where its log is.
    fn log_path(&self) -> &Path {
        self.server().log()
    }

    /// All that it and its predecessors logged.
    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }
}
