//! Rows of carts in memory.

use crate::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, DeltaRow, Edition, Glance, Grown,
    Owner, Replaced, RowKey, RowsAtHand, Snapshot, Version, WritePath, capabilities::Durability,
    error::Result,
};
use async_trait::async_trait;
use bytes::Bytes;
use cart::CartId;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// Keeps rows of carts in memory.
#[derive(Debug)]
pub struct MemoryCartStore {
    write_path: WritePath,
    has_at_hand: bool,
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    carts: BTreeMap<CartId, OneCart>,
    /// Of all carts.
    writes: u64,
    owners: BTreeSet<Owner>,
}

#[derive(Debug, Default)]
struct OneCart {
    snapshots: BTreeMap<Owner, Snapshot>,
    deltas: BTreeMap<DeltaKey, Delta>,
    /// The last write.
    written: u64,
    /// The last that did more than append, or was the first.
    rewritten: u64,
}

#[derive(Debug)]
struct Delta {
    bytes: Bytes,
    /// The write that appended it.
    written: u64,
}

impl MemoryCartStore {
    /// An empty store that asks to be written to in this way.
    pub fn new(write_path: WritePath) -> Self {
        Self { write_path, has_at_hand: false, rows: Mutex::default() }
    }

    /// The same that gives rows without waiting, as an engine inside does.
    pub fn at_hand(write_path: WritePath) -> Self {
        Self { has_at_hand: true, ..Self::new(write_path) }
    }
}

impl Rows {
    /// A cart that is about to be written.
    fn writing(&mut self, cart: CartId) -> &mut OneCart {
        let cart = self.appending(cart);
        cart.rewritten = cart.written;
        cart
    }

    /// A cart to which a delta is about to be appended.
    fn appending(&mut self, cart: CartId) -> &mut OneCart {
        self.writes += 1;
        let new = OneCart { rewritten: self.writes, ..OneCart::default() };
        let cart = self.carts.entry(cart).or_insert(new);
        cart.written = self.writes;
        cart
    }
}

impl OneCart {
    fn rows(&self) -> CartRows {
        CartRows { snapshots: self.snapshots.values().cloned().collect(), deltas: self.deltas_since(0) }
    }

    /// Deltas that show and were appended behind a write.
    fn deltas_since(&self, write: u64) -> Vec<DeltaRow> {
        let shown = |(key, delta): &(&DeltaKey, &Delta)| delta.written > write && self.is_unfolded(key);
        let row =
            |(key, delta): (&DeltaKey, &Delta)| DeltaRow { key: key.clone(), bytes: delta.bytes.clone() };
        self.deltas.iter().filter(shown).map(row).collect()
    }

    fn edition(&self) -> Edition {
        Edition([self.rewritten, self.written, 0])
    }

    fn grown_since(&self, Edition([rewritten, written, _]): Edition) -> Option<Grown> {
        let is_same_row = rewritten == self.rewritten;
        is_same_row.then(|| Grown { deltas: self.deltas_since(written), edition: self.edition() })
    }

    fn folded_through(&self, owner: &Owner) -> Option<Bucket> {
        self.snapshots.get(owner).map(|snapshot| snapshot.folded_through)
    }

    fn is_unfolded(&self, key: &DeltaKey) -> bool {
        self.folded_through(&key.owner).is_none_or(|through| key.bucket > through)
    }

    fn is_empty(&self) -> bool {
        self.snapshots.is_empty() && self.deltas.is_empty()
    }
}

#[async_trait]
impl CartStore for MemoryCartStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            engine: "memory",
            write_path: self.write_path,
            folds_itself: false,
            single_writer: true,
            durability: Durability::Node,
        }
    }

    async fn load(&self, cart: CartId, _: Consistency) -> Result<CartRows> {
        Ok(self.rows.lock().carts.get(&cart).map(OneCart::rows).unwrap_or_default())
    }

    fn load_at_hand(&self, cart: CartId) -> Result<Option<RowsAtHand>> {
        let rows = self.rows.lock();
        let at_hand = |cart: &OneCart| RowsAtHand { rows: cart.rows(), edition: Some(cart.edition()) };
        Ok(self.has_at_hand.then(|| rows.carts.get(&cart).map(at_hand).unwrap_or_default()))
    }

    fn grown_since(&self, cart: CartId, edition: Edition) -> Option<Grown> {
        self.rows.lock().carts.get(&cart).filter(|_| self.has_at_hand)?.grown_since(edition)
    }

    async fn glance(&self, cart: CartId) -> Result<Option<Glance>> {
        let rows = self.rows.lock();
        let rows_of = |cart: &OneCart| {
            let snapshots = cart.snapshots.values().map(|row| &*row.bytes);
            Glance::of(snapshots.chain(cart.deltas.values().map(|delta| &*delta.bytes)))
        };
        Ok(Some(rows.carts.get(&cart).map(rows_of).unwrap_or_default()))
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        let mut rows = self.rows.lock();
        let current = rows.carts.get(&key.cart).and_then(|cart| cart.snapshots.get(&key.owner));
        if current.map(|row| row.version) != expected {
            return Ok(Replaced::Conflict(current.cloned()));
        }
        let version = expected.map_or(Version(1), Version::next);
        let row = Snapshot { owner: key.owner.clone(), version, folded_through, bytes };
        rows.writing(key.cart).snapshots.insert(key.owner.clone(), row);
        Ok(Replaced::Applied(version))
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        let mut rows = self.rows.lock();
        let cart = rows.appending(key.cart);
        let written = cart.written;
        // One that is repeated came when it first did.
        cart.deltas.entry(key.clone()).or_insert(Delta { bytes, written });
        Ok(())
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        let mut rows = self.rows.lock();
        let current = rows.carts.get(&key.cart).and_then(|cart| cart.snapshots.get(&key.owner));
        if current.map(|row| row.version) != Some(version) {
            return Ok(Replaced::Conflict(current.cloned()));
        }
        let cart = rows.writing(key.cart);
        cart.snapshots.remove(&key.owner);
        if cart.is_empty() {
            rows.carts.remove(&key.cart);
        }
        Ok(Replaced::Applied(version))
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        let mut rows = self.rows.lock();
        if rows.carts.contains_key(&key.cart) {
            let is_kept = |delta: &DeltaKey| delta.owner != key.owner || delta.bucket > through;
            rows.writing(key.cart).deltas.retain(|delta, _| is_kept(delta));
        }
        Ok(())
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        let rows = self.rows.lock();
        let known = rows.carts.iter().filter(|(_, cart)| !cart.is_empty()).map(|(id, _)| *id);
        Ok(known.filter(|id| after.is_none_or(|after| *id > after)).take(limit).collect())
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        let rows = self.rows.lock();
        let waits =
            |cart: &OneCart| cart.deltas.keys().any(|key| key.owner == *owner && cart.is_unfolded(key));
        let waiting = rows.carts.iter().filter(|(_, cart)| waits(cart)).map(|(id, _)| *id);
        Ok(waiting.filter(|id| after.is_none_or(|after| *id > after)).take(limit).collect())
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        Ok(self.rows.lock().owners.iter().cloned().collect())
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.rows.lock().owners.insert(owner.clone());
        Ok(())
    }
}
