//! The last write is torn: what a crash of the machine in the middle of a write leaves behind, made by hand.
//!
//! Two places: the last batch itself, which then nobody was told of; and the place after it, where the next one was
//! begun. Judged: the store opens, everything acknowledged before is there, what was torn is there whole or not at all,
//! and the store goes on from there through another kill.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::json;
use testkit::random::Random;

use super::Ground;
use super::api::{Client, Request};
use super::crowd::Crowd;
use super::frame::{Frame, length};
use super::kill::conclude;
use super::report::Verdict;
use super::shop::Shop;
use super::shown::{Cart, TAB};
use super::tab::SKUS;
use crate::process::Running;

const GUESTS: usize = 64;
const WORKERS: usize = 32;
const LOAD: Duration = Duration::from_millis(200);
/// What a disk writes in one piece.
const SECTOR: usize = 512;
/// Enough text for a write of several blocks.
const NOTE_BYTES: usize = 4_000;
/// Tries to find the last add in the last batch: something behind the scenes may write after it.
const TRIES: usize = 5;

/// How a write is torn.
#[derive(Debug, Clone, Copy)]
enum Tear {
    /// Only its beginning arrived.
    End,
    /// Only its header arrived.
    Payload,
    /// Its header did not arrive.
    Header,
    /// Some sectors arrived.
    Sectors,
    /// A sector holds something else.
    Garbage,
    /// The next write was begun.
    Next,
    /// Of the next write a whole, wrong block is there.
    NextGarbage,
}

const TEARS: [Tear; 7] =
    [Tear::End, Tear::Payload, Tear::Header, Tear::Sectors, Tear::Garbage, Tear::Next, Tear::NextGarbage];

pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    let shop = Shop::new(ground);
    let mut verdict = Verdict::default();
    let mut random = Random::new(ground.seed);
    let (mut running, mut client, crowd) = shop.open(GUESTS).await?;
    let rounds = ground.rounds(1, 4);
    for (number, tear) in (0..rounds).flat_map(|_| TEARS).enumerate() {
        let place = format!("round {} ({tear:?})", number + 1);
        ground.tell(place.clone());
        load(&crowd, &client).await?;
        let last = last_write(&shop, &crowd, running, client).await?;
        tear.apply(&last.frame, &mut random)?;
        (running, client) = shop.serve().await.with_context(|| place.clone())?;
        judge(&crowd, &client, &place, &mut verdict).await?;
        verdict.find(&place, last.judge(&client, tear).await?);
        load(&crowd, &client).await?;
        running.kill().await?;
        (running, client) = shop.serve().await.with_context(|| format!("{place}, after the next kill"))?;
        judge(&crowd, &client, &place, &mut verdict).await?;
        verdict.find(&place, last.judge(&client, tear).await?);
        verdict.count("torn writes", 1);
    }
    running.stop().await?;
    conclude(&crowd, &mut verdict);
    Ok(verdict)
}

async fn load(crowd: &Arc<Crowd>, client: &Client) -> Result<()> {
    let load = crowd.start(client, WORKERS);
    tokio::time::sleep(LOAD).await;
    load.end().await;
    crowd.settle(client).await
}

async fn judge(crowd: &Arc<Crowd>, client: &Client, place: &str, verdict: &mut Verdict) -> Result<()> {
    let reads = crowd.read_all(client).await?;
    verdict.find(place, crowd.judge(&reads, false).await);
    Ok(())
}

/// An add alone in the last batch of a server that was killed.
struct Last {
    frame: Frame,
    token: String,
    sku: &'static str,
}

/// Makes one add the last thing in the journal, and kills the server.
async fn last_write(shop: &Shop, crowd: &Arc<Crowd>, running: Running, client: Client) -> Result<Last> {
    let journal = shop.evercart.data.join("store/journal");
    let (mut running, mut client) = (running, client);
    for _ in 0..TRIES {
        let token = client.open_session().await?.token;
        let note: String = token.chars().cycle().take(NOTE_BYTES).collect();
        let body =
            json!({"sku": SKUS[0], "quantity": 3, "options": {TAB: "0"}, "attributes": {"note": note}});
        let request = Request::new(Method::POST, "/v1/cart/lines", &token).json(&body);
        let reply = client.send(&request).await?;
        ensure!(reply.is_done(), "the last add was answered {}", reply.status);
        running.kill().await?;
        let frame = Frame::last_in(&journal)?;
        if frame.contains(&note.as_bytes()[..NOTE_BYTES / 2]) {
            return Ok(Last { frame, token, sku: SKUS[0] });
        }
        (running, client) = shop.serve().await?;
        crowd.settle(&client).await?;
    }
    bail!("the last add is not in the last batch of the journal, {TRIES} times")
}

impl Last {
    /// The torn add is not there, or there whole; where only the next write was torn, it is there.
    async fn judge(&self, client: &Client, tear: Tear) -> Result<Option<String>> {
        let reply = client.send(&Request::new(Method::GET, "/v1/cart", &self.token)).await;
        let reply = reply?;
        let units = Cart::parse(&reply.body)?.view("0").units.get(self.sku).map_or(0, |units| units.total());
        let is_right = match tear {
            Tear::Next | Tear::NextGarbage => units == 3,
            _ => units == 0 || units == 3,
        };
        Ok((!is_right).then(|| format!("{units} units of the last add are shown")))
    }
}

impl Tear {
    fn apply(self, frame: &Frame, random: &mut Random) -> Result<()> {
        let mut torn = frame.bytes.clone();
        let payload = frame.payload_from();
        match self {
            Self::End => {
                let from = payload + random.index(torn.len() - payload);
                torn[from..].fill(0);
            }
            Self::Payload => torn[payload..].fill(0),
            Self::Header => torn[..payload].fill(0),
            Self::Sectors => {
                let lost = random.index(torn.len().div_ceil(SECTOR));
                torn.chunks_mut(SECTOR).nth(lost).into_iter().for_each(|sector| sector.fill(0));
            }
            Self::Garbage => {
                let hit = random.index(torn.len().div_ceil(SECTOR));
                torn.chunks_mut(SECTOR).nth(hit).into_iter().flatten().for_each(|byte| *byte ^= 0x5a);
            }
            Self::Next | Self::NextGarbage => {
                if frame.end() >= length(&frame.file)? {
                    return Ok(());
                }
                let mut next = frame.next_header();
                if matches!(self, Self::NextGarbage) {
                    next.extend((0..SECTOR).map(|_| random.bits().to_le_bytes()[0]));
                }
                return frame.overwrite(frame.end(), &next);
            }
        }
        frame.overwrite(frame.offset, &torn)
    }
}
