//! A shop over an engine of its own: configured by a file, initialised by the command, served by the built binary.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// A few real invoices with every oddity that there is.
const SLICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test-data/online-retail-slice.csv");

/// A configuration with its data directory.
pub(crate) struct Shop {
    folder: TempDir,
    config: PathBuf,
    environment: Vec<(&'static str, String)>,
}

/// A node of a shop; killed when dropped.
pub(crate) struct Node {
    process: Child,
    pub(crate) url: String,
}

impl Shop {
    /// One that is configured so.
    pub(crate) fn configured(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("shop.toml");
        std::fs::write(&config, text).unwrap();
        Self { folder, config, environment: Vec::new() }
    }

    /// The same with variables of the environment that say otherwise.
    pub(crate) fn with(mut self, environment: Vec<(&'static str, String)>) -> Self {
        self.environment = environment;
        self
    }

    /// The file that configures it.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evercart"));
        command.args(words).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Configures it anew, for nodes and commands that are started from now on.
    pub(crate) fn reconfigure(&self, text: &str) {
        std::fs::write(&self.config, text).unwrap();
    }

    /// Runs `evercart engine WHAT`.
    pub(crate) fn engine(&self, what: &str) -> Output {
        self.engine_command(&[what]).output().unwrap()
    }

    /// `evercart engine` with these words, to be run.
    pub(crate) fn engine_command(&self, words: &[&str]) -> Command {
        let mut command = self.command(&[&["engine"], words].concat());
        command.arg("--config").arg(&self.config);
        command
    }

    fn serve_command(&self, data: &Path) -> Command {
        let mut command = self.command(&["serve", "--demo", "--json", "--listen", "127.0.0.1:0", "--config"]);
        command.arg(&self.config).arg("--data").arg(data);
        command
    }

    /// What a node says that must not start.
    pub(crate) fn does_not_start(&self) -> Output {
        let output = self.serve_command(&self.data()).output().unwrap();
        assert!(!output.status.success());
        output
    }

    /// Starts a node with these keys.
    pub(crate) fn serve(&self, data: &Path) -> Node {
        let mut process = self
            .serve_command(data)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("it does not start:\n{}", self.log()));
        Node { process, url: started["url"].as_str().unwrap().to_owned() }
    }

    /// What nodes logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A second data directory with the same keys, as a second machine has it.
    pub(crate) fn second_data(&self) -> PathBuf {
        let (keys, copy) = (self.data().join("keys"), self.folder.path().join("second"));
        std::fs::create_dir_all(copy.join("keys")).unwrap();
        for file in std::fs::read_dir(keys).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.join("keys").join(file.file_name())).unwrap();
        }
        copy
    }

    /// Shops the slice through, and compares every cart and order with the file.
    pub(crate) fn replay(&self, node: &Node) -> Child {
        self.command(&["replay", "online-retail", SLICE, "--json", "--url", &node.url, "--data"])
            .arg(self.data())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap()
    }

    /// A shopper's token.
    pub(crate) fn shopper(&self, subject: &str) -> String {
        let output =
            self.command(&["token", "shopper", subject, "--data"]).arg(self.data()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// The report of a replay, which must have passed.
pub(crate) fn passed(replay: Child) -> Value {
    let output = replay.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = ["ended_early", "differing_carts", "differences", "catalogue_failures", "replay"];
    let told: Vec<_> = told.iter().map(|part| &report[*part]).collect();
    assert_eq!(report["passed"], true, "{told:#?} {:#}", report["orders"]["differences"]);
    assert!(report["replay"]["carts"].as_u64().unwrap() > 0);
    report
}

/// Longer than any answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Asks, and takes every status for an answer.
fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    ureq::Agent::new_with_config(config.timeout_global(Some(ANSWER_MAX)).build())
}

/// `GET` at a door, with a token where there is one: status and body, or why there is no answer.
fn get_at(door: &str, path: &str, token: Option<&str>) -> Result<(u16, Value), ureq::Error> {
    let mut request = agent().get(format!("{door}{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut answer = request.call()?;
    let body = answer.body_mut().read_to_string()?;
    Ok((answer.status().as_u16(), serde_json::from_str(&body).unwrap_or_default()))
}

/// What a shopper's cart shows at a door, as `sku quantity` in order; none where it is not answered.
pub(crate) fn cart_at(door: &str, token: &str) -> Option<String> {
    let (_, cart) = get_at(door, "/v1/cart", Some(token)).ok().filter(|(status, _)| *status == 200)?;
    Some(lines_of(&cart))
}

fn lines_of(cart: &Value) -> String {
    let lines = cart["lines"].as_array().unwrap().iter();
    let mut lines: Vec<String> =
        lines.map(|line| format!("{} {}", line["sku"].as_str().unwrap(), line["quantity"])).collect();
    lines.sort_unstable();
    lines.join(", ")
}

/// Adds units of an item at a door, named by a header: the status, and whether it says when to come back.
pub(crate) fn add_at(
    door: &str,
    token: &str,
    (sku, quantity): (&str, u32),
    (header, name): (&str, &str),
) -> Result<(u16, bool), ureq::Error> {
    let request = agent().post(format!("{door}/v1/cart/lines"));
    let body = serde_json::json!({"sku": sku, "quantity": quantity});
    let request = request.header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", "application/json").header(header, name);
    let mut answer = request.send(body.to_string())?;
    // Headers alone are no answer.
    answer.body_mut().read_to_vec()?;
    Ok((answer.status().as_u16(), answer.headers().contains_key("retry-after")))
}

impl Node {
    /// `GET`, with a token where there is one: status and body.
    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        get_at(&self.url, path, token).unwrap()
    }

    /// What its metrics say.
    pub(crate) fn metrics(&self) -> String {
        let mut answer = agent().get(format!("{}/metrics", self.url)).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    }

    /// What a shopper's cart shows, as `sku quantity` in order.
    pub(crate) fn shows(&self, token: &str) -> String {
        let (status, cart) = self.get("/v1/cart", Some(token));
        assert_eq!(status, 200, "{cart}");
        lines_of(&cart)
    }

    /// Adds units of an item; the same key again is the same add.
    pub(crate) fn add(&self, token: &str, sku: &str, quantity: u32, key: &str) -> u16 {
        add_at(&self.url, token, (sku, quantity), ("idempotency-key", key)).unwrap().0
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail after its end, when there is nothing left to do.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
