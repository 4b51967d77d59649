//! SIGKILL in the middle of many checkouts: of guests and of shoppers who are logged in, of SKUs of which there are few
//! units, whole and in buckets, with and without a limit for each customer, and with a payment that may be declined.
//!
//! Judged: at every look what is sold and held is at most what was stocked; once time has passed and the sweeper was
//! there nothing is held, and what is sold and what is left is what was stocked. Every order that was acknowledged is
//! there with its lines, there is no other, and the units of all orders are what is sold. A line that was bought is gone
//! from its cart, one that was not is there. The same key is answered with the same order. Money is set aside for what
//! was ordered and for nothing else. It is the server that is killed, or the engine below it.

mod basket;
mod buyer;
mod hall;
mod money;
mod stockroom;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use testkit::random::Random;

use super::Ground;
use super::api::{Client, Request};
use super::kill::millis;
use super::report::Verdict;
use super::shop::{Shop, copy};
use crate::process::Running;
use hall::{Hall, Tally};
use money::Money;
use stockroom::Stockroom;

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    /// Kills, each under load.
    pub rounds: usize,
    /// Shoppers who are logged in.
    pub accounts: usize,
    /// Buyers under way at once; guests fill it up.
    pub crowd: usize,
    /// Requests under way at once.
    pub workers: usize,
    /// Milliseconds of load before a kill, between these two.
    pub load_ms: (u32, u32),
    /// Units of each SKU that come in before a round: of some they are sold out in it.
    pub delivery: (u32, u32),
}

/// Who is killed in the middle of it.
pub enum Victim<'a> {
    /// Evercart, and now and then again while it recovers.
    Evercart,
    /// The server that keeps its data: this kills it, and returns when it is there again.
    Engine(&'a (dyn Fn() -> Result<()> + Sync)),
}

/// Against the embedded engine.
const COURSE: Course =
    Course { rounds: 10, accounts: 24, crowd: 128, workers: 64, load_ms: (400, 1500), delivery: (5, 160) };
const ROUNDS_LONG: usize = 40;
/// Milliseconds of a start before it is killed.
const RECOVERY_MS: (u32, u32) = (2, 80);
/// The least that configuration allows: what a killed process had claimed is free soon after.
const TIMERS: [(&str, u64); 4] = [
    ("EVERCART_CHECKOUT__SWEEP_SECONDS", 1),
    ("EVERCART_CHECKOUT__CLAIM_SECONDS", 10),
    ("EVERCART_CHECKOUT__SHOPPER_SECONDS", 60),
    ("EVERCART_CHECKOUT__HOOK_TIMEOUT_MS", 1_000),
];

/// Time for what is due: the claim, the patience with whoever has decided, a sweep, and a busy machine.
const REST: Duration = Duration::from_secs(60);

/// Of planted mistakes: nothing runs out, and it is over soon.
const PLENTY: (u32, u32) = (10_000, 20_000);
const PLANTED_LOAD: Duration = Duration::from_millis(500);

/// A shop whose checkouts do not wait long for whoever was killed.
pub fn shop(ground: &Ground, folder: &str) -> Shop {
    let shop = Shop::at(ground, ground.folder.join(folder));
    TIMERS.iter().fold(shop, |shop, (name, value)| shop.with(name, value))
}

pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    let course = Course { rounds: ground.rounds(COURSE.rounds, ROUNDS_LONG), ..COURSE };
    run_with(ground, shop(ground, "data"), &course, &Victim::Evercart).await
}

/// Checkouts in a shop over any engine, with kills. Wants a runtime of several threads where the engine is killed.
pub async fn run_with(ground: &Ground, shop: Shop, course: &Course, victim: &Victim<'_>) -> Result<Verdict> {
    let (money, shop) = Money::asked_by(shop).await?;
    let mut verdict = Verdict::default();
    let mut random = Random::new(ground.seed);
    let (mut running, mut client) = shop.serve().await?;
    shop.fill_catalogue(&client).await?;
    let mut room = Stockroom::open(&shop, &client).await?;
    let hall = Hall::open(&shop, course, ground.seed).await?;
    for round in 1..=course.rounds {
        ground.tell(format!("round {round} of {}, {} orders", course.rounds, hall.tally().orders));
        let place = format!("round {round}");
        room.deliver(&client, &mut random, course.delivery).await?;
        let load = hall.start(&client);
        let looks = room.watch(&client);
        tokio::time::sleep(millis(&mut random, course.load_ms)).await;
        match victim {
            Victim::Evercart => {
                running.kill().await?;
                verdict.find(&place, looks.end().await);
                load.end().await;
                (running, client) = recover(&shop, &mut random, &mut verdict).await?;
            }
            Victim::Engine(kill) => {
                tokio::task::block_in_place(kill)?;
                ready(&client).await?;
                verdict.find(&place, looks.end().await);
                load.end().await;
            }
        }
        verdict.find(&place, room.look(&client).await?);
        verdict.count("kills under load", 1);
    }
    ground.tell("what was left open is settled".to_owned());
    hall.settle(&client).await?;
    verdict.find("after the last restart", room.rest(&client).await?);
    verdict.find("after the last restart", hall.judge_at_rest(&client, &room, Some(&money)).await?);
    verdict.find("under load", hall.broken());
    conclude(&hall.tally(), &room, &money, &mut verdict);
    let met = match victim {
        Victim::Evercart => hall.tally().unanswered,
        Victim::Engine(_) => hall.tally().waited,
    };
    verdict.demand(met > 0, "under load", "no kill met a checkout");
    running.stop().await?;
    Ok(verdict)
}

/// Starts the server again, which may be killed on the way.
async fn recover(shop: &Shop, random: &mut Random, verdict: &mut Verdict) -> Result<(Running, Client)> {
    while random.percent(25) {
        shop.evercart.start_and_kill(millis(random, RECOVERY_MS)).await?;
        verdict.count("kills while it recovered", 1);
    }
    shop.serve().await
}

/// Waits until the server says that its engine is back.
async fn ready(client: &Client) -> Result<()> {
    let deadline = Instant::now() + REST;
    let ready = Request::new(Method::GET, "/readyz", "");
    while !client.send(&ready).await.is_ok_and(|reply| reply.is_done()) {
        ensure!(Instant::now() < deadline, "the engine is back, and the server does not say so");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Lost orders that are found where a killed server comes back with an older copy of its data.
pub(super) async fn older_copy(ground: &Ground) -> Result<usize> {
    let shop = shop(ground, "older-copy-of-orders");
    let (running, client) = shop.serve().await?;
    shop.fill_catalogue(&client).await?;
    let mut room = Stockroom::open(&shop, &client).await?;
    room.deliver(&client, &mut Random::new(ground.seed), PLENTY).await?;
    let hall = Hall::open(&shop, &COURSE, ground.seed).await?;
    hall.load(&client, PLANTED_LOAD).await;
    running.kill().await?;
    let (data, kept) = (&shop.evercart.data, ground.folder.join("older-copy-of-orders-kept"));
    copy(data, &kept)?;
    let (running, client) = shop.serve().await?;
    hall.load(&client, PLANTED_LOAD).await;
    running.kill().await?;
    copy(&kept, data).context("the older copy is not put back")?;
    let (running, client) = shop.serve().await?;
    hall.settle(&client).await?;
    let findings = hall.judge(&client, &room, None).await?;
    running.stop().await?;
    Ok(findings.iter().filter(|finding| finding.contains("lost order")).count())
}

/// What was done, and that it was enough to say something.
fn conclude(tally: &Tally, room: &Stockroom, money: &Money, verdict: &mut Verdict) {
    let (asked_for, given_back) = money.counted();
    verdict.count("buyers", tally.buyers);
    verdict.count("checkouts asked for", tally.asked);
    verdict.count("orders acknowledged", tally.orders);
    verdict.count("of them by a retry", tally.retried);
    verdict.count("orders answered again", tally.answered_again);
    verdict.count("refused: too little, or another total", tally.refused);
    verdict.count("aborted", tally.aborted);
    verdict.count("payments asked for", asked_for);
    verdict.count("payments declined", tally.declined);
    verdict.count("payments given back", given_back);
    verdict.count("told to wait", tally.waited);
    verdict.count("looks at a cart that still showed what was bought", tally.lagged);
    verdict.count("cut off without an answer", tally.unanswered);
    verdict.count("looks at stock", room.looks());
    verdict.demand(tally.orders > 0, "under load", "nothing was bought, so nothing was checked");
    verdict.demand(tally.refused > 0, "under load", "nothing ran out, so nothing was scarce");
}
