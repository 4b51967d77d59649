//! A server as operators run it: the release build in a process of its own, on a free port of the loopback, with a data
//! directory that goes with it, the small catalogue of `--demo`, and tokens of every kind.

mod request;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs, process};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::invocation::Invocation;
use crate::release;
pub(crate) use request::{Answer, Request};

/// What a service token may do where a check asks for everything.
const SCOPES: &[&str] = &["carts", "catalog", "inventory", "orders", "subjects", "admin"];

/// A running server; stopped when dropped.
#[derive(Debug)]
pub(crate) struct LiveServer {
    /// Where it answers, without a slash at the end.
    pub(crate) url: String,
    /// A folder that is gone after the check.
    pub(crate) folder: PathBuf,
    pub(crate) binary: PathBuf,
    settings: Vec<(String, String)>,
    process: Child,
}

impl LiveServer {
    /// Builds the server and starts it, with `settings` as variables of its environment.
    pub(crate) fn start(root: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let binary = release::server(root)?;
        let folder = env::temp_dir().join(format!("evercart-live-{}", process::id()));
        drop(fs::remove_dir_all(&folder));
        let backups = folder.join("backups");
        fs::create_dir_all(&backups).with_context(|| format!("`{}` cannot be made", backups.display()))?;
        let settings: Vec<_> =
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let process = spawned(&binary, &folder, "127.0.0.1:0", &settings)?;
        let mut server = Self { url: String::new(), folder, binary, settings, process };
        server.url = server.listens()?;
        println!("the server listens on {}", server.url);
        Ok(server)
    }

    /// Kills the server as a power cut would, and starts it again on the same address and data.
    pub(crate) fn kill_and_restart(&mut self) -> Result<()> {
        self.process.kill().context("the server cannot be killed")?;
        self.process.wait().context("the server cannot be waited for")?;
        let address = self.url.trim_start_matches("http://");
        self.process = spawned(&self.binary, &self.folder, address, &self.settings)?;
        self.listens().map(drop)
    }

    /// Waits until the server says where it listens.
    fn listens(&mut self) -> Result<String> {
        let output = self.process.stdout.take().context("standard output is not a pipe")?;
        url_in(BufReader::new(output)).with_context(|| self.log())
    }

    /// What the server logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// A shopper's JWT.
    pub(crate) fn shopper(&self, subject: &str) -> Result<String> {
        self.token(&["shopper", subject])
    }

    /// A token of a service that may do everything.
    pub(crate) fn service(&self) -> Result<String> {
        let scopes = SCOPES.iter().flat_map(|scope| ["--scope", scope]);
        self.token(&["service"].into_iter().chain(scopes).collect::<Vec<_>>())
    }

    /// A guest's token, its cart with one unit of an item in it.
    pub(crate) fn guest(&self, sku: &str) -> Result<Guest> {
        let opened = self.post("/v1/sessions").send()?.is(201)?;
        let token = opened.text("/token")?;
        let shown = self.post("/v1/cart/lines").bearer(&token).json(&json!({"sku": sku, "quantity": 1}));
        Ok(Guest { shown: shown.send()?.is(200)?, token })
    }

    /// A request to this server.
    pub(crate) fn get(&self, path: &str) -> Request {
        Request::new(&self.url, "GET", path)
    }

    /// A request to this server.
    pub(crate) fn post(&self, path: &str) -> Request {
        Request::new(&self.url, "POST", path)
    }

    /// Stops the server as an operator does. Fails when it does not end as it should, or has panicked.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = self.process.id().to_string();
        Invocation::program("kill").arg("-TERM").arg(pid).run(&self.folder)?;
        let status = self.process.wait().context("the server cannot be waited for")?;
        ensure!(status.success(), "the server ended with {status}:\n{}", self.log());
        ensure!(!self.log().contains("panicked"), "the server panicked:\n{}", self.log());
        Ok(())
    }

    fn token(&self, kind: &[&str]) -> Result<String> {
        let output = Command::new(&self.binary)
            .arg("token")
            .args(kind)
            .arg("--data")
            .arg(self.folder.join("data"))
            .output()
            .context("`evercart token` cannot be started")?;
        ensure!(
            output.status.success(),
            "`evercart token` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Drop for LiveServer {
    fn drop(&mut self) {
        // Both fail after `stop`, when there is nothing left to do.
        drop(self.process.kill());
        drop(self.process.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A guest, and the cart as it was shown last.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) token: String,
    pub(crate) shown: Answer,
}

fn spawned(binary: &Path, folder: &Path, address: &str, settings: &[(String, String)]) -> Result<Child> {
    let log = fs::File::options().create(true).append(true).open(folder.join("log"));
    Command::new(binary)
        .args(["serve", "--demo", "--json", "--listen", address, "--data"])
        .arg(folder.join("data"))
        .env("EVERCART_BACKUP__DIRECTORY", folder.join("backups"))
        .envs(settings.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.context("the log of the server cannot be made")?)
        .spawn()
        .with_context(|| format!("`{}` cannot be started", binary.display()))
}

/// The first line says where the server listens.
fn url_in(mut output: impl BufRead) -> Result<String> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    let started: Value = serde_json::from_str(&line).context("the server did not say where it listens")?;
    match started.get("url").and_then(Value::as_str) {
        Some(url) => Ok(url.to_owned()),
        None => bail!("the server did not say where it listens"),
    }
}

#[cfg(test)]
mod tests {
    use super::url_in;

    #[test]
    fn the_first_line_says_where_the_server_listens() {
        assert_eq!(url_in(&b"{\"url\":\"http://a\"}\nmore\n"[..]).unwrap(), "http://a");
        assert!(url_in(&b""[..]).is_err());
        assert!(url_in(&b"{}\n"[..]).is_err());
    }
}
