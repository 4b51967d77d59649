//! What names the rows that a cart was joined from: equal names, equal rows.

use cart::{
    CartId, Dot, format,
    token::{Freshness, RowSeen},
};
use std::{mem::size_of_val, sync::OnceLock};
use storage::{CartRows, DeltaRow, Edition, RowsAtHand};

/// Which rows a state was joined from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowsId {
    /// Each with the checksum of its bytes.
    snapshots: Vec<(RowSeen, u64)>,
    deltas: Vec<(Dot, u64)>,
}

impl RowsId {
    pub(crate) fn of(rows: &CartRows) -> Self {
        let checksums = rows.snapshots.iter().map(|row| format::checksum(&row.bytes));
        Self {
            snapshots: rows.versions().into_iter().zip(checksums).collect(),
            deltas: rows.deltas.iter().map(delta_name).collect(),
        }
    }

    /// True where it names these rows.
    pub(crate) fn is_of(&self, rows: &CartRows) -> bool {
        let is_snapshot = |((seen, checksum), row): (&(RowSeen, u64), &storage::Snapshot)| {
            seen.version == row.version.0
                && seen.owner == row.owner.as_str()
                && *checksum == format::checksum(&row.bytes)
        };
        let is_delta = |(known, row): (&(Dot, u64), &DeltaRow)| *known == delta_name(row);
        (self.snapshots.len(), self.deltas.len()) == (rows.snapshots.len(), rows.deltas.len())
            && self.snapshots.iter().zip(&rows.snapshots).all(is_snapshot)
            && self.deltas.iter().zip(&rows.deltas).all(is_delta)
    }

    /// As [`Self::is_of`]; where it does, the edition of the rows is known from then on.
    pub(crate) fn recognises(&self, at_hand: &RowsAtHand, edition: &OnceLock<Edition>) -> bool {
        let is_same = self.is_of(&at_hand.rows);
        if let Some(told) = at_hand.edition.filter(|_| is_same) {
            edition.get_or_init(|| told);
        }
        is_same
    }

    /// With further deltas.
    pub(crate) fn with(&self, further: impl IntoIterator<Item = (Dot, u64)>) -> Self {
        let mut longer = self.clone();
        longer.deltas.extend(further);
        longer
    }

    /// How many deltas of `longer` are known here, where it is this one and further deltas.
    pub(crate) fn known_of(&self, longer: &Self) -> Option<usize> {
        let grew = self.snapshots == longer.snapshots && longer.deltas.starts_with(&self.deltas);
        grew.then_some(self.deltas.len())
    }

    /// What a reader of the rows is told to have been shown.
    pub(crate) fn freshness(&self, cart: CartId) -> Freshness {
        Freshness { cart, rows: self.versions(), dots: self.newest_operations() }
    }

    /// The versions of its snapshots.
    pub(crate) fn versions(&self) -> Vec<RowSeen> {
        self.snapshots.iter().map(|(seen, _)| seen.clone()).collect()
    }

    /// The newest delta of each writer. A writer's deltas are written one after the other, so it stands for all of them.
    pub(crate) fn newest_operations(&self) -> Vec<Dot> {
        let mut newest: Vec<Dot> = Vec::new();
        for (dot, _) in &self.deltas {
            match newest.iter_mut().find(|other| other.writer == dot.writer) {
                Some(other) => other.seq = other.seq.max(dot.seq),
                None => newest.push(*dot),
            }
        }
        newest
    }

    /// How many deltas.
    pub(crate) fn deltas(&self) -> usize {
        self.deltas.len()
    }

    /// Bytes of memory beside its own, roughly.
    pub(crate) fn heap_bytes(&self) -> u64 {
        (size_of_val(&*self.snapshots) + size_of_val(&*self.deltas)) as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.snapshots.is_empty() && self.deltas.is_empty()
    }
}

/// What a delta is called here: its operation, and the hash of its value.
pub(crate) fn delta_name(row: &DeltaRow) -> (Dot, u64) {
    (row.key.operation, row.key.value_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(version: u64, deltas: &[u32]) -> RowsId {
        let delta = |seq: &u32| (Dot::new(cart::WriterId(1), *seq), u64::from(*seq));
        let snapshots = vec![(RowSeen { owner: "local.1".into(), version }, 7)];
        RowsId { snapshots, deltas: deltas.iter().map(delta).collect() }
    }

    #[test]
    fn rows_that_grew_are_known_as_far_as_they_are_the_same() {
        assert_eq!(id(1, &[1]).known_of(&id(1, &[1, 2])), Some(1));
        assert_eq!(id(1, &[1]).known_of(&id(1, &[1])), Some(1));
        assert_eq!(id(1, &[1]).known_of(&id(2, &[1])), None, "another row");
        assert_eq!(id(1, &[1, 2]).known_of(&id(1, &[1])), None, "a delta fewer");
        assert_eq!(id(1, &[2]).known_of(&id(1, &[1, 2])), None, "another order");
        assert_eq!(id(1, &[1]).with([(Dot::new(cart::WriterId(1), 2), 2)]), id(1, &[1, 2]));
    }

    #[test]
    fn the_newest_of_each_writer_stands_for_its_earlier_ones() {
        let mut rows = id(1, &[1, 3, 2]);
        rows.deltas.push((Dot::new(cart::WriterId(2), 1), 0));
        let newest = [Dot::new(cart::WriterId(1), 3), Dot::new(cart::WriterId(2), 1)];
        assert_eq!(rows.newest_operations(), newest);
    }
}
