//! Mistakes that are planted, each of which the judgement must find: else a scenario that passes says nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Ground;
use super::api::Client;
use super::checkouts;
use super::crowd::Crowd;
use super::report::Verdict;
use super::shop::{Shop, copy};

const GUESTS: usize = 32;
const WORKERS: usize = 16;
const LOAD: Duration = Duration::from_millis(400);

pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    ground.tell("an add that was never sent".to_owned());
    let found = never_sent(ground).await?;
    verdict.demand(
        found == 1,
        "an add that was never sent",
        &format!("{found} lost adds are found in place of 1"),
    );
    ground.tell("an older copy of the data".to_owned());
    let found = older_copy(ground).await?;
    verdict.demand(found > 0, "an older copy of the data", "no lost add is found");
    verdict.count("lost adds found in an older copy", found as u64);
    ground.tell("orders that an older copy does not hold".to_owned());
    let found = checkouts::older_copy(ground).await?;
    verdict.demand(found > 0, "an older copy of the data", "no lost order is found");
    verdict.count("lost orders found in an older copy", found as u64);
    Ok(verdict)
}

/// Lost adds that are found where the record holds one that was never sent.
pub async fn never_sent(ground: &Ground) -> Result<usize> {
    let shop = Shop::at(ground, ground.folder.join("never-sent"));
    let (running, client, crowd) = shop.open(GUESTS).await?;
    load(&crowd, &client).await?;
    let before = lost_adds(&crowd, &client).await?;
    crowd.pretend(7, "T-3").await;
    let found = lost_adds(&crowd, &client).await? - before;
    running.stop().await?;
    Ok(found)
}

/// Lost adds that are found where a killed server comes back with an older copy of its data.
pub async fn older_copy(ground: &Ground) -> Result<usize> {
    let shop = Shop::at(ground, ground.folder.join("older-copy"));
    let (running, client, crowd) = shop.open(GUESTS).await?;
    load(&crowd, &client).await?;
    running.kill().await?;
    let data = &shop.evercart.data;
    let copied = ground.folder.join("older-copy-kept");
    copy(data, &copied)?;
    let (running, client) = shop.serve().await?;
    load(&crowd, &client).await?;
    running.kill().await?;
    copy(&copied, data).context("the older copy is not put back")?;
    let (running, client) = shop.serve().await?;
    let found = lost_adds(&crowd, &client).await?;
    running.stop().await?;
    Ok(found)
}

async fn load(crowd: &Arc<Crowd>, client: &Client) -> Result<()> {
    let load = crowd.start(client, WORKERS);
    tokio::time::sleep(LOAD).await;
    load.end().await;
    crowd.settle(client).await
}

async fn lost_adds(crowd: &Arc<Crowd>, client: &Client) -> Result<usize> {
    let reads = crowd.read_all(client).await?;
    let findings = crowd.judge(&reads, false).await;
    Ok(findings.iter().filter(|finding| finding.contains("lost add")).count())
}
