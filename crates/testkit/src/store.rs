//! Rows as engines keep them: a snapshot for each cart and owner, immutable deltas, and readers that lag behind.
//!
//! The owner of a row sees its newest version; anybody else may see any version that was the newest within the lag.
//! Beside each row stands what it knows: the operations that have flowed into it. So a reader can compare what it
//! is shown with what those operations mean.

use crate::random::Random;
use cart::{
    Cart, Timestamp,
    format::{decode, encode},
};
use std::collections::BTreeMap;

/// The operations that something knows, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known(pub u128);

impl Known {
    /// The most operations of a world.
    pub const OPERATIONS_MAX: usize = 128;

    /// Only operation `index`.
    pub fn only(index: usize) -> Self {
        Self(1 << index)
    }

    /// True when operation `index` is known.
    pub fn has(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }

    /// Both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Who writes rows: a region and its incarnation, numbered in the order in which they came.
pub type OwnerIndex = usize;
/// Which cart of the world.
pub type CartIndex = usize;

/// One version of a snapshot row.
#[derive(Clone, Debug)]
pub struct RowVersion {
    pub(crate) written_at: Timestamp,
    pub(crate) state: Cart,
    pub(crate) known: Known,
    /// Deltas of its owner up to this bucket are in it.
    pub(crate) folded_through: Option<u64>,
}

/// An immutable delta.
#[derive(Clone, Debug)]
pub struct DeltaRow {
    pub(crate) cart: CartIndex,
    pub(crate) owner: OwnerIndex,
    pub(crate) written_at: Timestamp,
    pub(crate) bucket: u64,
    pub(crate) state: Cart,
    pub(crate) known: Known,
    pub(crate) removed_at: Option<Timestamp>,
}

/// All rows of a world.
#[derive(Clone, Debug, Default)]
pub struct Store {
    rows: BTreeMap<(CartIndex, OwnerIndex), Vec<RowVersion>>,
    deltas: Vec<DeltaRow>,
    /// What a restored region sees of a row that was its own: up to this version.
    pub(crate) restored: BTreeMap<OwnerIndex, Timestamp>,
}

/// Who reads, and how much of the others it may miss.
pub(crate) struct Reader<'a> {
    pub(crate) owner: OwnerIndex,
    pub(crate) now: Timestamp,
    pub(crate) lag_ms: u64,
    pub(crate) fresh_percent: u64,
    /// `None` sees the newest of everything.
    pub(crate) chance: Option<&'a mut Random>,
}

/// What a read found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) own: Option<RowVersion>,
    pub(crate) rows: Vec<Cart>,
    pub(crate) known: Known,
}

/// The bucket of an insert: the day of this attempt.
pub(crate) fn bucket(at: Timestamp) -> u64 {
    u64::from(at.day().0)
}

impl Store {
    /// Writes a version of an owner's row, by way of its stored bytes.
    pub(crate) fn put(&mut self, cart: CartIndex, owner: OwnerIndex, mut row: RowVersion) {
        row.state = stored(&row.state);
        self.rows.entry((cart, owner)).or_default().push(row);
    }

    /// Inserts a delta, by way of its stored bytes.
    pub(crate) fn insert(&mut self, mut delta: DeltaRow) {
        delta.state = stored(&delta.state);
        self.deltas.push(delta);
    }

    /// Marks what an owner has folded through a bucket as removed at a later moment.
    pub(crate) fn remove_folded(&mut self, cart: CartIndex, owner: OwnerIndex, through: u64, at: Timestamp) {
        let folded =
            |delta: &&mut DeltaRow| delta.cart == cart && delta.owner == owner && delta.bucket <= through;
        for delta in self.deltas.iter_mut().filter(folded) {
            delta.removed_at.get_or_insert(at);
        }
    }

    /// The rows and deltas of a cart that a reader sees.
    pub(crate) fn read(&self, cart: CartIndex, reader: &mut Reader<'_>) -> Found {
        let mut found = Found::default();
        let mut folded: BTreeMap<OwnerIndex, u64> = BTreeMap::new();
        for ((_, owner), versions) in self.rows.range((cart, 0)..(cart + 1, 0)) {
            let Some(version) = self.version_for(versions, *owner, reader) else { continue };
            found.rows.push(version.state.clone());
            found.known = found.known.and(version.known);
            folded.extend(version.folded_through.map(|through| (*owner, through)));
            if *owner == reader.owner {
                found.own = Some(version.clone());
            }
        }
        for delta in self.deltas.iter().filter(|delta| delta.cart == cart) {
            let is_folded = folded.get(&delta.owner).is_some_and(|through| delta.bucket <= *through);
            if !is_folded && delta.removed_at.is_none_or(|at| at > reader.now) && reader.sees(delta) {
                found.rows.push(delta.state.clone());
                found.known = found.known.and(delta.known);
            }
        }
        found
    }

    fn version_for<'a>(
        &self,
        versions: &'a [RowVersion],
        owner: OwnerIndex,
        reader: &mut Reader<'_>,
    ) -> Option<&'a RowVersion> {
        if let Some(backup) = self.restored.get(&owner) {
            return versions.iter().rev().find(|version| version.written_at <= *backup);
        }
        let newest = versions.last()?;
        let Some(chance) = reader.chance.as_deref_mut().filter(|_| owner != reader.owner) else {
            return Some(newest);
        };
        if chance.percent(reader.fresh_percent) {
            return Some(newest);
        }
        // A version may be read until the next one is older than the lag; none at all if the first one is younger.
        let horizon = Timestamp(reader.now.0.saturating_sub(reader.lag_ms));
        let first = versions.iter().rposition(|version| version.written_at <= horizon);
        let choices = versions.len() - first.unwrap_or(0) + usize::from(first.is_none());
        versions.iter().rev().nth(chance.index(choices))
    }
}

impl Reader<'_> {
    fn sees(&mut self, delta: &DeltaRow) -> bool {
        let is_old = delta.written_at.0 + self.lag_ms <= self.now.0;
        let Some(chance) = self.chance.as_deref_mut().filter(|_| !is_old && delta.owner != self.owner) else {
            return true;
        };
        chance.percent(self.fresh_percent)
    }
}

/// What comes back from storage.
fn stored(state: &Cart) -> Cart {
    match decode(&encode(state)) {
        Ok(read) => read,
        Err(error) => unreachable!("what was written is read: {error}"),
    }
}
