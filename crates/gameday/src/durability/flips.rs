//! Bytes flipped in every kind of file that a stopped server leaves behind.
//!
//! What always holds: kinds are found by walking the data directory, and known by their path with its numbers left out,
//! so that a kind that is new is damaged too. Judged: the damage is found (the server refuses to start and names the
//! file, or says of a cart that it cannot be read and serves the rest) or harmless; never is a cart wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use testkit::random::Random;

use super::Ground;
use super::crowd::{Crowd, Read};
use super::frame::Frame;
use super::kill::conclude;
use super::report::{Damage, Verdict};
use super::shop::{Shop, copy, files};
use crate::process::Started;

const GUESTS: usize = 160;
const WORKERS: usize = 32;
const LOAD: Duration = Duration::from_millis(900);
/// So short that it stays in the journal, behind what a start has folded.
const LAST_LOAD: Duration = Duration::from_millis(60);
/// Of a hundred places, so many are looked for among bytes that are not zero: files are made full of zeros.
const MEANT_PERCENT: u64 = 80;

/// A kind of its own.
const LAST_RECORD: &str = "(the last record of the journal)";

/// What became of one flip.
enum Effect {
    Refused,
    RefusedFolder,
    Typed,
    Harmless,
    Wrong(String),
}

pub(super) async fn run(ground: &Ground) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let mut random = Random::new(ground.seed);
    let shop = Shop::new(ground);
    let crowd = fill(&shop).await?;
    let whole = shop.evercart.data.clone();
    let kinds = kinds(&whole)?;
    let damaged = Shop::at(ground, ground.folder.join("damaged"));
    let flips = ground.rounds(8, 40);
    for (kind, members) in &kinds {
        let mut row = Damage { kind: kind.clone(), ..Damage::default() };
        for flip in 0..flips {
            ground.tell(format!("{kind}, {flip} of {flips}"));
            copy(&whole, &damaged.evercart.data)?;
            let place = if kind == LAST_RECORD {
                Place::last_record(&whole, &mut random)?
            } else {
                // The newest of a kind first: it is the one in use.
                let member = if flip == 0 { members.last() } else { random.pick(members) };
                let Some(place) = Place::choose(&whole, member, &mut random)? else { break };
                place
            };
            place.flip(&damaged.evercart.data, &mut random)?;
            row.flips += 1;
            match judge(&damaged, &crowd, &place).await? {
                Effect::Refused => row.refused += 1,
                Effect::RefusedFolder => row.folder += 1,
                Effect::Typed => row.typed += 1,
                Effect::Harmless => row.harmless += 1,
                Effect::Wrong(what) => {
                    row.wrong += 1;
                    verdict.find(&place.to_string(), [what]);
                }
            }
        }
        verdict.damage.push(row);
    }
    conclude(&crowd, &mut verdict);
    Ok(verdict)
}

/// Load that leaves every kind of file behind, and a server that was stopped as an operator does.
async fn fill(shop: &Shop) -> Result<Arc<Crowd>> {
    let (mut running, mut client, crowd) = shop.open(GUESTS).await?;
    for lasts in [LOAD, LOAD, LAST_LOAD] {
        let load = crowd.start(&client, WORKERS);
        tokio::time::sleep(lasts).await;
        load.end().await;
        crowd.settle(&client).await?;
        if lasts == LAST_LOAD {
            break;
        }
        running.stop().await?;
        (running, client) = shop.serve().await?;
    }
    running.stop().await?;
    Ok(crowd)
}

/// All files that are not empty, by kind.
fn kinds(data: &Path) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut kinds = BTreeMap::<String, Vec<PathBuf>>::new();
    for file in files(data)? {
        if fs::metadata(data.join(&file))?.len() > 0 {
            kinds.entry(kind(&file)).or_default().push(file);
        }
    }
    kinds.insert(LAST_RECORD.to_owned(), Vec::new());
    Ok(kinds)
}

/// A path with every run of digits as `#`.
fn kind(file: &Path) -> String {
    let mut kind = String::new();
    for c in file.to_string_lossy().chars() {
        match c {
            '0'..='9' if kind.ends_with('#') => {}
            '0'..='9' => kind.push('#'),
            c => kind.push(c),
        }
    }
    kind
}

/// Where bytes are flipped.
struct Place {
    file: PathBuf,
    at: usize,
}

impl Place {
    fn choose(data: &Path, file: Option<&PathBuf>, random: &mut Random) -> Result<Option<Self>> {
        let Some(file) = file.cloned() else { return Ok(None) };
        let bytes = fs::read(data.join(&file))?;
        let meant: Vec<usize> = if random.percent(MEANT_PERCENT) {
            (0..bytes.len()).filter(|at| bytes[*at] != 0).collect()
        } else {
            Vec::new()
        };
        let anywhere = random.index(bytes.len());
        let at = random.pick(&meant).copied().unwrap_or(anywhere);
        Ok(Some(Self { file, at }))
    }

    /// In the last batch of the journal that holds anything: hardest to tell from a write that was cut short.
    fn last_record(data: &Path, random: &mut Random) -> Result<Self> {
        let frame = Frame::last_record_in(&data.join("store/journal"))?;
        let at = usize::try_from(frame.offset)? + random.index(frame.bytes.len());
        Ok(Self { file: frame.file.strip_prefix(data)?.to_owned(), at })
    }

    /// One to four bytes, a bit or several of each.
    fn flip(&self, data: &Path, random: &mut Random) -> Result<()> {
        let path = data.join(&self.file);
        let mut bytes = fs::read(&path)?;
        let length = 1 + random.index(4);
        for byte in bytes.iter_mut().skip(self.at).take(length) {
            *byte ^= 1 << random.index(8);
        }
        fs::write(&path, bytes).with_context(|| format!("{self} cannot be written"))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} from byte {}", self.file.display(), self.at)
    }
}

/// Starts a server on what was damaged, and looks at every cart.
async fn judge(shop: &Shop, crowd: &Arc<Crowd>, place: &Place) -> Result<Effect> {
    let running = match shop.evercart.start().await? {
        Started::Ready(running) => running,
        Started::Refused { status, log } => return Ok(refused(status.code(), &log, place)),
    };
    let client = super::api::Client::new(&running.url)?;
    let reads = crowd.read_all(&client).await?;
    let wrong = crowd.judge(&reads, true).await;
    let log = running.log();
    running.kill().await?;
    if let Some(first) = wrong.first() {
        return Ok(Effect::Wrong(format!("{} carts are wrong: {first}", wrong.len())));
    }
    let failed: Vec<&Read> = reads.iter().filter(|read| !matches!(read, Read::Shown { .. })).collect();
    let untyped = failed.iter().find(|read| !matches!(read, Read::Failed { code, .. } if !code.is_empty()));
    if let Some(untyped) = untyped {
        return Ok(Effect::Wrong(format!("a cart is answered without a code: {untyped:?}: {log}")));
    }
    Ok(if failed.is_empty() { Effect::Harmless } else { Effect::Typed })
}

/// A refusal that says nothing about where the damage is, or that is none, does not count as found.
fn refused(code: Option<i32>, log: &str, place: &Place) -> Effect {
    let name = place.file.file_name().unwrap_or_default().to_string_lossy();
    if log.contains("panicked") || code != Some(1) {
        return Effect::Wrong(format!("the server ended with {code:?}: {}", said(log)));
    }
    // A library's files are known by their folder: all of it is restored together.
    let folders = place.file.ancestors().skip(1).filter(|folder| folder.components().count() > 1);
    let is_folder_named =
        folders.map(|folder| format!("{}`", folder.display())).any(|folder| log.contains(&folder));
    if !log.contains(&*name) && is_folder_named {
        return Effect::RefusedFolder;
    }
    if !log.contains(&*name) {
        return Effect::Wrong(format!(
            "the server refuses to start and does not name the file: {}",
            said(log)
        ));
    }
    Effect::Refused
}

/// What the server said for people, on one line.
fn said(log: &str) -> String {
    let lines = log.lines().filter(|line| !line.starts_with('{')).map(str::trim);
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_path_without_its_numbers() {
        assert_eq!(kind(Path::new("store/base/tables/12/7")), "store/base/tables/#/#");
        assert_eq!(kind(Path::new("keys/tokens-1790000000.key")), "keys/tokens-#.key");
    }
}
