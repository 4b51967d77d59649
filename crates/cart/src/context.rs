//! The causal context: which dots a replica knows of, live or gone.
//!
//! For every writer an interval set of its numbers and the last day on which any row learned something of it.
//! Gaps are never closed by themselves: a dot counts as known only when somebody named it.

use crate::{
    dot::{Dot, WriterId},
    lattice::Join,
    time::Day,
};
use smallvec::SmallVec;
use std::collections::{BTreeMap, btree_map};

/// What is known of all writers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    writers: BTreeMap<WriterId, WriterContext>,
}

/// What is known of one writer.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriterContext {
    /// The numbers that are known.
    pub seqs: IntervalSet,
    /// The last day on which any row learned something of this writer.
    pub last_day: Day,
}

/// A set of numbers as inclusive intervals: sorted, disjoint, not adjacent, none empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntervalSet(SmallVec<[(u32, u32); 1]>);

impl Context {
    /// Learns of `dot` on `day`.
    pub fn insert(&mut self, dot: Dot, day: Day) {
        let writer = self.writers.entry(dot.writer).or_default();
        writer.seqs.insert(dot.seq, dot.seq);
        writer.last_day = writer.last_day.max(day);
    }

    /// True when `dot` is known, live or gone.
    pub fn contains(&self, dot: Dot) -> bool {
        self.writers.get(&dot.writer).is_some_and(|writer| writer.seqs.contains(dot.seq))
    }

    /// True when every dot of `other` is known.
    pub fn covers(&self, other: &Context) -> bool {
        other.writers.iter().all(|(id, theirs)| {
            self.writers.get(id).is_some_and(|mine| theirs.seqs.iter().all(|(a, b)| mine.seqs.covers(a, b)))
        })
    }

    /// All writers, in order.
    pub fn writers(&self) -> btree_map::Iter<'_, WriterId, WriterContext> {
        self.writers.iter()
    }

    /// The writers of a range, in order.
    pub fn writers_in(
        &self,
        range: std::ops::RangeInclusive<WriterId>,
    ) -> btree_map::Range<'_, WriterId, WriterContext> {
        self.writers.range(range)
    }

    /// What is known of one writer.
    pub fn writer(&self, id: WriterId) -> Option<&WriterContext> {
        self.writers.get(&id)
    }

    /// True when nothing is known.
    pub fn is_empty(&self) -> bool {
        self.writers.is_empty()
    }

    pub(crate) fn put(&mut self, id: WriterId, writer: WriterContext) {
        self.writers.insert(id, writer);
    }

    pub(crate) fn learn_on(&mut self, day: Day, is_news: impl Fn(WriterId, &WriterContext) -> bool) {
        for (id, writer) in &mut self.writers {
            if is_news(*id, writer) {
                writer.last_day = writer.last_day.max(day);
            }
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(WriterId, &WriterContext) -> bool) {
        self.writers.retain(|id, writer| keep(*id, writer));
    }
}

impl Join for Context {
    fn join(&mut self, other: &Self) {
        for (id, theirs) in &other.writers {
            match self.writers.entry(*id) {
                btree_map::Entry::Vacant(place) => {
                    place.insert(theirs.clone());
                }
                btree_map::Entry::Occupied(mut mine) => {
                    let mine = mine.get_mut();
                    for (first, last) in theirs.seqs.iter() {
                        mine.seqs.insert(first, last);
                    }
                    mine.last_day = mine.last_day.max(theirs.last_day);
                }
            }
        }
    }
}

impl IntervalSet {
    /// Adds all numbers from `first` to `last`.
    pub fn insert(&mut self, first: u32, last: u32) {
        debug_assert!(first <= last, "an interval is not empty");
        // The first interval that touches or follows the new one, and the first that lies wholly behind it.
        let from = self.0.partition_point(|&(_, end)| end < first.saturating_sub(1));
        let to = self.0.partition_point(|&(start, _)| start <= last.saturating_add(1));
        if from == to {
            self.0.insert(from, (first, last));
            return;
        }
        self.0[from] = (first.min(self.0[from].0), last.max(self.0[to - 1].1));
        self.0.drain(from + 1..to);
    }

    /// True when `seq` is in the set.
    pub fn contains(&self, seq: u32) -> bool {
        self.covers(seq, seq)
    }

    /// True when all numbers from `first` to `last` are in the set.
    pub fn covers(&self, first: u32, last: u32) -> bool {
        let at = self.0.partition_point(|&(_, end)| end < first);
        self.0.get(at).is_some_and(|&(start, end)| start <= first && last <= end)
    }

    /// The intervals, inclusive, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn an_interval_set_is_a_set(ranges in prop::collection::vec((1u32..40, 0u32..6), 0..12)) {
            let (mut intervals, mut set) = (IntervalSet::default(), BTreeSet::new());
            for (first, length) in ranges {
                intervals.insert(first, first + length);
                set.extend(first..=first + length);
            }
            for seq in 0..60 {
                prop_assert_eq!(intervals.contains(seq), set.contains(&seq), "{} in {:?}", seq, intervals);
            }
            let pairs: Vec<_> = intervals.iter().collect();
            prop_assert!(pairs.windows(2).all(|w| w[0].1 + 1 < w[1].0), "not merged: {:?}", pairs);
        }
    }

    #[test]
    fn the_greatest_number_has_no_neighbour() {
        let mut set = IntervalSet::default();
        set.insert(u32::MAX, u32::MAX);
        set.insert(u32::MAX - 1, u32::MAX - 1);
        assert_eq!(set.iter().collect::<Vec<_>>(), [(u32::MAX - 1, u32::MAX)]);
    }
}
