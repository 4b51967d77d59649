//! What a write does to the rows of a cart that are known: pure.
//!
//! Always holds: a row is put in the place of exactly the version that the engine replaced by it, so a patch that comes
//! late, twice or before its predecessor never leaves anything older than the engine has. What does not fit is not mended:
//! the cart leaves the cache.

use std::slice;
use storage::{CartRows, DeltaRow, Snapshot, Version};

/// A write that the engine has taken, or refused because the row is another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    /// The row became this one, in the place of `expected`.
    Row { row: &'a Snapshot, expected: Option<Version> },
    /// The row is this one, as somebody wrote it whom we lost to.
    Current(&'a Snapshot),
    /// This delta was appended.
    Delta(&'a DeltaRow),
    /// Anything else.
    Other,
}

/// What became of known rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Patched {
    /// They are these now.
    Changed(CartRows),
    /// They had it already.
    Same,
    /// It cannot be told from them what the engine has now.
    Unfit,
}

/// Puts a change into rows that were whole before it.
pub(crate) fn patched(rows: &CartRows, change: Change<'_>) -> Patched {
    match change {
        Change::Row { row, expected } => with_row(rows, row, expected),
        Change::Current(row) if rows.snapshots.contains(row) => Patched::Same,
        Change::Delta(delta) => with_delta(rows, delta),
        Change::Current(_) | Change::Other => Patched::Unfit,
    }
}

fn with_row(rows: &CartRows, row: &Snapshot, expected: Option<Version>) -> Patched {
    let known = rows.snapshots.iter().find(|known| known.owner == row.owner);
    if known == Some(row) {
        return Patched::Same;
    }
    if known.map(|known| known.version) != expected {
        return Patched::Unfit;
    }
    let others = rows.snapshots.iter().filter(|known| known.owner != row.owner);
    let snapshots = others.chain(slice::from_ref(row)).cloned().collect();
    let is_folded =
        |delta: &&DeltaRow| delta.key.owner == row.owner && delta.key.bucket <= row.folded_through;
    let deltas = rows.deltas.iter().filter(|delta| !is_folded(delta)).cloned().collect();
    Patched::Changed(ordered(CartRows { snapshots, deltas }))
}

fn with_delta(rows: &CartRows, delta: &DeltaRow) -> Patched {
    let is_folded = |row: &Snapshot| row.owner == delta.key.owner && delta.key.bucket <= row.folded_through;
    if rows.snapshots.iter().any(is_folded) || rows.deltas.contains(delta) {
        return Patched::Same;
    }
    let mut grown = rows.clone();
    grown.deltas.push(delta.clone());
    Patched::Changed(ordered(grown))
}

/// In one order, whichever tier they come from: whoever has decoded them knows them again.
pub(crate) fn ordered(mut rows: CartRows) -> CartRows {
    rows.snapshots.sort_by(|a, b| a.owner.cmp(&b.owner));
    rows.deltas.sort_by(|a, b| a.key.cmp(&b.key));
    rows
}

#[cfg(test)]
mod tests;
