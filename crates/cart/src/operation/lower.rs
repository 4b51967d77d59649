//! Lowering: brings dots that were seen down to a total, the same way in every region.
//!
//! Groups first, by descending group id, each group to a common level; then plain entries by descending dot. So
//! two concurrent lowerings from one view end at the smaller of their totals.

use crate::{
    entry::{Entry, Group},
    seen::SeenDot,
    state::Delta,
    time::Day,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Lowers `seen` until it totals `to`. A dot that reaches 0 is killed; one that stays as it was is not named.
pub(super) fn lower(delta: &mut Delta, seen: &[SeenDot], to: u64, day: Day) {
    let mut excess = crate::entry::quantity(seen.iter().map(|dot| (dot.n, dot.group))).saturating_sub(to);
    let mut cut = |level: u32| {
        let cut = u32::try_from(excess).unwrap_or(u32::MAX).min(level);
        excess -= u64::from(cut);
        level - cut
    };
    let grouped: BTreeSet<Reverse<Group>> =
        seen.iter().filter(|dot| dot.group != Group::NONE).map(|dot| Reverse(dot.group)).collect();
    let mut levels: BTreeMap<Group, u32> = BTreeMap::new();
    for Reverse(group) in grouped {
        let level = seen.iter().filter(|dot| dot.group == group).map(|dot| dot.n).max().unwrap_or(0);
        levels.insert(group, cut(level));
    }
    let mut seen: Vec<&SeenDot> = seen.iter().collect();
    seen.sort_unstable_by_key(|dot| Reverse(dot.dot));
    for dot in seen {
        let n = levels.get(&dot.group).map_or_else(|| cut(dot.n), |level| dot.n.min(*level));
        match n {
            0 => delta.kill(dot.dot, day),
            n if n < dot.n => {
                delta.put(dot.dot, Entry { n: Some(n), group: dot.group, ..Entry::default() }, day);
            }
            _ => {}
        }
    }
}
