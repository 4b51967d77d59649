//! Traces and metrics reach a collector by OTLP: traces as children of the caller's span.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use axum::{Router, body::Bytes, extract::State, routing::post};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};
use tokio::sync::mpsc;

/// A collector on loopback that hands on what it is sent of one signal, `traces` or `metrics`.
async fn collector(signal: &str) -> (String, mpsc::UnboundedReceiver<Bytes>) {
    let (sender, received) = mpsc::unbounded_channel();
    let take = async |State(sender): State<mpsc::UnboundedSender<Bytes>>, body: Bytes| {
        drop(sender.send(body));
    };
    let app = Router::new().route(&format!("/v1/{signal}"), post(take)).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, received)
}

fn serve(data: &std::path::Path, collector: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_evercart"))
        .args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"])
        .arg(data)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .env("OTEL_METRIC_EXPORT_INTERVAL", "50")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    (child, said["url"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_traced_under_its_callers_span() {
    let (collector, mut received) = collector("traces").await;
    let data = tempfile::tempdir().unwrap();
    let (mut child, url) = serve(data.path(), &collector);
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    let answer = reqwest::Client::new()
        .post(format!("{url}/v1/sessions"))
        .header("traceparent", parent)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success(), "the server drains and ends");
    let spans = received.recv().await.expect("spans are sent before the end");
    let holds = |part: &[u8]| spans.windows(part.len()).any(|window| window == part);
    let wire_id: Vec<u8> = data_encoding::HEXLOWER.decode(trace_id.as_bytes()).unwrap();
    assert!(holds(&wire_id), "the caller's trace");
    assert!(holds(b"POST /v1/sessions") && holds(b"evercart"), "the route and the service");
    assert!(!holds(b"g1."), "no token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_sent_under_their_conventional_names() {
    let (collector, mut received) = collector("metrics").await;
    let data = tempfile::tempdir().unwrap();
    let (mut child, url) = serve(data.path(), &collector);
    let answer = reqwest::Client::new().post(format!("{url}/v1/sessions")).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let holds = |sent: &[u8], part: &[u8]| sent.windows(part.len()).any(|window| window == part);
    let route = b"/v1/sessions";
    let sent = loop {
        let sent = received.recv().await.expect("metrics are sent while the server runs");
        if holds(&sent, route) {
            break sent;
        }
    };
    assert!(holds(&sent, b"http.server.request.duration") && holds(&sent, b"evercart"));
    let scraped = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
    assert!(scraped.contains("http_server_request_duration_seconds_count"), "and are scraped as before");
    child.kill().unwrap();
    child.wait().unwrap();
}
