//! Carts: deltas join by themselves, so a strong load shows one row and no deltas, and its version is what a replacement
//! meets. An eventual one shows as much, and leaves the joining of the last few deltas to the caller, who may have joined
//! the others before.
//!
//! Buckets mean nothing here: nothing waits to be folded by the caller, and nothing is left to remove.

use async_trait::async_trait;
use bytes::Bytes;
use storage::capabilities::Durability;
use storage::cart::CartId;
use storage::error::Result;
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, DeltaRow, Edition, Glance, Grown,
    Owner, Replaced, RowKey, RowsAtHand, Snapshot, Ticket, Version, WritePath,
};

use crate::Embedded;
use crate::base::{Base, BaseResult};
use crate::change::DeltaName;
use crate::engine::{NewValue, Outcome};
use crate::entry::{Apart, NamedDelta};
use crate::key::{self, Key};
use crate::row::Row;

#[async_trait]
impl CartStore for Embedded {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            engine: "embedded",
            write_path: WritePath::Append,
            folds_itself: true,
            single_writer: true,
            durability: Durability::Region,
        }
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        let key = key::cart(cart);
        let apart = match consistency {
            Consistency::Eventual => self.engine.load_apart(&key).await?,
            Consistency::Strong => Apart { row: self.engine.load(&key).await?, deltas: Vec::new() },
        };
        Ok(rows(cart, apart))
    }

    fn load_at_hand(&self, cart: CartId) -> Result<Option<RowsAtHand>> {
        let found = self.engine.load_apart_at_hand(&key::cart(cart))?;
        Ok(found.map(|(apart, edition)| RowsAtHand { rows: rows(cart, apart), edition }))
    }

    fn grown_since(&self, cart: CartId, edition: Edition) -> Option<Grown> {
        let (deltas, edition) = self.engine.grown_since(&key::cart(cart), edition)?;
        Some(Grown { deltas: delta_rows(cart, deltas), edition })
    }

    async fn glance(&self, cart: CartId) -> Result<Option<Glance>> {
        self.engine.glance(&key::cart(cart)).await.map(Some)
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        _: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        let value = NewValue { order: None, owner: key.owner.as_str().into(), bytes };
        let expected = expected.map(|version| version.0);
        Ok(replaced(self.engine.write_if(&key::cart(key.cart), expected, Some(value)).await?))
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        let ticket = self.take_in(key, bytes).await?;
        self.durable(ticket).await
    }

    // The journal's order is the order in which deltas are taken in, and it fails for good.
    async fn take_in(&self, key: &DeltaKey, bytes: Bytes) -> Result<Ticket> {
        let DeltaKey { cart, owner, bucket, operation, value_hash } = key;
        let name = DeltaName { bucket: *bucket, operation: *operation, value_hash: *value_hash };
        self.engine.queue_append(&key::cart(*cart), owner.as_str().into(), name, bytes).await.map(Ticket)
    }

    async fn durable(&self, ticket: Ticket) -> Result<()> {
        self.engine.durable(ticket.0).await
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        Ok(replaced(self.engine.write_if(&key::cart(key.cart), Some(version.0), None).await?))
    }

    async fn remove_deltas(&self, _: &RowKey, _: Bucket) -> Result<()> {
        Ok(())
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        let (first, end) = key::carts_range();
        let mut from = after.map_or(first, |after| key::behind(&key::cart(after)));
        let mut found = Vec::new();
        while found.len() < limit {
            let wanted = limit - found.len();
            let page = self.cart_keys(from, end.clone(), wanted).await?;
            let Some(last) = page.last() else { break };
            from = key::behind(last);
            let is_last = page.len() < wanted;
            found.extend(self.present(page).await?);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn find_unfolded(&self, _: &Owner, _: Option<CartId>, _: usize) -> Result<Vec<CartId>> {
        Ok(Vec::new())
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        Ok(self.owners.lock().iter().cloned().collect())
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        let value = NewValue { order: None, owner: Default::default(), bytes: Bytes::new() };
        // A conflict says that it is registered already.
        self.engine.write_if(&key::owner(owner), None, Some(value)).await?;
        self.owners.lock().insert(owner.clone());
        Ok(())
    }
}

impl Embedded {
    /// Keys of carts that the table or the base knows, in order.
    async fn cart_keys(&self, from: Key, end: Key, wanted: usize) -> Result<Vec<Key>> {
        // The table first: a cart leaves what is dirty only once the base has it.
        let mut keys = self.engine.table.dirty_carts_from(&from, wanted);
        keys.extend(self.engine.on_base(move |engine| engine.base.keys(&from, &end, wanted)).await?);
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(wanted);
        Ok(keys)
    }

    /// Those carts that have a durable row, in order. One that is damaged has one.
    async fn present(&self, keys: Vec<Key>) -> Result<Vec<CartId>> {
        let is_in_table = |key: &Key| self.engine.table.lock(key).contains(key);
        let (in_table, others): (Vec<Key>, Vec<Key>) = keys.into_iter().partition(is_in_table);
        // Asked behind the table: a removal that was folded meanwhile has left both.
        let mut present = self.engine.on_base(move |engine| in_base(&*engine.base, others)).await?;
        for key in in_table {
            if !matches!(self.engine.load(&key).await, Ok(None)) {
                present.push(key);
            }
        }
        present.sort_unstable();
        Ok(present.iter().filter_map(|key| key::cart_of(key)).collect())
    }
}

/// Those keys that the base has.
fn in_base(base: &dyn Base, keys: Vec<Key>) -> BaseResult<Vec<Key>> {
    let found = |key: Key| base.contains(&key).map(|is_there| is_there.then_some(key)).transpose();
    keys.into_iter().filter_map(found).collect()
}

fn rows(cart: CartId, Apart { row, deltas }: Apart) -> CartRows {
    CartRows { snapshots: row.map(snapshot).into_iter().collect(), deltas: delta_rows(cart, deltas) }
}

fn delta_rows(cart: CartId, deltas: Vec<NamedDelta>) -> Vec<DeltaRow> {
    deltas.into_iter().map(|delta| delta_row(cart, delta)).collect()
}

fn snapshot(row: Row) -> Snapshot {
    Snapshot {
        owner: Owner::from_stored(&row.value.owner),
        version: Version(row.value.version),
        folded_through: Bucket(0),
        bytes: row.value.bytes,
    }
}

fn delta_row(cart: CartId, NamedDelta { name, owner, bytes }: NamedDelta) -> DeltaRow {
    let DeltaName { bucket, operation, value_hash } = name;
    let key = DeltaKey { cart, owner: Owner::from_stored(&owner), bucket, operation, value_hash };
    DeltaRow { key, bytes }
}

fn replaced(outcome: Outcome) -> Replaced {
    match outcome {
        Outcome::Applied(version) => Replaced::Applied(Version(version)),
        Outcome::Conflict(row) => Replaced::Conflict(row.map(snapshot)),
    }
}
