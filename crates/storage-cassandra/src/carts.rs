//! Rows of carts: one partition for a cart and an owner, with its row in front of its deltas.
//!
//! The row stands in the greatest bucket and buckets are ordered backwards, so that one read from the fold pointer on
//! answers the row and what is not folded yet, and ends before anything that was deleted.

mod load;
mod marks;
mod owners;
mod shards;
mod statements;

use crate::{
    CassandraOptions, OpenError,
    conditional::{self, Current, Outcome},
    number::{counted, ordered},
    statement,
};
use async_trait::async_trait;
use bytes::Bytes;
use marks::Marks;
use owners::Owners;
use quick_cache::sync::Cache;
use scylla::client::session::Session;
use statements::Statements;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use storage::{
    Bucket, Capabilities, CartRows, CartStore, Consistency, DeltaKey, Owner, Replaced, RowKey, Snapshot,
    Version, WritePath, capabilities::Durability, cart::CartId, error::Result,
};

/// Entries of secondary tables that could not be written at once, by table. They are written later.
pub const ENTRIES_MISSED: &str = "evercart_cassandra_entries_missed_total";

/// The bucket of the row itself: before all deltas.
const ROW_BUCKET: i64 = i64::MAX;
/// How often owners are read again, and markers that could not be written are tried again.
const REFRESH_EVERY: Duration = Duration::from_secs(10);

/// Keeps rows of carts on Cassandra.
pub(crate) struct CassandraCartStore {
    session: Arc<Session>,
    statements: Statements,
    owners: Owners,
    /// The greatest fold pointer seen of a row: reads start there. It never goes back, so an old one costs rows, not truth.
    pointers: Cache<(CartId, Owner), i64>,
    marks: Marks,
    /// Rows that are known to be in the directory.
    listed: Cache<(CartId, Owner), ()>,
}

impl CassandraCartStore {
    pub(crate) async fn open(
        session: Arc<Session>,
        options: &CassandraOptions,
    ) -> std::result::Result<Arc<Self>, OpenError> {
        let statements = Statements::prepare(&session, options).await?;
        let owners = Owners::read(&session, &statements).await;
        let store = Arc::new(Self {
            owners: owners.map_err(OpenError::asked("reading the list of owners"))?,
            session,
            statements,
            pointers: Cache::new(options.remembered_max),
            marks: Marks::new(options.remembered_max),
            listed: Cache::new(options.remembered_max),
        });
        tokio::spawn(refresh(Arc::downgrade(&store)));
        Ok(store)
    }

    fn snapshot(key: &RowKey, current: &mut Current) -> Option<Snapshot> {
        Some(Snapshot {
            owner: key.owner.clone(),
            version: Version(counted(current.number("version")?)),
            folded_through: Bucket(counted(current.number("folded_through")?)),
            bytes: current.bytes("bytes")?,
        })
    }

    fn remember(&self, key: (CartId, Owner), pointer: i64) {
        if self.pointers.get(&key).is_none_or(|known| known < pointer) {
            self.pointers.insert(key, pointer);
        }
    }

    /// Lists a row that was written, once in the life of this process.
    async fn list(&self, key: &RowKey) {
        let name = (key.cart, key.owner.clone());
        if self.listed.get(&name).is_some() {
            return;
        }
        let values = (key.owner.as_str(), shards::of(key.cart), &key.cart.0[..]);
        match statement::blind(&self.session, &self.statements.list, values).await {
            Ok(()) => self.listed.insert(name, ()),
            Err(error) => missed("directory", &error), // the next write of this row tries again
        }
    }
}

/// An entry of a secondary table that could not be written: found again later, so it fails nothing.
fn missed(table: &'static str, error: &storage::StoreError) {
    metrics::counter!(ENTRIES_MISSED, "table" => table).increment(1);
    tracing::debug!(table, error = error as &dyn std::error::Error, "an entry is written later");
}

async fn refresh(store: Weak<CassandraCartStore>) {
    loop {
        tokio::time::sleep(REFRESH_EVERY).await;
        let Some(store) = store.upgrade() else { return };
        if let Err(error) = store.owners.refresh(&store.session, &store.statements).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "owners could not be read again");
        }
        store.marks.retry(&store.session, &store.statements).await;
    }
}

#[async_trait]
impl CartStore for CassandraCartStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            engine: "cassandra",
            write_path: WritePath::Append,
            folds_itself: false,
            single_writer: false,
            durability: Durability::Region,
        }
    }

    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows> {
        load::load(self, cart, consistency).await
    }

    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced> {
        self.owners.ensure(&key.owner, &self.session, &self.statements).await?;
        let (cart, owner) = (&key.cart.0[..], key.owner.as_str());
        let version = expected.map_or(Version(1), Version::next);
        let (number, pointer) = (ordered(version.0), ordered(folded_through.0));
        let outcome = match expected {
            None => {
                let values = (cart, owner, number, pointer, bytes);
                conditional::write(&self.session, &self.statements.insert_row, values).await?
            }
            Some(expected) => {
                let values = (number, pointer, bytes, cart, owner, ordered(expected.0));
                conditional::write(&self.session, &self.statements.replace_row, values).await?
            }
        };
        if let Outcome::Refused(mut current) = outcome {
            return Ok(Replaced::Conflict(Self::snapshot(key, &mut current)));
        }
        self.remember((key.cart, key.owner.clone()), pointer);
        // Listed before its marker goes, so that a scan finds the cart under one of them at any time.
        self.list(key).await;
        self.marks.folded(key, folded_through, &self.session, &self.statements).await;
        Ok(Replaced::Applied(version))
    }

    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()> {
        self.owners.ensure(&key.owner, &self.session, &self.statements).await?;
        let bucket = ordered(key.bucket.0).min(ROW_BUCKET - 1);
        let (writer, seq) = (key.operation.writer.0.cast_signed(), i64::from(key.operation.seq));
        let values =
            (&key.cart.0[..], key.owner.as_str(), bucket, writer, seq, key.value_hash.cast_signed(), bytes);
        let insert = statement::blind(&self.session, &self.statements.insert_delta, values);
        if self.marks.covers(key) {
            return insert.await;
        }
        let (inserted, ()) = tokio::join!(insert, self.marks.mark(key, &self.session, &self.statements));
        inserted
    }

    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced> {
        let values = (&key.cart.0[..], key.owner.as_str(), ordered(version.0));
        let outcome = conditional::write(&self.session, &self.statements.remove_row, values).await?;
        if let Outcome::Refused(mut current) = outcome {
            return Ok(Replaced::Conflict(Self::snapshot(key, &mut current)));
        }
        let name = (key.cart, key.owner.clone());
        self.pointers.remove(&name);
        self.listed.remove(&name);
        let values = (key.owner.as_str(), shards::of(key.cart), &key.cart.0[..]);
        if let Err(error) = statement::blind(&self.session, &self.statements.unlist, values).await {
            missed("directory", &error);
        }
        Ok(Replaced::Applied(version))
    }

    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()> {
        let through = ordered(through.0).min(ROW_BUCKET - 1);
        let values = (&key.cart.0[..], key.owner.as_str(), through);
        statement::blind(&self.session, &self.statements.remove_deltas, values).await
    }

    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        shards::scan(self, after, limit).await
    }

    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        shards::find_unfolded(self, owner, after, limit).await
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        owners::all(&self.session, &self.statements).await
    }

    async fn register(&self, owner: &Owner) -> Result<()> {
        self.owners.register(owner, &self.session, &self.statements).await
    }
}
