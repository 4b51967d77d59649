//! Servers that are left running: found again, not started twice, and nobody else's process taken for one.

#![expect(clippy::unwrap_used, reason = "a test, also outside of `#[test]` functions")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use engines::standing::{Engine, Standing, Up, down, running, up};
use engines::{Folder, or_skip};

/// A workspace of its own, so that what a person left running stays.
struct Workspace {
    path: PathBuf,
    folder: Folder,
}

impl Workspace {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evercart-standing-{name}-{}", std::process::id()));
        let folder = Folder::at(&path).unwrap();
        Self { path, folder }
    }

    fn up(&self) -> Option<(Standing, Up)> {
        or_skip(up(&self.folder, Engine::Redis))
    }

    fn record(&self) -> PathBuf {
        self.path.join("target/engines/run/redis.json")
    }

    /// Writes down that the server is another process than it was, as if its number had been used again.
    fn note_another_pid(&self, was: u32, is: u32) {
        let text = fs::read_to_string(self.record()).unwrap();
        fs::write(self.record(), text.replace(&format!("\"pid\": {was}"), &format!("\"pid\": {is}")))
            .unwrap();
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        drop(down(&self.folder, Engine::Redis));
        drop(fs::remove_dir_all(&self.path));
    }
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

#[test]
fn a_server_that_runs_is_not_started_twice_and_is_empty_after_it_was_down() {
    let workspace = Workspace::new("twice");
    let Some((first, started)) = workspace.up() else { return };
    assert_eq!(started, Up::Started);
    let Some((second, again)) = workspace.up() else { return };
    assert_eq!((second, again), (first.clone(), Up::Running));
    assert_eq!(down(&workspace.folder, Engine::Redis).unwrap(), Some(first.clone()));
    assert!(!first.answers() && running(&workspace.folder, Engine::Redis).is_none());
    assert_eq!(down(&workspace.folder, Engine::Redis).unwrap(), None);
}

#[test]
fn two_who_want_a_server_at_once_get_the_same() {
    let workspace = Workspace::new("at-once");
    let both = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| workspace.up());
        let both = [ask(), ask()];
        both.map(|thread| thread.join().unwrap())
    });
    let [Some((first, _)), Some((second, _))] = both else { return };
    assert_eq!(first, second);
}

#[test]
fn a_server_that_crashed_is_started_anew() {
    let workspace = Workspace::new("crashed");
    let Some((crashed, _)) = workspace.up() else { return };
    signal("-KILL", crashed.pid());
    let Some((anew, _)) = workspace.up() else { return };
    assert!(anew.pid() != crashed.pid() && anew.answers());
}

#[test]
fn a_server_that_runs_and_does_not_answer_is_started_anew() {
    let workspace = Workspace::new("silent");
    let Some((silent, _)) = workspace.up() else { return };
    signal("-STOP", silent.pid());
    assert!(!silent.answers());
    let Some((anew, started)) = workspace.up() else { return };
    assert!(started == Up::Started && anew.answers());
}

#[test]
fn a_server_whose_starter_was_ended_before_it_noted_it_ends_before_another_starts() {
    let workspace = Workspace::new("unnoted");
    let Some((unnoted, _)) = workspace.up() else { return };
    fs::remove_file(workspace.record()).unwrap();
    let Some((noted, _)) = workspace.up() else { return };
    assert!(noted.pid() != unnoted.pid() && !unnoted.answers() && noted.answers());
}

#[test]
fn a_process_that_has_the_number_of_one_that_crashed_is_left_alone() {
    let workspace = Workspace::new("stale");
    let Some((crashed, _)) = workspace.up() else { return };
    signal("-KILL", crashed.pid());
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    workspace.note_another_pid(crashed.pid(), stranger.id());
    assert_eq!(running(&workspace.folder, Engine::Redis), None);
    assert_eq!(down(&workspace.folder, Engine::Redis).unwrap(), None);
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn what_is_left_running_answers_its_protocol() {
    let workspace = Workspace::new("protocol");
    let Some((server, _)) = workspace.up() else { return };
    assert_eq!(server.url, format!("redis://{}", server.address));
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"ECHO here\r\n").unwrap();
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"$4\r\nhere\r\n");
}
