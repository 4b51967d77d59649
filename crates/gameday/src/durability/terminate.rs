//! SIGTERM under load: what a supervisor does on every release.
//!
//! Judged: the server ends well; every request that it had begun to read is answered, slow ones included; what it
//! answered is there afterwards, and what it did not answer was not done. A connection that is refused, or that it closed
//! before it read the request, is fine: nothing was done, and the shopper's retry goes elsewhere.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;
use testkit::random::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Ground;
use super::api::{Client, Request};
use super::kill::{conclude, millis};
use super::report::Verdict;
use super::shop::Shop;
use super::shown::{Cart, TAB};

const GUESTS: usize = 96;
const WORKERS: usize = 48;
const LOAD_MS: (u32, u32) = (150, 700);
/// Requests of which half is sent when the signal comes.
const SLOW: usize = 4;
/// How long the other half takes.
const SLOW_PAUSE: Duration = Duration::from_millis(150);
const GO_ON: &[u8; 25] = b"HTTP/1.1 100 Continue\r\n\r\n";
const ANSWER_MAX: Duration = Duration::from_secs(10);

pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    let shop = Shop::new(ground);
    let mut verdict = Verdict::default();
    let mut random = Random::new(ground.seed);
    let (mut running, mut client, crowd) = shop.open(GUESTS).await?;
    let rounds = ground.rounds(4, 20);
    for round in 1..=rounds {
        ground.tell(format!("round {round} of {rounds}"));
        let place = format!("round {round}");
        let load = crowd.start(&client, WORKERS);
        tokio::time::sleep(millis(&mut random, LOAD_MS)).await;
        let mut slow = Vec::new();
        for _ in 0..SLOW {
            slow.push(Slow::begin(&client, &running.url).await?);
        }
        running.terminate()?;
        tokio::time::sleep(SLOW_PAUSE).await;
        for slow in &mut slow {
            let answer = slow.end().await.unwrap_or_else(|error| format!("{error:#}"));
            let holds = answer.starts_with("HTTP/1.1 200");
            verdict.demand(holds, &place, &format!("a request under way was not answered: {answer:?}"));
            verdict.count("slow requests under way at the signal", 1);
        }
        let status = running.ended().await?;
        verdict.demand(
            status.success(),
            &place,
            &format!("the server ended with {status}: {}", running.log()),
        );
        load.end().await;
        (running, client) = shop.serve().await?;
        let reads = crowd.read_all(&client).await?;
        let done = crowd.done_unanswered(&reads).await;
        verdict.demand(done == 0, &place, &format!("{done} requests were done and not answered"));
        verdict.find(&place, crowd.judge(&reads, false).await);
        for slow in &slow {
            let units = slow.units(&client).await?;
            verdict.demand(
                units == 1,
                &place,
                &format!("a slow add was answered, and {units} units are there"),
            );
        }
        crowd.settle(&client).await?;
        let reads = crowd.read_all(&client).await?;
        verdict.find(&place, crowd.judge(&reads, false).await);
        verdict.count("terminated under load", 1);
    }
    running.stop().await?;
    conclude(&crowd, &mut verdict);
    Ok(verdict)
}

/// An add of one unit whose body comes in two halves.
struct Slow {
    stream: TcpStream,
    token: String,
    rest: String,
}

impl Slow {
    async fn begin(client: &Client, url: &str) -> Result<Self> {
        let token = client.open_session().await?.token;
        let body = json!({"sku": "T-0", "quantity": 1, "options": {TAB: "0"}}).to_string();
        let host = url.trim_start_matches("http://");
        let head = format!(
            "POST /v1/cart/lines HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            body.len()
        );
        let (first, rest) = body.split_at(body.len() / 2);
        let mut stream = TcpStream::connect(host).await.context("no connection")?;
        stream.write_all(head.as_bytes()).await?;
        // It says so once it reads the body: from here on the request is under way.
        let mut told = [0; GO_ON.len()];
        timeout(ANSWER_MAX, stream.read_exact(&mut told)).await.context("the server does not go on")??;
        ensure!(told == *GO_ON, "the server does not go on: {}", String::from_utf8_lossy(&told));
        stream.write_all(first.as_bytes()).await?;
        Ok(Self { stream, token, rest: rest.to_owned() })
    }

    /// Sends the rest; returns the answer as it came.
    async fn end(&mut self) -> Result<String> {
        self.stream.write_all(self.rest.as_bytes()).await.context("the rest is not taken")?;
        let mut answer = Vec::new();
        timeout(ANSWER_MAX, self.stream.read_to_end(&mut answer)).await.context("no answer in time")??;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn units(&self, client: &Client) -> Result<u64> {
        let reply = client.send(&Request::new(Method::GET, "/v1/cart", &self.token)).await;
        let reply = reply?;
        Ok(Cart::parse(&reply.body)?.view("0").units.get("T-0").map_or(0, |units| units.total()))
    }
}
