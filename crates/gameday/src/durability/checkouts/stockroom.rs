//! Stock as the API shows it: what comes in, and what must hold of it whenever somebody looks (K1, K3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use testkit::random::Random;
use tokio::task::JoinHandle;

use super::super::api::{Client, Request, Silence};
use super::super::shop::Shop;
use super::REST;
use super::basket::Order;

/// SKU, buckets, and what one customer may buy; `T-5` is not tracked.
const SHELVES: [(&str, u16, Option<u64>); 5] =
    [("T-0", 8, None), ("T-1", 1, Some(2)), ("T-2", 1, None), ("T-3", 4, Some(3)), ("T-4", 2, None)];
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// The stock of the shop.
#[derive(Debug)]
pub(super) struct Stockroom {
    token: String,
    deliveries: u64,
    looks: Arc<AtomicU64>,
}

/// Looks that go on until they are told to end; where nobody answers nothing is seen.
#[derive(Debug)]
pub(super) struct Looks {
    stop: Arc<AtomicBool>,
    watch: JoinHandle<Vec<String>>,
}

/// A SKU as it is shown.
#[derive(Debug, Deserialize)]
struct Level {
    available: u64,
    held: u64,
    sold: u64,
    restocked: u64,
}

impl Stockroom {
    /// Sets the shelves up.
    pub(super) async fn open(shop: &Shop, client: &Client) -> Result<Self> {
        let token = shop.evercart.token(&["service", "--scope", "inventory"]).await?;
        for (sku, buckets, limit) in SHELVES {
            let body = json!({"buckets": buckets, "customer_limit": limit});
            let put = Request::new(Method::PUT, format!("/v1/inventory/{sku}"), &token).json(&body);
            let reply = client.send(&put).await?;
            ensure!(reply.is_done(), "a shelf is refused with {}", reply.status);
        }
        Ok(Self { token, deliveries: 0, looks: Arc::default() })
    }

    /// So many units of each SKU come in.
    pub(super) async fn deliver(
        &mut self,
        client: &Client,
        random: &mut Random,
        units: (u32, u32),
    ) -> Result<()> {
        for (sku, ..) in SHELVES {
            self.deliveries += 1;
            let body = json!({"quantity": random.between(units.0, units.1), "reason": "delivery"});
            let path = format!("/v1/inventory/{sku}/adjustments");
            let key = format!("\"delivery-{}\"", self.deliveries);
            let post = Request::new(Method::POST, path, &self.token).header("idempotency-key", key);
            let reply = client.send(&post.json(&body)).await?;
            ensure!(reply.is_done(), "a delivery is refused with {}", reply.status);
        }
        Ok(())
    }

    /// Looks so often at stock.
    pub(super) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Looks at stock while there is load.
    pub(super) fn watch(&self, client: &Client) -> Looks {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, token) = (client.clone(), self.token.clone());
        let (is_over, looks) = (Arc::clone(&stop), Arc::clone(&self.looks));
        let watch = tokio::spawn(async move {
            let mut findings = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                if let Ok(levels) = levels(&client, &token).await {
                    looks.fetch_add(1, Ordering::Relaxed);
                    findings.extend(oversold(&levels));
                }
                tokio::time::sleep(LOOK_PAUSE).await;
            }
            findings
        });
        Looks { stop, watch }
    }

    /// Looks once.
    pub(super) async fn look(&self, client: &Client) -> Result<Vec<String>> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Ok(oversold(&levels(client, &self.token).await?))
    }

    /// Waits until nothing is held, at most for as long as that may take, and looks whether the sums fit.
    pub(super) async fn rest(&self, client: &Client) -> Result<Vec<String>> {
        let deadline = Instant::now() + REST;
        loop {
            let levels = levels(client, &self.token).await?;
            let held: u64 = levels.values().map(|level| level.held).sum();
            if held == 0 {
                let fits = |level: &&Level| level.sold + level.available != level.restocked;
                let wrong = levels.values().filter(fits);
                return Ok(wrong.map(|level| format!("the sums do not fit: {level:?}")).collect());
            }
            if Instant::now() > deadline {
                return Ok(vec![format!("{held} units are stuck after {} s: {levels:?}", REST.as_secs())]);
            }
            tokio::time::sleep(10 * LOOK_PAUSE).await;
        }
    }

    /// What is sold is what is in orders.
    pub(super) async fn judge_sold(
        &self,
        client: &Client,
        sold: &BTreeMap<String, u64>,
    ) -> Result<Vec<String>> {
        let levels = levels(client, &self.token).await?;
        let ordered = |sku: &str| sold.get(sku).copied().unwrap_or(0);
        let wrong = levels.iter().filter(|(sku, level)| ordered(sku) != level.sold);
        let told = |(sku, level): (&String, &Level)| {
            format!("{} of {sku} are sold, and {} are in orders", level.sold, ordered(sku))
        };
        Ok(wrong.map(told).collect())
    }

    /// SKUs of which one customer has more than they may.
    pub(super) fn over_limit(&self, orders: &[Order]) -> Vec<(&'static str, u64)> {
        let bought = |sku: &str| -> u64 {
            let lines = orders.iter().flat_map(|order| &order.lines);
            lines.filter(|((of, _), _)| of == sku).map(|(_, units)| units).sum()
        };
        let limited = SHELVES.iter().filter_map(|(sku, _, limit)| Some((*sku, (*limit)?)));
        limited
            .map(|(sku, limit)| (sku, limit, bought(sku)))
            .filter(|(_, limit, bought)| bought > limit)
            .map(|(sku, _, bought)| (sku, bought))
            .collect()
    }
}

impl Looks {
    /// Ends them; returns what was found.
    pub(super) async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.watch.await.unwrap_or_else(|error| vec![format!("the look at stock failed: {error}")])
    }
}

async fn levels(client: &Client, token: &str) -> Result<BTreeMap<String, Level>> {
    let mut levels = BTreeMap::new();
    for (sku, ..) in SHELVES {
        let request = Request::new(Method::GET, format!("/v1/inventory/{sku}"), token);
        let reply = client.send(&request).await;
        if let Err(Silence::TimedOut) = reply {
            bail!("a look at stock hung");
        }
        let reply = reply?;
        ensure!(reply.is_done(), "a look at stock is refused with {}", reply.status);
        levels.insert(sku.to_owned(), serde_json::from_slice(&reply.body)?);
    }
    Ok(levels)
}

/// K1: what is sold and held was stocked.
fn oversold(levels: &BTreeMap<String, Level>) -> Vec<String> {
    let wrong = levels.iter().filter(|(_, level)| level.sold + level.held > level.restocked);
    wrong.map(|(sku, level)| format!("oversold: {sku} {level:?}")).collect()
}
