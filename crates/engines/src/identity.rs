//! Which process a pid means: number and start time together, so that a number used again is nobody we know.
//!
//! Always holds: no signal goes to a process whose start time is not the one that was noted.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// One process on this machine since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// In ticks since the machine was.
    pub(crate) started: u64,
}

/// What `/proc/PID/stat` says that matters here.
struct Stat {
    state: char,
    parent: u32,
    started: u64,
}

impl Identity {
    /// The process that has this number now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        stat(pid).map(|stat| Self { pid, started: stat.started })
    }

    /// This very process.
    pub(crate) fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Whether it still runs; one that ended and was not waited for does not.
    pub(crate) fn is_alive(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.started == self.started && !matches!(stat.state, 'Z' | 'X'))
    }

    /// Ends it and everything it started, at once, and returns when none of them runs; fine when it is gone already.
    pub(crate) fn end_tree(self) -> io::Result<()> {
        let family = self.frozen()?;
        family.iter().try_for_each(|process| process.signal(Signal::KILL))?;
        while family.iter().any(|process| process.is_alive()) {
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Stops it and everything it started where they stand.
    pub(crate) fn stop_tree(self) -> io::Result<()> {
        self.frozen().map(drop)
    }

    /// Lets it and everything it started go on.
    pub(crate) fn continue_tree(self) -> io::Result<()> {
        self.family().iter().try_for_each(|process| process.signal(Signal::CONT))
    }

    /// All of its processes, stopped, so that none starts another while the rest is looked for.
    fn frozen(self) -> io::Result<Vec<Self>> {
        let mut frozen: Vec<Self> = Vec::new();
        loop {
            let family = self.family();
            let running: Vec<Self> = family.iter().filter(|one| !frozen.contains(one)).copied().collect();
            if running.is_empty() {
                return Ok(family);
            }
            running.iter().try_for_each(|process| process.signal(Signal::STOP))?;
            frozen = family;
        }
    }

    /// It, if it is there, and everything it started that is.
    fn family(self) -> Vec<Self> {
        if Self::of(self.pid) != Some(self) {
            return Vec::new();
        }
        let everybody = everybody();
        let mut family = vec![self];
        let mut looked_at = 0;
        while let Some(parent) = family.get(looked_at).copied() {
            let children = everybody.iter().filter(|(_, stat)| stat.parent == parent.pid);
            family.extend(children.map(|(pid, stat)| Self { pid: *pid, started: stat.started }));
            looked_at += 1;
        }
        family
    }

    fn signal(self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let Some(pid) = pid.filter(|_| Self::of(self.pid) == Some(self)) else { return Ok(()) };
        match rustix::process::kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn everybody() -> HashMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?))).collect()
}

fn stat(pid: u32) -> Option<Stat> {
    parsed(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name of a program stands second, in brackets, and may hold anything, brackets and spaces too.
fn parsed(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = after_name.split(' ').collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Identity, parsed};

    #[test]
    fn a_name_with_brackets_and_spaces_is_stepped_over() {
        let fields: Vec<String> = (3..=24).map(|field| field.to_string()).collect();
        let stat = parsed(&format!("7 (a) b) {}", fields.join(" "))).unwrap();
        assert_eq!((stat.state, stat.parent, stat.started), ('3', 4, 22));
    }

    #[test]
    fn a_number_that_was_used_again_is_somebody_else_and_gets_no_signal() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let real = Identity::of(child.id()).unwrap();
        let stale = Identity { started: real.started + 1, ..real };
        assert!(real.is_alive() && !stale.is_alive());
        stale.end_tree().unwrap();
        assert!(child.try_wait().unwrap().is_none(), "a foreign process was killed");
        real.end_tree().unwrap();
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn what_a_process_started_ends_with_it() {
        let mut shell = Command::new("sh").args(["-c", "sleep 60 & sleep 60"]).spawn().unwrap();
        let parent = Identity::of(shell.id()).unwrap();
        let family = loop {
            let family = parent.family();
            if family.len() == 3 {
                break family;
            }
            std::thread::yield_now();
        };
        parent.end_tree().unwrap();
        assert!(!family.iter().any(|process| process.is_alive()));
        shell.wait().unwrap();
    }
}
