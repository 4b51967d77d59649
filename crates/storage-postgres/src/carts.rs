//! Rows of carts: snapshots that are replaced on condition of their version, and deltas beside them.

use async_trait::async_trait;
use bytes::Bytes;
use storage::capabilities::Durability;
use storage::cart::{CartId, Dot, WriterId};
use storage::error::Result;
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, DeltaRow, Owner, Replaced, RowKey,
    Snapshot, Version, WritePath,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::Postgres;
use crate::conditional::{Conditional, Written, version};
use crate::failure::Failure;
use crate::slot::Slot;

mod sql;

#[async_trait]
impl CartStore for Postgres {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            engine: "postgres",
            write_path: WritePath::Replace,
            folds_itself: false,
            single_writer: false,
            durability: Durability::Region,
        }
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        let slot = Slot::of_cart(cart);
        let (number, id) = (slot.stored(), Uuid::from_bytes(cart.0));
        let params: crate::node::Params<'_> = &[&number, &id];
        let rows = match consistency {
            Consistency::Eventual => self.engine.stale_at(slot, sql::LOAD, params).await,
            Consistency::Strong => self.engine.at(slot, sql::LOAD, params).await,
        };
        let mut loaded = CartRows::default();
        for row in rows.map_err(Failure::of_read)? {
            match row.get::<_, i16>(0) {
                sql::SNAPSHOT => loaded.snapshots.push(snapshot(&row)),
                _ => loaded.deltas.push(delta(cart, &row)),
            }
        }
        Ok(loaded)
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        let slot = Slot::of_cart(key.cart);
        let (number, id, owner) = (slot.stored(), Uuid::from_bytes(key.cart.0), key.owner.as_str());
        let (folded, bytes) = (small(folded_through.0), &*bytes);
        let was = expected.map(|version| small(version.0)).unwrap_or_default();
        let look: crate::node::Params<'_> = &[&number, &id, &owner];
        let insert: crate::node::Params<'_> = &[&number, &id, &owner, &folded, &bytes];
        let update: crate::node::Params<'_> = &[&number, &id, &owner, &folded, &bytes, &was];
        let (write, values) = match expected {
            None => (sql::INSERT, insert),
            Some(_) => (sql::UPDATE, update),
        };
        let write = Conditional { slot, write, values, look: sql::LOOK, key: look, expected };
        write.run(&self.engine).await.map(replaced)
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        let slot = Slot::of_cart(key.cart);
        let (number, id, owner) = (slot.stored(), Uuid::from_bytes(key.cart.0), key.owner.as_str());
        let (bucket, writer) = (small(key.bucket.0), key.operation.writer.0.cast_signed());
        let (seq, hash) = (i64::from(key.operation.seq), key.value_hash.cast_signed());
        let bytes = &*bytes;
        let params: crate::node::Params<'_> = &[&number, &id, &owner, &bucket, &writer, &seq, &hash, &bytes];
        self.engine.at(slot, sql::APPEND, params).await.map_err(Failure::of_write)?;
        Ok(())
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        let slot = Slot::of_cart(key.cart);
        let (number, id, owner) = (slot.stored(), Uuid::from_bytes(key.cart.0), key.owner.as_str());
        let was = small(version.0);
        let look: crate::node::Params<'_> = &[&number, &id, &owner];
        let values: crate::node::Params<'_> = &[&number, &id, &owner, &was];
        let (write, expected) = (sql::DELETE, Some(version));
        let write = Conditional { slot, write, values, look: sql::LOOK, key: look, expected };
        write.run(&self.engine).await.map(replaced)
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        let slot = Slot::of_cart(key.cart);
        let (number, id, owner) = (slot.stored(), Uuid::from_bytes(key.cart.0), key.owner.as_str());
        let through = small(through.0);
        let params: crate::node::Params<'_> = &[&number, &id, &owner, &through];
        self.engine.at(slot, sql::DELETE_DELTAS, params).await.map_err(Failure::of_write)?;
        Ok(())
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        let Some(from) = first_behind(after) else { return Ok(Vec::new()) };
        self.engine.carts_in_order(sql::SCAN, &[&from, &small_count(limit)], limit).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        let Some(from) = first_behind(after) else { return Ok(Vec::new()) };
        let params: crate::node::Params<'_> = &[&from, &small_count(limit), &owner.as_str()];
        self.engine.carts_in_order(sql::UNFOLDED, params, limit).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        self.engine.owners().await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.engine.register(owner).await
    }
}

/// What is kept as a signed number: greater ones than fit mean "beyond all".
pub(crate) fn small(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn small_count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The least id behind another; `None` behind the last.
fn first_behind(after: Option<CartId>) -> Option<Uuid> {
    let number = match after {
        None => 0,
        Some(CartId(bytes)) => u128::from_be_bytes(bytes).checked_add(1)?,
    };
    Some(Uuid::from_u128(number))
}

fn replaced(written: Written) -> Replaced {
    match written {
        Written::Applied(version) => Replaced::Applied(version),
        Written::Conflict(row) => Replaced::Conflict(row.map(|row| snapshot(&row))),
    }
}

fn snapshot(row: &Row) -> Snapshot {
    Snapshot {
        owner: Owner::from_stored(row.get(2)),
        version: version(row),
        folded_through: Bucket(row.get::<_, i64>(3).cast_unsigned()),
        bytes: bytes(row, 4),
    }
}

fn delta(cart: CartId, row: &Row) -> DeltaRow {
    let (writer, seq): (i64, i64) = (row.get(5), row.get(6));
    let operation =
        Dot { writer: WriterId(writer.cast_unsigned()), seq: u32::try_from(seq).unwrap_or(u32::MAX) };
    let key = DeltaKey {
        cart,
        owner: Owner::from_stored(row.get(2)),
        bucket: Bucket(row.get::<_, i64>(3).cast_unsigned()),
        operation,
        value_hash: row.get::<_, i64>(7).cast_unsigned(),
    };
    DeltaRow { key, bytes: bytes(row, 4) }
}

pub(crate) fn bytes(row: &Row, column: usize) -> Bytes {
    Bytes::copy_from_slice(row.get(column))
}
