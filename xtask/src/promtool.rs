//! `cargo xtask promtool`: what `/metrics` of a running server says is what Prometheus wants to read.
//!
//! Metrics appear as they are used, so there is some traffic first: good requests, refused ones, one sent twice, and one
//! over a rate limit.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use engines::Folder;
use engines::debian::{self, Program};
use serde_json::json;

use crate::live_server::LiveServer;
use crate::tools;

/// So few, that opening sessions meets the limit.
const SESSIONS_PER_MINUTE: (&str, &str) = ("EVERCART_RATE__SESSIONS_PER_MINUTE", "2");

/// What the traffic below must have left behind.
const EXPECTED: &[&str] = &[
    "http_server_request_duration_seconds_bucket",
    "evercart_store_operations_total",
    "evercart_store_operation_duration_seconds_bucket",
    "evercart_replays_total",
    "evercart_panics_total 0",
    "evercart_rate_limited_total",
];

/// Checks the metrics of a server that has had some traffic.
pub(crate) fn run(root: &Path) -> Result<()> {
    tools::skip_where_missing(check(root))
}

fn check(root: &Path) -> Result<()> {
    let promtool = debian::program(&Folder::at(root)?, "promtool", "prometheus", "promtool")?;
    let server = LiveServer::start(root, &[SESSIONS_PER_MINUTE])?;
    make_traffic(&server)?;
    let metrics = server.get("/metrics").send()?.is(200)?.body;
    for name in EXPECTED {
        ensure!(metrics.contains(name), "no `{name}` in\n{metrics}");
    }
    judge(&promtool, &metrics)?;
    server.stop()
}

fn make_traffic(server: &LiveServer) -> Result<()> {
    let guest = server.guest("MUG-BLUE")?;
    for status in [200, 200] {
        let add = server.post("/v1/cart/lines").bearer(&guest.token).header("Idempotency-Key", "the same");
        add.json(&json!({"sku": "MUG-WHITE", "quantity": 1})).send()?.is(status)?;
    }
    let unknown = server.post("/v1/cart/lines").bearer(&guest.token);
    unknown.json(&json!({"sku": "no such thing", "quantity": 1})).send()?.is(422)?;
    server.get("/v1/cart").bearer("no token").send()?.is(401)?;
    server.get("/nowhere").send()?.is(404)?;
    server.post("/v1/sessions").send()?.is(201)?;
    server.post("/v1/sessions").send()?.is(429)?;
    Ok(())
}

/// Promtool ends with 1 for what cannot be read and with 3 for what is named badly.
fn judge(promtool: &Program, metrics: &str) -> Result<()> {
    let mut command = Command::new(&promtool.path);
    let mut process = command
        .envs(promtool.variable.clone())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` cannot be started", promtool.path.display()))?;
    let mut input = process.stdin.take().context("standard input is not a pipe")?;
    input.write_all(metrics.as_bytes())?;
    drop(input);
    let status = process.wait()?;
    ensure!(status.success(), "`promtool check metrics` ended with {status}, see above");
    println!("promtool is content with {} lines of metrics", metrics.lines().count());
    Ok(())
}
