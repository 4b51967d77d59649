//! SIGKILL at random moments under load, in the middle of a recovery, and in a quiet moment.
//!
//! Judged: after each kill every cart is as it was acknowledged, once retries have settled what was left open; and a
//! kill in a quiet moment changes no cart's state.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use testkit::random::Random;

use super::Ground;
use super::api::Client;
use super::crowd::{Crowd, Read};
use super::report::Verdict;
use super::shop::{Shop, files};
use crate::process::Running;

const GUESTS: usize = 240;
const WORKERS: usize = 48;
/// Milliseconds of load before a kill.
const LOAD_MS: (u32, u32) = (150, 1200);
/// Milliseconds of a start before it is killed.
const RECOVERY_MS: (u32, u32) = (2, 80);

pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    let shop = Shop::new(ground);
    let mut verdict = Verdict::default();
    let mut random = Random::new(ground.seed);
    let (mut running, mut client, crowd) = shop.open(GUESTS).await?;
    let mut seen = BTreeSet::new();
    let rounds = ground.rounds(8, 24);
    for round in 1..=rounds {
        ground.tell(format!("round {round} of {rounds}, {} acknowledged", crowd.counted().acknowledged()));
        let load = crowd.start(&client, WORKERS);
        tokio::time::sleep(millis(&mut random, LOAD_MS)).await;
        running.kill().await?;
        load.end().await;
        seen.extend(files(&shop.evercart.data)?);
        while random.percent(30) {
            shop.evercart.start_and_kill(millis(&mut random, RECOVERY_MS)).await?;
            verdict.count("kills while it recovered", 1);
        }
        (running, client) = shop.serve().await?;
        let place = format!("round {round}");
        (running, client) = quiet(&shop, &crowd, (running, client), &place, &mut verdict).await?;
        verdict.count("kills under load", 1);
        verdict.count("kills in a quiet moment", 1);
        if !verdict.has_passed() {
            break;
        }
    }
    running.stop().await?;
    conclude(&crowd, &mut verdict);
    evidence(&seen, &mut verdict);
    Ok(verdict)
}

/// Settles what is open, judges, kills the server while nothing goes on, and judges again.
async fn quiet(
    shop: &Shop,
    crowd: &Arc<Crowd>,
    (running, client): (Running, Client),
    place: &str,
    verdict: &mut Verdict,
) -> Result<(Running, Client)> {
    crowd.settle(&client).await?;
    let before = crowd.read_all(&client).await?;
    verdict.find(place, crowd.judge(&before, false).await);
    running.kill().await?;
    let (running, client) = shop.serve().await?;
    let after = crowd.read_all(&client).await?;
    verdict.find(place, crowd.judge(&after, false).await);
    verdict.find(place, changed(&before, &after));
    Ok((running, client))
}

/// Carts whose state is another than before.
pub(super) fn changed(before: &[Read], after: &[Read]) -> Vec<String> {
    let states = before.iter().zip(after).enumerate();
    states
        .filter_map(|(index, pair)| match pair {
            (Read::Shown { state: before, .. }, Read::Shown { state: after, .. }) if before == after => None,
            (before, after) => Some(format!("the state of cart {index} changed: {before:?}, {after:?}")),
        })
        .collect()
}

/// What load brought to light, and what it was.
pub(super) fn conclude(crowd: &Crowd, verdict: &mut Verdict) {
    verdict.find("under load", crowd.broken());
    let counted = crowd.counted();
    verdict.count("adds acknowledged", counted.adds);
    verdict.count("sets and removals acknowledged", counted.lowered);
    verdict.count("moves acknowledged", counted.moves);
    verdict.count("of them by a retry", counted.retried);
    verdict.count("requests refused for now", counted.refused);
    verdict.count("connections refused", counted.turned_away);
    verdict.count("requests cut off without an answer", counted.unanswered);
    verdict.demand(counted.hung == 0, "under load", "the server held a request and did not answer");
    verdict.demand(counted.without_retry_after == 0, "under load", "a refusal did not say when to come back");
    verdict.demand(counted.adds > 0, "under load", "nothing was acknowledged, so nothing was checked");
}

/// Files came and went: folds, compactions and recycling were under way.
fn evidence(seen: &BTreeSet<PathBuf>, verdict: &mut Verdict) {
    let (journal, others): (Vec<_>, Vec<_>) =
        seen.iter().partition(|file| file.to_string_lossy().contains("journal/"));
    verdict.count("files of the journal seen", journal.len() as u64);
    verdict.count("other files seen", others.len() as u64);
}

pub(super) fn millis(random: &mut Random, (first, last): (u32, u32)) -> Duration {
    Duration::from_millis(u64::from(random.between(first, last)))
}
