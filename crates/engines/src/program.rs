//! Outside programs that run to their end: found, run with a deadline, and their output kept for the error.

use std::env;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// How much of a failing program's output an error shows, in bytes.
const SHOWN: usize = 4_000;

/// The program of this name in the search path.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // A user's search path often lacks the folders of the administrator's programs.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Runs to the end and returns standard output; killed, and an error, after `within`.
pub(crate) fn output(mut command: Command, within: Duration) -> Result<String> {
    let shown = shown(&command);
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = |source| Error::Run { command: shown.clone(), source };
    let output = piped.spawn().and_then(|child| ended(child, within)).map_err(run)?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let all = format!("{}{printed}", String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed { command: shown, status: output.status, output: tail(all.trim(), SHOWN) })
}

/// Waits for the end while both outputs are read, so that a full pipe holds nothing up.
fn ended(mut child: Child, within: Duration) -> io::Result<Output> {
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes)).map(|_| bytes)
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let deadline = Instant::now() + within;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("killed after {within:?}")));
        }
        thread::sleep(Duration::from_millis(5));
    };
    let bytes = |reader: thread::JoinHandle<io::Result<Vec<u8>>>| reader.join().unwrap_or(Ok(Vec::new()));
    Ok(Output { status, stdout: bytes(stdout)?, stderr: bytes(stderr)? })
}

/// The end of a text, at most `bytes` of it, from the beginning of a line.
pub(crate) fn tail(text: &str, bytes: usize) -> String {
    let from = text.len().saturating_sub(bytes);
    match text.get(from..).or_else(|| text.get(text.ceil_char_boundary(from)..)) {
        Some(end) if from > 0 => end.split_once('\n').map_or(end, |(_, lines)| lines).to_owned(),
        _ => text.to_owned(),
    }
}

/// As typed into a shell, roughly.
pub(crate) fn shown(command: &Command) -> String {
    let mut shown = Path::new(command.get_program()).display().to_string();
    for arg in command.get_args() {
        // A string takes everything that is written into it.
        let _ = write!(shown, " {}", arg.display());
    }
    shown
}
