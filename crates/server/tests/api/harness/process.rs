//! The built binary as a process of its own, to be killed, stopped and started again on one directory.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{SKUS, Shop};
use crate::over;

/// Longer than any wait in a test that passes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `evercart serve`.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    data: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
    reading: Option<thread::JoinHandle<()>>,
}

/// `evercart` with these words, untouched by the environment of the tests.
pub(crate) fn evercart(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evercart"));
    let foreign = std::env::vars_os().map(|(name, _)| name);
    for name in foreign.filter(|name| name.to_string_lossy().starts_with("EVERCART_")) {
        command.env_remove(name);
    }
    command.args(words).env("EVERCART_AUTH__LOCAL_ISSUER", "true");
    command
}

impl Process {
    /// Starts on a directory; ready when this returns.
    pub(crate) fn serve(data: &Path) -> Self {
        let words = ["serve", "--json", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let mut command = evercart(&words);
        if let Some(file) = over::config_of(data) {
            command.arg("--config").arg(file);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (log, err) = (Arc::new(Mutex::new(Vec::new())), BufReader::new(child.stderr.take().unwrap()));
        let lines = log.clone();
        let reading = thread::spawn(move || {
            err.lines().map_while(Result::ok).for_each(|line| lines.lock().unwrap().push(line));
        });
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let ready: Value = serde_json::from_str(&first)
            .unwrap_or_else(|error| panic!("{error}: {first:?}, {:?}", log.lock().unwrap()));
        let address = ready["url"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
        Self { child, address, data: data.to_owned(), log, reading: Some(reading) }
    }

    /// The shop that it is. It sells what every shop of these tests sells.
    pub(crate) async fn shop(&self) -> Shop {
        let shop = Shop::at(self.address, &self.data);
        let item = |(at, sku): (usize, &&str)| {
            let price = json!({"amount": 100 * (at + 1), "currency": "GBP"});
            json!({"sku": sku, "title": format!("Thing {sku}"), "revision": 1, "price": price})
        };
        shop.put_items(&SKUS.iter().enumerate().map(item).collect::<Vec<_>>()).await;
        shop
    }

    /// What it wrote on standard error.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// As a power failure would: nothing is said, nothing is finished.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as a supervisor would.
    pub(crate) fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for its end, and for the last line of its log.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        self.reading.take().map(|reading| reading.join().ok());
        status
    }

    /// Waits until it takes no more connections.
    pub(crate) async fn refuses_connections(&self) {
        until(async || tokio::net::TcpStream::connect(self.address).await.is_err()).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits for a state.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let mut every = tokio::time::interval(Duration::from_millis(5));
    let waiting = async {
        while !holds().await {
            every.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it holds before patience ends");
}
