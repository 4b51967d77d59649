//! SIGKILL in the middle of many checkouts: of guests and of shoppers who are logged in, of SKUs of which there are few
//! units, whole and in buckets, with and without a limit for each customer.
//!
//! Judged: at every look what is sold and held is at most what was stocked; once time has passed and the sweeper was
//! there nothing is held, and what is sold and what is left is what was stocked. Every order that was acknowledged is
//! there with its lines, there is no other, and the units of all orders are what is sold. A line that was bought is gone
//! from its cart, one that was not is there. The same key is answered with the same order.

mod basket;
mod buyer;
mod hall;
mod stockroom;

use std::time::Duration;

use anyhow::{Context, Result};
use testkit::random::Random;

use super::Ground;
use super::kill::millis;
use super::report::Verdict;
use super::shop::{Shop, copy};
use hall::{Hall, Tally};
use stockroom::Stockroom;

const ACCOUNTS: usize = 24;
const WORKERS: usize = 64;
/// Milliseconds of load before a kill.
const LOAD_MS: (u32, u32) = (400, 1500);
/// Milliseconds of a start before it is killed.
const RECOVERY_MS: (u32, u32) = (2, 80);
/// Units that come in before a round: of some SKUs they are sold out in it.
const DELIVERY: (u32, u32) = (5, 160);
/// The least that configuration allows: what a killed process had claimed is free soon after.
const TIMERS: [(&str, u64); 3] = [
    ("EVERCART_CHECKOUT__SWEEP_SECONDS", 1),
    ("EVERCART_CHECKOUT__CLAIM_SECONDS", 10),
    ("EVERCART_CHECKOUT__HOOK_TIMEOUT_MS", 1_000),
];

/// Time for what is due: the claim, the patience with whoever has decided, a sweep, and a busy machine.
const REST: Duration = Duration::from_secs(60);

/// Of planted mistakes: nothing runs out, and it is over soon.
const PLENTY: (u32, u32) = (10_000, 20_000);
const PLANTED_LOAD: Duration = Duration::from_millis(500);

/// A shop whose checkouts do not wait long for whoever was killed.
pub(super) fn shop(ground: &Ground, folder: &str) -> Shop {
    let shop = Shop::at(ground, ground.folder.join(folder));
    TIMERS.iter().fold(shop, |shop, (name, value)| shop.with(name, value))
}

pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    let shop = shop(ground, "data");
    let mut verdict = Verdict::default();
    let mut random = Random::new(ground.seed);
    let (mut running, mut client) = shop.serve().await?;
    shop.fill_catalogue(&client).await?;
    let mut room = Stockroom::open(&shop, &client).await?;
    let hall = Hall::open(&shop, ACCOUNTS, ground.seed).await?;
    let rounds = ground.rounds(10, 40);
    for round in 1..=rounds {
        ground.tell(format!("round {round} of {rounds}, {} orders", hall.tally().orders));
        let place = format!("round {round}");
        room.deliver(&client, &mut random, DELIVERY).await?;
        let load = hall.start(&client, WORKERS);
        let looks = room.watch(&client);
        tokio::time::sleep(millis(&mut random, LOAD_MS)).await;
        running.kill().await?;
        let findings = looks.end().await;
        load.end().await;
        verdict.find(&place, findings);
        while random.percent(25) {
            shop.evercart.start_and_kill(millis(&mut random, RECOVERY_MS)).await?;
            verdict.count("kills while it recovered", 1);
        }
        (running, client) = shop.serve().await?;
        verdict.find(&place, room.look(&client).await?);
        verdict.count("kills under load", 1);
    }
    ground.tell("what was left open is settled".to_owned());
    hall.settle(&client).await?;
    verdict.find("after the last restart", room.rest(&client).await?);
    verdict.find("after the last restart", hall.judge_at_rest(&client, &room).await?);
    verdict.find("under load", hall.broken());
    conclude(&hall.tally(), &room, &mut verdict);
    running.stop().await?;
    Ok(verdict)
}

/// Lost orders that are found where a killed server comes back with an older copy of its data.
pub(super) async fn older_copy(ground: &Ground) -> Result<usize> {
    let shop = shop(ground, "older-copy-of-orders");
    let (running, client) = shop.serve().await?;
    shop.fill_catalogue(&client).await?;
    let mut room = Stockroom::open(&shop, &client).await?;
    room.deliver(&client, &mut Random::new(ground.seed), PLENTY).await?;
    let hall = Hall::open(&shop, ACCOUNTS, ground.seed).await?;
    hall.load(&client, WORKERS, PLANTED_LOAD).await;
    running.kill().await?;
    let (data, kept) = (&shop.evercart.data, ground.folder.join("older-copy-of-orders-kept"));
    copy(data, &kept)?;
    let (running, client) = shop.serve().await?;
    hall.load(&client, WORKERS, PLANTED_LOAD).await;
    running.kill().await?;
    copy(&kept, data).context("the older copy is not put back")?;
    let (running, client) = shop.serve().await?;
    hall.settle(&client).await?;
    let findings = hall.judge(&client, &room).await?;
    running.stop().await?;
    Ok(findings.iter().filter(|finding| finding.contains("lost order")).count())
}

/// What was done, and that it was enough to say something.
fn conclude(tally: &Tally, room: &Stockroom, verdict: &mut Verdict) {
    verdict.count("buyers", tally.buyers);
    verdict.count("checkouts asked for", tally.asked);
    verdict.count("orders acknowledged", tally.orders);
    verdict.count("of them by a retry", tally.retried);
    verdict.count("orders answered again", tally.answered_again);
    verdict.count("refused: too little, or another total", tally.refused);
    verdict.count("aborted", tally.aborted);
    verdict.count("told to wait", tally.waited);
    verdict.count("looks at a cart that still showed what was bought", tally.lagged);
    verdict.count("cut off without an answer", tally.unanswered);
    verdict.count("looks at stock", room.looks());
    verdict.demand(tally.orders > 0, "under load", "nothing was bought, so nothing was checked");
    verdict.demand(tally.refused > 0, "under load", "nothing ran out, so nothing was scarce");
    verdict.demand(tally.unanswered > 0, "under load", "no kill met a checkout");
}
