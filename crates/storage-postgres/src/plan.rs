//! Which slots are to go where: those that an operator names, or so many that all shards serve as many.
//!
//! Always: a plan is made of what the shards say and changes nothing. A slot that is between two shards goes on to where
//! it was going, and counts as being there: so whoever was interrupted gets, by the same wish, what is left to do.

use std::collections::{BTreeMap, BTreeSet};

use crate::OpenError;
use crate::slot::{Ranges, SLOTS, Slot};
use crate::whereabouts::ShardReport;

/// Slots that go from one shard to another. Shards are numbered by their place in the list, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Where they are.
    pub from: usize,
    /// Where they go.
    pub to: usize,
    /// Which.
    pub slots: BTreeSet<Slot>,
}

/// From where to where.
type Way = (usize, usize);

/// The fewest moves after which the numbers of slots of any two shards differ by one at most.
pub fn evenly(shards: &[ShardReport]) -> Vec<Move> {
    let unfinished = unfinished(shards);
    let mut homes: Vec<BTreeSet<Slot>> = shards.iter().map(|shard| shard.slots_here.clone()).collect();
    for (slot, (from, to)) in &unfinished {
        homes[*from].remove(slot);
        homes[*to].insert(*slot);
    }
    let shares = shares(&homes);
    let mut ways: BTreeMap<Way, BTreeSet<Slot>> = BTreeMap::new();
    for (slot, way) in unfinished {
        ways.entry(way).or_default().insert(slot);
    }
    let mut moves = moves(ways);
    let mut spare: Vec<(usize, Slot)> = Vec::new();
    for (shard, (home, share)) in homes.iter().zip(&shares).enumerate() {
        spare.extend(home.iter().skip(*share).map(|slot| (shard, *slot)));
    }
    let mut ways: BTreeMap<Way, BTreeSet<Slot>> = BTreeMap::new();
    for (to, (home, share)) in homes.iter().zip(&shares).enumerate() {
        let wanted = share.saturating_sub(home.len()).min(spare.len());
        for (from, slot) in spare.drain(..wanted) {
            ways.entry((from, to)).or_default().insert(slot);
        }
    }
    moves.extend(self::moves(ways));
    moves
}

/// The move of the slots that are named, without those that are there already.
///
/// # Errors
/// There are no such shards, or a slot is at neither of the two.
pub fn named(
    shards: &[ShardReport],
    (from, to): Way,
    slots: &BTreeSet<Slot>,
) -> Result<Vec<Move>, OpenError> {
    let refused = |problem: String| Err(OpenError::Plan(problem));
    let last = shards.len().saturating_sub(1);
    if let Some(unlisted) = [from, to].into_iter().find(|shard| *shard > last) {
        return refused(format!(
            "there is no shard {unlisted}: those that the configuration lists are 0 to {last}, in its order"
        ));
    }
    if from == to {
        return refused(format!("from and to are the same shard, {from}: name another"));
    }
    let unfinished = unfinished(shards);
    let way = |slot: &Slot| unfinished.get(slot).copied();
    if let Some((on, other)) = slots.iter().find_map(|slot| way(slot).filter(|way| *way != (from, to))) {
        let on_it = unfinished.iter().filter(|(_, way)| **way == (on, other)).map(|(slot, _)| *slot);
        let on_it = Ranges(on_it.collect());
        return refused(format!(
            "slots {on_it} are on their way from shard {on} to shard {other}: bring that to an end first, with \
             `--from {on} --to {other} --slots {on_it}`"
        ));
    }
    let is_there = |slot: &Slot| shards[to].slots_here.contains(slot) && way(slot).is_none();
    let is_here = |slot: &Slot| shards[from].slots_here.contains(slot) || way(slot).is_some();
    let going: BTreeSet<Slot> = slots.iter().copied().filter(|slot| !is_there(slot)).collect();
    let elsewhere: BTreeSet<Slot> = going.iter().copied().filter(|slot| !is_here(slot)).collect();
    if !elsewhere.is_empty() {
        return refused(format!(
            "slots {} are not at shard {from}: `evercart engine check` says where they are",
            Ranges(elsewhere)
        ));
    }
    Ok(moves([((from, to), going)]))
}

/// Slots that are between two shards, and which.
fn unfinished(shards: &[ShardReport]) -> BTreeMap<Slot, Way> {
    let at = |holds: &dyn Fn(&ShardReport) -> bool| shards.iter().position(holds);
    let way = |slot: Slot| {
        let here = at(&|shard| shard.slots_here.contains(&slot));
        let leaving = at(&|shard| shard.slots_leaving.contains(&slot));
        let arriving = at(&|shard| shard.slots_arriving.contains(&slot));
        // One of the two is past its step of being between.
        (leaving.is_some() || arriving.is_some()).then_some((leaving.or(here)?, arriving.or(here)?))
    };
    Slot::all().filter_map(|slot| Some((slot, way(slot)?))).collect()
}

/// How many slots each shard should have. Where it does not come out even, those that have most keep one more.
fn shares(homes: &[BTreeSet<Slot>]) -> Vec<usize> {
    let all = usize::from(SLOTS);
    let (share, over) = (all / homes.len().max(1), all % homes.len().max(1));
    let mut largest: Vec<usize> = (0..homes.len()).collect();
    largest.sort_by_key(|shard| std::cmp::Reverse(homes[*shard].len()));
    let mut shares = vec![share; homes.len()];
    largest.iter().take(over).for_each(|shard| shares[*shard] += 1);
    shares
}

fn moves(ways: impl IntoIterator<Item = (Way, BTreeSet<Slot>)>) -> Vec<Move> {
    let some = ways.into_iter().filter(|(_, slots)| !slots.is_empty());
    some.map(|((from, to), slots)| Move { from, to, slots }).collect()
}

#[cfg(test)]
mod tests;
