//! What one dot contributes to a cart.
//!
//! An entry may be partial: a replica can hear that a dot was lowered or moved before it hears of the add.
//! An absent register is bottom, and an entry without its line is not shown yet.

use crate::{
    id::CartId,
    item::Snapshot,
    lattice::{Join, Register, join_max, join_min},
    line::{Line, List, Texts},
};
use std::{collections::BTreeMap, sync::Arc};

/// "The same wish, told twice": entries of one group count once, as the greatest of them. 0 is no group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(pub u64);

impl Group {
    /// The entry counts by itself.
    pub const NONE: Group = Group(0);
}

/// The contribution of one dot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What it is a contribution to. Constant for the dot; should two values ever meet, the smaller stays.
    pub line: Option<Arc<Line>>,
    /// Whose history the dot belongs to: the cart that was first addressed. Constant for the dot.
    pub origin: Option<CartId>,
    /// Units. Only ever lowered.
    pub n: Option<u32>,
    /// Which wish it tells.
    pub group: Group,
    /// The list it is shown in.
    pub place: Option<Register<List>>,
    /// The shopper's own notes.
    pub attributes: Option<Register<Arc<Texts>>>,
    /// The item as it was when it was put in; the earliest is kept.
    pub added: Option<Snapshot>,
    /// The item as last refreshed; the latest is kept.
    pub latest: Option<Snapshot>,
}

/// An entry that can be shown: what all of its parts say.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Which line.
    pub line: &'a Arc<Line>,
    /// In which list.
    pub list: List,
    /// How many units, before groups are counted once.
    pub n: u32,
    /// The whole entry.
    pub entry: &'a Entry,
}

impl Entry {
    /// The entry as it is shown, unless a part that is needed for it has not arrived yet.
    pub fn shown(&self) -> Option<Shown<'_>> {
        let (line, n, place) = (self.line.as_ref()?, self.n?, self.place.as_ref()?);
        Some(Shown { line, list: place.value, n, entry: self })
    }
}

impl Join for Entry {
    fn join(&mut self, other: &Self) {
        join_min(&mut self.line, other.line.as_ref());
        join_min(&mut self.origin, other.origin.as_ref());
        join_min(&mut self.n, other.n.as_ref());
        self.group = self.group.max(other.group);
        join_max(&mut self.place, other.place.as_ref());
        join_max(&mut self.attributes, other.attributes.as_ref());
        join_min(&mut self.added, other.added.as_ref());
        join_max(&mut self.latest, other.latest.as_ref());
    }
}

/// The quantity that entries make together: those without a group add up, those of a group count once.
pub fn quantity(entries: impl IntoIterator<Item = (u32, Group)>) -> u64 {
    let mut single = 0;
    let mut groups: BTreeMap<Group, u32> = BTreeMap::new();
    for (n, group) in entries {
        if group == Group::NONE {
            single += u64::from(n);
        } else {
            let greatest = groups.entry(group).or_default();
            *greatest = n.max(*greatest);
        }
    }
    single + groups.values().map(|n| u64::from(*n)).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_told_twice_counts_once() {
        let (a, b) = (Group(1), Group(2));
        assert_eq!(quantity([(3, Group::NONE), (2, Group::NONE)]), 5);
        assert_eq!(quantity([(3, Group::NONE), (2, a), (4, a)]), 7);
        assert_eq!(quantity([(2, a), (2, b)]), 4);
        assert_eq!(quantity([]), 0);
    }

    #[test]
    fn an_entry_without_its_line_is_not_shown() {
        let lowered = Entry { n: Some(1), ..Entry::default() };
        assert!(lowered.shown().is_none());
    }
}
