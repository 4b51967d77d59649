//! Rows of carts: one query reads a cart, one conditional put writes a row.
//!
//! An ordinary row is below a kilobyte: one write unit, and half a read unit for an eventual read. What the index of carts
//! projects never changes while a row lives, so that only its first write and its removal are written to the index too.
//! Deltas are for replay; they are in the index as well, and cost twice.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use bytes::Bytes;
use storage::capabilities::Durability;
use storage::cart::CartId;
use storage::error::Result;
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, DeltaRow, Owner, Replaced, RowKey,
    Snapshot, Version, WritePath,
};

use crate::attempts::Attempts;
use crate::cart_key::{self, Kind};
use crate::conditional::{self, Written};
use crate::engine::Engine;
use crate::item::{self, Item};
use crate::meter::Operation;
use crate::{batch, cart_index, outcome};

/// Keeps rows of carts in DynamoDB.
#[derive(Clone, Debug)]
pub(crate) struct DynamoDbCartStore {
    pub(crate) engine: Engine,
}

impl DynamoDbCartStore {
    /// All items of a partition whose sort keys begin with `begin`, or all of them; `Strong` where asked for.
    async fn query(
        &self,
        operation: Operation,
        partition: &[u8],
        rows: Rows<'_>,
        consistency: Consistency,
    ) -> Result<Vec<Item>> {
        let mut query = self
            .engine
            .client
            .query()
            .table_name(&self.engine.tables.carts)
            .consistent_read(consistency == Consistency::Strong)
            .expression_attribute_values(":k", item::binary(partition))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        query = match rows {
            Rows::All => query.key_condition_expression("k = :k"),
            Rows::Between(from, to) => query
                .key_condition_expression("k = :k and r between :from and :to")
                .projection_expression("k, r")
                .expression_attribute_values(":from", item::text(from))
                .expression_attribute_values(":to", item::text(to)),
        };
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = query.clone().set_exclusive_start_key(after);
            let page = page.send().await.map_err(outcome::read)?;
            self.engine.meter.count(operation, page.consumed_capacity());
            found.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

enum Rows<'a> {
    All,
    Between(&'a str, &'a str),
}

#[async_trait]
impl CartStore for DynamoDbCartStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            engine: "dynamodb",
            write_path: WritePath::Replace,
            folds_itself: false,
            single_writer: false,
            durability: Durability::Region,
        }
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        let items = self.query(Operation::CartLoad, &cart.0, Rows::All, consistency).await?;
        let mut rows = CartRows::default();
        for mut item in items {
            match item::text_of(&item, item::ROW).unwrap_or_default() {
                row if row.starts_with("s#") => rows.snapshots.push(snapshot(cart, item)?),
                row => {
                    let name = record(cart, row);
                    let key = cart_key::parse_delta(cart, row);
                    let key = key.ok_or_else(|| item::malformed(&name, "attribute `r`"))?;
                    rows.deltas.push(DeltaRow { key, bytes: item::take_bytes(&mut item, &name)? });
                }
            }
        }
        let folded: HashMap<&Owner, Bucket> =
            rows.snapshots.iter().map(|row| (&row.owner, row.folded_through)).collect();
        rows.deltas.retain(|row| folded.get(&row.key.owner).is_none_or(|through| row.key.bucket > *through));
        Ok(rows)
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        let version = expected.map_or(Version(1), Version::next);
        let mut item = cart_key::snapshot(key.cart, &key.owner);
        item.extend(item::item([
            (item::SHARD, item::text(cart_key::shard(Kind::Snapshot, cart_key::shard_of(key.cart)))),
            (item::VERSION, item::number(version.0)),
            (item::FOLDED, item::number(folded_through.0)),
            (item::BYTES, item::binary(bytes)),
        ]));
        let table = &self.engine.tables.carts;
        match conditional::put(&self.engine, Operation::CartReplace, table, item, expected).await? {
            Written::Applied => Ok(Replaced::Applied(version)),
            Written::Refused(current) => lost(key.cart, current),
        }
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        let mut item = cart_key::delta(key);
        item.extend(item::item([
            (item::SHARD, item::text(cart_key::shard(Kind::Delta, cart_key::shard_of(key.cart)))),
            (item::BYTES, item::binary(bytes)),
        ]));
        self.put(Operation::DeltaAppend, item).await
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        let row = cart_key::snapshot(key.cart, &key.owner);
        let table = &self.engine.tables.carts;
        match conditional::delete(&self.engine, Operation::CartRemove, table, row, version).await? {
            Written::Applied => Ok(Replaced::Applied(version)),
            Written::Refused(current) => lost(key.cart, current),
        }
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        let (from, to) = cart_key::deltas_through(&key.owner, through);
        let rows = Rows::Between(&from, &to);
        let mut items = self.query(Operation::DeltaRemove, &key.cart.0, rows, Consistency::Strong).await?;
        // An owner whose name goes on behind this one's may stand between.
        items.retain(|item| {
            let row = item::text_of(item, item::ROW).unwrap_or_default();
            cart_key::parse_delta(key.cart, row)
                .is_some_and(|delta| delta.owner == key.owner && delta.bucket <= through)
        });
        batch::delete(&self.engine, Operation::DeltaRemove, &self.engine.tables.carts, &items).await
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        cart_index::scan(&self.engine, after, limit).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        cart_index::find_unfolded(&self.engine, owner, after, limit).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        let items =
            self.query(Operation::OwnerList, cart_key::OWNERS, Rows::All, Consistency::Strong).await?;
        let owner =
            |item: &Item| item::text_of(item, item::ROW).and_then(|row| cart_key::parse_owner(row, "o"));
        Ok(items.iter().filter_map(owner).collect())
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.put(Operation::OwnerRegister, cart_key::owner(owner)).await
    }
}

impl DynamoDbCartStore {
    /// Writes an item that is the same whenever it is written.
    async fn put(&self, operation: Operation, item: Item) -> Result<()> {
        let attempts = Attempts::default();
        let put = self.engine.client.put_item().table_name(&self.engine.tables.carts).set_item(Some(item));
        let put = put.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let done = put.customize().interceptor(attempts.clone()).send().await;
        let done = done.map_err(|error| outcome::write(error, &attempts))?;
        self.engine.meter.count(operation, done.consumed_capacity());
        Ok(())
    }
}

fn lost(cart: CartId, current: Option<Item>) -> Result<Replaced> {
    Ok(Replaced::Conflict(current.map(|item| snapshot(cart, item)).transpose()?))
}

fn snapshot(cart: CartId, mut item: Item) -> Result<Snapshot> {
    let row = item::text_of(&item, item::ROW).unwrap_or_default();
    let name = record(cart, row);
    let owner = cart_key::parse_owner(row, "s").ok_or_else(|| item::malformed(&name, "attribute `r`"))?;
    let folded_through = item::number_of(&item, item::FOLDED).map(Bucket);
    Ok(Snapshot {
        owner,
        version: item::version_of(&item, &name)?,
        folded_through: folded_through.ok_or_else(|| item::malformed(&name, "attribute `f`"))?,
        bytes: item::take_bytes(&mut item, &name)?,
    })
}

/// A row's name for an operator.
fn record(cart: CartId, row: &str) -> String {
    let cart: String = cart.0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("cart {cart} {row}")
}
