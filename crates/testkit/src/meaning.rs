//! What an operation means, said a second time and as plainly as possible: which dots it minted, killed, lowered and
//! placed. No lattice, no delta.
//!
//! This is the specification's table of operations written down apart from the product, so that a delta that does
//! something else is noticed. Ids that are derived by hashing are taken from the product.

use cart::{
    CartId, Dot, WriterId,
    entry::Group,
    line::{LineKey, List, Texts},
    operation::{Operation, Stamp},
    seen::{Seen, SeenDot},
};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// "The same wish, told twice": the cart, the line and the dots that a raise started from.
pub type Wish = (CartId, LineKey, Vec<(Dot, u32)>);

/// A value that the greatest (logical time, writer, value) decides.
pub type Written<T> = (u64, WriterId, T);

/// A dot that came into being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minted {
    /// Which dot.
    pub dot: Dot,
    /// Of which line.
    pub line: LineKey,
    /// In which list at first.
    pub list: List,
    /// How many units.
    pub n: u32,
    /// Told as which wish; `None` counts by itself.
    pub wish: Option<Wish>,
    /// The cart first addressed.
    pub origin: CartId,
    /// The notes given with it.
    pub note: Option<Texts>,
}

/// What one operation means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// The dots that came into being.
    pub minted: Vec<Minted>,
    /// The dots that are gone.
    pub killed: BTreeSet<Dot>,
    /// The dots that are at most so many.
    pub lowered: BTreeMap<Dot, u32>,
    /// The dots that have a new place.
    pub placed: BTreeMap<Dot, Written<List>>,
    /// The dots that have new notes.
    pub noted: BTreeMap<Dot, Written<Texts>>,
    /// The fields that have a new value.
    pub fields: BTreeMap<SmolStr, Written<Option<SmolStr>>>,
    /// The dots whose item was refreshed, with the revision.
    pub refreshed: BTreeMap<Dot, u64>,
    /// The cart is erased.
    pub erased: bool,
}

impl Meaning {
    /// What `operation` means when it is executed under `stamp`. What a merge brings is not said here: it is what
    /// the guest's operations mean.
    pub fn of(operation: &Operation, stamp: &Stamp) -> Self {
        let mut meaning = Self::default();
        let written = |seen: &Seen| (seen.lamport + 1, stamp.dot.writer);
        match operation {
            Operation::Add(add) => meaning.minted.push(Minted {
                dot: stamp.dot,
                line: add.line.key(),
                list: add.list,
                n: add.quantity.get(),
                wish: None,
                origin: stamp.origin,
                note: add.attributes.as_deref().cloned(),
            }),
            Operation::Set(set) => {
                let change =
                    Change { seen: &set.seen, line: set.line.key(), list: set.list, to: set.to.get() };
                meaning.change(&change, stamp.dot, stamp.origin, None);
            }
            Operation::Remove(remove) => {
                meaning.killed.extend(dots(&remove.seen, remove.line, remove.list).map(|seen| seen.dot));
            }
            Operation::Clear(clear) => meaning.kill_list(&clear.seen, clear.list),
            Operation::Move(moved) => {
                let (lamport, writer) = written(&moved.seen);
                for seen in dots(&moved.seen, moved.line, moved.to.other()) {
                    meaning.placed.insert(seen.dot, (lamport, writer, moved.to));
                }
            }
            Operation::AnnotateLine(annotate) => {
                let (lamport, writer) = written(&annotate.seen);
                for seen in dots(&annotate.seen, annotate.line, annotate.list) {
                    meaning.noted.insert(seen.dot, (lamport, writer, (*annotate.attributes).clone()));
                }
            }
            Operation::AnnotateCart(annotate) => {
                for (name, value) in &annotate.fields {
                    let written = (annotate.lamport, stamp.dot.writer, value.clone());
                    meaning.fields.insert(name.clone(), written);
                }
            }
            Operation::Replace(replace) => {
                for line in replace.seen.lines.iter().filter(|line| !replace.lines.contains_key(&line.key)) {
                    meaning.killed.extend(dots(&replace.seen, line.key, List::Cart).map(|seen| seen.dot));
                }
                for (key, wanted) in &replace.lines {
                    let seq = u32::try_from(meaning.minted.len()).unwrap_or(u32::MAX) + 1; // few lines
                    let dot = Dot::new(stamp.dot.further(), seq);
                    let note = wanted.attributes.as_deref().cloned();
                    let change =
                        Change { seen: &replace.seen, line: *key, list: List::Cart, to: wanted.to.get() };
                    meaning.change(&change, dot, stamp.origin, note);
                }
            }
            Operation::Expire(expire) => {
                meaning.kill_list(&expire.seen, List::Cart);
                meaning.kill_list(&expire.seen, List::Saved);
            }
            Operation::Consume(consume) => meaning.killed.extend(&consume.dots),
            Operation::Refresh(refresh) => {
                meaning.refreshed = refresh.dots.iter().map(|dot| (*dot, refresh.latest.stamp)).collect();
            }
            Operation::Erase(_) => meaning.erased = true,
            Operation::Merge(_) | Operation::Seal(_) => {}
        }
        meaning
    }

    fn kill_list(&mut self, seen: &Seen, list: List) {
        let keys = seen.lines.iter().map(|line| line.key);
        self.killed.extend(keys.flat_map(|key| dots(seen, key, list)).map(|seen| seen.dot));
    }

    /// A quantity that was typed: up mints, down lowers.
    fn change(&mut self, change: &Change<'_>, dot: Dot, origin: CartId, note: Option<Texts>) {
        let Change { seen, line, list, to } = *change;
        let shown: Vec<SeenDot> = dots(seen, line, list).collect();
        let was = units(shown.iter().map(|seen| (seen.n, (seen.group != Group::NONE).then_some(seen.group))));
        match u64::from(to).checked_sub(was) {
            None => self.lower(&shown, was - u64::from(to)),
            Some(0) => {}
            Some(more) => self.minted.push(Minted {
                dot,
                line,
                list,
                n: u32::try_from(more).unwrap_or(u32::MAX), // at most `to`
                wish: Some(wish(seen, line)),
                origin,
                note,
            }),
        }
    }

    /// Takes `excess` units away: groups first, by descending id, each to a common level; then by descending dot.
    pub(crate) fn lower(&mut self, shown: &[SeenDot], mut excess: u64) {
        let mut take = |level: u32| {
            let taken = u32::try_from(excess).unwrap_or(u32::MAX).min(level);
            excess -= u64::from(taken);
            level - taken
        };
        let groups: BTreeSet<Group> =
            shown.iter().map(|seen| seen.group).filter(|group| *group != Group::NONE).collect();
        for group in groups.into_iter().rev() {
            let members: Vec<_> = shown.iter().filter(|seen| seen.group == group).collect();
            let level = take(members.iter().map(|seen| seen.n).max().unwrap_or(0));
            members.into_iter().for_each(|seen| self.cap(seen, level));
        }
        let plain: BTreeMap<Dot, &SeenDot> =
            shown.iter().filter(|seen| seen.group == Group::NONE).map(|seen| (seen.dot, seen)).collect();
        for seen in plain.into_values().rev() {
            let level = take(seen.n);
            self.cap(seen, level);
        }
    }

    fn cap(&mut self, seen: &SeenDot, level: u32) {
        if level == 0 {
            self.killed.insert(seen.dot);
        } else if level < seen.n {
            self.lowered.insert(seen.dot, level);
        }
    }
}

/// A quantity that was typed.
#[derive(Clone, Copy)]
struct Change<'a> {
    seen: &'a Seen,
    line: LineKey,
    list: List,
    to: u32,
}

fn dots(seen: &Seen, line: LineKey, list: List) -> impl Iterator<Item = SeenDot> + '_ {
    let lines = seen.lines.iter().filter(move |shown| shown.key == line);
    lines.flat_map(|shown| &shown.dots).copied().filter(move |seen| seen.list == list)
}

fn wish(seen: &Seen, line: LineKey) -> Wish {
    let both = [List::Cart, List::Saved].into_iter().flat_map(|list| dots(seen, line, list));
    let mut dots: Vec<_> = both.map(|seen| (seen.dot, seen.n)).collect();
    dots.sort_unstable();
    (seen.cart, line, dots)
}

/// Units that count: those of one wish once, as the greatest of them.
pub(crate) fn units<W: Ord>(entries: impl IntoIterator<Item = (u32, Option<W>)>) -> u64 {
    let mut alone = 0;
    let mut told: BTreeMap<W, u32> = BTreeMap::new();
    for (n, wish) in entries {
        match wish {
            None => alone += u64::from(n),
            Some(wish) => {
                let most = told.entry(wish).or_default();
                *most = n.max(*most);
            }
        }
    }
    alone + told.into_values().map(u64::from).sum::<u64>()
}
