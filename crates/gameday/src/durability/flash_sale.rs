//! A flash sale: ten thousand buyers, of whom everybody asks again, want a thousand units of one SKU at once.
//!
//! Judged: exactly a thousand units are sold; a thousand buyers are told so, each with an order that is listed, and no
//! other; the same key is never answered otherwise. The rate is that of this client beside the server.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::random::Random;
use tokio::task::JoinSet;

use super::Ground;
use super::api::{Client, Reply, Request};
use super::checkouts;
use super::report::Verdict;

const BUYERS: usize = 10_000;
const UNITS: u64 = 1_000;
const BUCKETS: u64 = 8;
const CONNECTIONS: usize = 64;
/// One of those in the catalogue, and what it costs.
const SKU: &str = "T-0";
const PRICE: u64 = 100;
/// Keys that a buyer tries; each is sent again once it is decided.
const KEYS: u32 = 2;
/// Requests under one key until it is decided, and how far apart.
const SENT_MAX: u32 = 200;
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// What a buyer was told in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Sold(String),
    SoldOut,
}

/// What all buyers were told.
#[derive(Debug, Default)]
struct Sale {
    /// Orders, by the buyer's token.
    sold: Vec<(String, String)>,
    findings: Vec<String>,
    asked: u64,
}

pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    let shop = checkouts::shop(ground, "data");
    let (running, client) = shop.serve().await?;
    shop.fill_catalogue(&client).await?;
    let token = shop.evercart.token(&["service", "--scope", "inventory"]).await?;
    ground.tell(format!("{BUYERS} buyers fill their carts"));
    let tokens = Arc::new(fill_carts(&client).await?);
    let shelf = json!({"on_hand": UNITS, "buckets": BUCKETS});
    let put = Request::new(Method::PUT, format!("/v1/inventory/{SKU}"), &token).json(&shelf);
    ensure!(client.send(&put).await?.is_done(), "the shelf is refused");
    ground.tell("the sale".to_owned());
    let started = Instant::now();
    let sale = sell(&client, &tokens, ground.seed).await?;
    let seconds = started.elapsed().as_secs_f64();
    let mut verdict = Verdict::default();
    verdict.find("in the sale", judge(&client, &token, &sale).await?);
    verdict.find("in the sale", sale.findings);
    verdict.count("buyers", BUYERS as u64);
    verdict.count("units sold", sale.sold.len() as u64);
    verdict.count("checkouts answered", sale.asked);
    verdict.count("of them a second", rate(sale.asked, seconds));
    running.stop().await?;
    Ok(verdict)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of requests by seconds"
)]
fn rate(count: u64, seconds: f64) -> u64 {
    (count as f64 / seconds) as u64
}

/// Runs `work` for every number below `count`, with one worker a connection.
async fn for_all<T: Send + 'static, F>(count: usize, work: impl Fn(usize) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<T>> + Send + 'static,
{
    let mut workers = JoinSet::new();
    let mut all = Vec::with_capacity(count);
    for number in 0..count {
        if workers.len() >= CONNECTIONS {
            all.push(workers.join_next().await.context("a worker is gone")???);
        }
        workers.spawn(work(number));
    }
    while let Some(done) = workers.join_next().await {
        all.push(done??);
    }
    Ok(all)
}

/// A session for every buyer, with the one unit that they want in the cart.
async fn fill_carts(client: &Client) -> Result<Vec<String>> {
    for_all(BUYERS, |_| {
        let client = client.clone();
        async move { fill_cart(&client).await }
    })
    .await
}

/// Asks under one key until it is done: a server that is busy says so.
async fn fill_cart(client: &Client) -> Result<String> {
    let token = client.open_session().await?.token;
    let add = Request::new(Method::POST, "/v1/cart/lines", &token);
    let add = add.header("idempotency-key", "\"fill\"".to_owned()).json(&json!({"sku": SKU, "quantity": 1}));
    for _ in 0..SENT_MAX {
        let reply = client.send(&add).await?;
        if reply.is_done() {
            return Ok(token);
        }
        ensure!(reply.code() == "overloaded", "an add is refused with {}", reply.status);
        tokio::time::sleep(AGAIN_AFTER).await;
    }
    bail!("an add was not taken")
}

/// All buyers want it, in an order that chance makes.
async fn sell(client: &Client, tokens: &Arc<Vec<String>>, seed: u64) -> Result<Sale> {
    let sale = Arc::new(Mutex::new(Sale::default()));
    let asked = Arc::new(AtomicUsize::new(0));
    for_all(BUYERS, |number| {
        let (client, tokens) = (client.clone(), Arc::clone(tokens));
        let (sale, asked) = (Arc::clone(&sale), Arc::clone(&asked));
        async move {
            let token = &tokens[number];
            let mut random = Random::new(seed ^ number as u64);
            let told = want(&client, token, &mut random, &asked).await;
            let mut sale = sale.lock().unwrap_or_else(PoisonError::into_inner);
            match told {
                Ok(Told::Sold(order)) => sale.sold.push((token.clone(), order)),
                Ok(Told::SoldOut) => {}
                Err(error) => sale.findings.push(format!("buyer {number}: {error:#}")),
            }
            Ok(())
        }
    })
    .await?;
    let mut sale = std::mem::take(&mut *sale.lock().unwrap_or_else(PoisonError::into_inner));
    sale.asked = asked.load(Ordering::Relaxed) as u64;
    Ok(sale)
}

/// Asks under one key after the other until it is sold, and each time once more than needed.
async fn want(client: &Client, token: &str, random: &mut Random, asked: &AtomicUsize) -> Result<Told> {
    for _ in 0..KEYS {
        let key = format!("\"{:016x}\"", random.bits());
        let body = json!({"accept_total": {"amount": PRICE, "currency": "GBP"}});
        let request = Request::new(Method::POST, "/v1/cart/checkout", token).header("idempotency-key", key);
        let request = request.json(&body);
        let told = ask(client, &request, asked).await?;
        let again = ask(client, &request, asked).await?;
        if let Told::Sold(_) = told {
            ensure!(again == told, "was told {told:?}, and then {again:?}");
            return Ok(told);
        }
        ensure!(again == Told::SoldOut, "was told that it is sold out, and under the same key {again:?}");
    }
    Ok(Told::SoldOut)
}

/// Asks until it is decided.
async fn ask(client: &Client, request: &Request, asked: &AtomicUsize) -> Result<Told> {
    for _ in 0..SENT_MAX {
        let reply = client.send(request).await?;
        asked.fetch_add(1, Ordering::Relaxed);
        if reply.is_done() {
            return Ok(Told::Sold(order(&reply)?));
        }
        match reply.code().as_str() {
            "out_of_stock" | "empty_checkout" | "checkout_aborted" => return Ok(Told::SoldOut),
            "busy" | "checkout_in_progress" | "checkout_unavailable" | "overloaded" => {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            other => bail!("a checkout was answered {} `{other}`", reply.status),
        }
    }
    bail!("a checkout was not decided")
}

fn order(reply: &Reply) -> Result<String> {
    let order: Value = serde_json::from_slice(&reply.body)?;
    ensure!(order["state"] == "committed", "an order is `{}`", order["state"]);
    Ok(order["id"].as_str().context("an order without an id")?.to_owned())
}

/// What the shop says now is what the buyers were told.
async fn judge(client: &Client, token: &str, sale: &Sale) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let stock = client.send(&Request::new(Method::GET, format!("/v1/inventory/{SKU}"), token)).await?;
    let stock: Value = serde_json::from_slice(&stock.body)?;
    let is_sold_out = stock["sold"] == UNITS && stock["held"] == 0 && stock["available"] == 0;
    if !is_sold_out || sale.sold.len() as u64 != UNITS {
        findings.push(format!("{} buyers were told `sold`, and stock is {stock}", sale.sold.len()));
    }
    let orders: BTreeSet<&String> = sale.sold.iter().map(|(_, order)| order).collect();
    if orders.len() != sale.sold.len() {
        findings.push("two buyers were told the same order".to_owned());
    }
    for (token, order) in &sale.sold {
        let listed = client.send(&Request::new(Method::GET, "/v1/orders", token)).await?;
        let listed: Value = serde_json::from_slice(&listed.body)?;
        let ids: Vec<&str> = listed["orders"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|order| order["id"].as_str())
            .collect();
        if ids != [order.as_str()] {
            findings.push(format!("a buyer was told {order}, and {ids:?} are listed"));
        }
    }
    Ok(findings)
}
