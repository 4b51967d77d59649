//! Where slots are, by what all shards of the list say together.
//!
//! Always: every slot is somewhere, and `here` on one shard at most; else the engine does not open. Shards are asked one
//! after another while slots may move, so one that seems out of place is believed to be only when it is so each time.

use std::collections::BTreeSet;

use crate::dial::Line;
use crate::slot::{Ranges, SLOTS, Slot};
use crate::{OpenError, ServerUrl};

/// A slot moves once within this many looks, and so is out of place in one of them at most.
const LOOKS: usize = 3;

/// What is known of a shard that can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardReport {
    /// Its address, without credentials.
    pub server: String,
    /// Those of the 1,024 slots that it serves.
    pub slots_here: BTreeSet<Slot>,
    /// Those that have left it, and may not have come to where they go.
    pub slots_leaving: BTreeSet<Slot>,
    /// Those that are to come to it.
    pub slots_arriving: BTreeSet<Slot>,
}

/// Asks every shard.
pub(crate) async fn look(lines: &[(Line, &ServerUrl)]) -> Result<Vec<ShardReport>, OpenError> {
    let mut wrong: Option<Misplaced> = None;
    for _ in 0..LOOKS {
        let mut reports = Vec::new();
        for (line, url) in lines {
            reports.push(ask(line, url).await?);
        }
        let seen = Misplaced::of(&reports);
        let still = wrong.map_or(seen.clone(), |before| before.and(&seen));
        if still.is_none() {
            return Ok(reports);
        }
        wrong = Some(still);
    }
    Err(wrong.unwrap_or_default().error())
}

async fn ask(line: &Line, url: &ServerUrl) -> Result<ShardReport, OpenError> {
    let refused = |error| OpenError::refused(url, "to say which slots it has", error);
    let asked = "SELECT slot, state FROM slots WHERE state <> 'away'";
    let mut report = ShardReport { server: url.to_string(), ..ShardReport::default() };
    for row in line.client.query(asked, &[]).await.map_err(refused)? {
        let Some(slot) = Slot::from_stored(row.get(0)) else { continue };
        match row.get::<_, &str>(1) {
            "here" => report.slots_here.insert(slot),
            "leaving" => report.slots_leaving.insert(slot),
            _ => report.slots_arriving.insert(slot),
        };
    }
    Ok(report)
}

/// Slots that are where they must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Misplaced {
    twice: BTreeSet<Slot>,
    missing: BTreeSet<Slot>,
}

impl Misplaced {
    fn of(reports: &[ShardReport]) -> Self {
        let mut wrong = Self { twice: BTreeSet::new(), missing: Slot::all().collect() };
        for report in reports {
            let here = report.slots_here.iter().copied();
            wrong.twice.extend(here.filter(|slot| !wrong.missing.contains(slot)));
            wrong.missing.retain(|slot| !report.slots_here.contains(slot));
        }
        for report in reports {
            let between =
                |slot: &Slot| report.slots_leaving.contains(slot) || report.slots_arriving.contains(slot);
            wrong.missing.retain(|slot| !between(slot));
        }
        wrong
    }

    /// Those that are in both.
    fn and(&self, other: &Self) -> Self {
        Self { twice: &self.twice & &other.twice, missing: &self.missing & &other.missing }
    }

    fn is_none(&self) -> bool {
        self.twice.is_empty() && self.missing.is_empty()
    }

    fn error(self) -> OpenError {
        let missing = self.missing.len();
        OpenError::Layout(match self.twice.is_empty() {
            false => format!(
                "slots {} are on two shards: one of them came back from before a move, restore it anew",
                Ranges(self.twice)
            ),
            true => format!(
                "{missing} of {SLOTS} slots are on no shard of the list ({}): is a shard missing from it?",
                Ranges(self.missing)
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(here: &str, leaving: &str, arriving: &str) -> ShardReport {
        let slots = |text: &str| text.parse::<Ranges>().map(|ranges| ranges.0).unwrap_or_default();
        let (slots_here, slots_leaving, slots_arriving) = (slots(here), slots(leaving), slots(arriving));
        ShardReport { server: String::new(), slots_here, slots_leaving, slots_arriving }
    }

    fn told(shards: &[ShardReport]) -> String {
        Misplaced::of(shards).error().to_string()
    }

    #[test]
    fn slots_that_are_served_once_or_on_their_way_are_in_place() {
        let of = |one, other| Misplaced::of(&[one, other]);
        assert!(of(shard("0-499", "", ""), shard("500-1023", "", "")).is_none());
        assert!(of(shard("0-499", "", ""), shard("501-1023", "", "500")).is_none());
        assert!(of(shard("0-499", "500", ""), shard("500-1023", "", "")).is_none());
    }

    #[test]
    fn slots_on_two_shards_and_on_none_are_named() {
        let twice = told(&[shard("0-7,9", "", ""), shard("3-4,8-1023", "", "")]);
        assert!(twice.contains("slots 3-4,9 are on two shards"), "{twice}");
        let missing = told(&[shard("0-7", "", ""), shard("10-1023", "8", "")]);
        assert!(missing.contains("1 of 1024 slots are on no shard of the list (9)"), "{missing}");
    }

    #[test]
    fn what_was_out_of_place_in_one_look_and_in_place_in_another_is_in_place() {
        let slot_1_moves = Misplaced::of(&[shard("0-1", "", ""), shard("1-1023", "", "")]);
        let slot_0_moves = Misplaced::of(&[shard("0", "", ""), shard("0-1023", "", "")]);
        assert!(slot_1_moves.and(&slot_0_moves).is_none());
        assert_eq!(slot_1_moves.and(&slot_1_moves), slot_1_moves);
    }
}
