//! Records that need linearizability: ledgers, stock, orders, merge records, the idempotency of checkout and
//! administration. Each is changed by a conditional write of one key on the engine's strongest tier.

use crate::{cart_store::Version, error::Result};
use async_trait::async_trait;
use bytes::Bytes;
use cart::Timestamp;

/// What kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinearTable {
    /// The one record of a cart that is claim, coordinator and commit point of its checkouts.
    Ledger,
    /// Stock of one SKU held by one owner.
    Stock,
    /// Immutable orders.
    Order,
    /// The one decision on a merge.
    Merge,
    /// What is known of a subject: its generation.
    Subject,
    /// Answers of administration that must not happen twice.
    Idempotency,
    /// Facts about the shop itself, such as revoked tokens.
    Shop,
    /// Items that have changed and whose carts are to be refreshed.
    Refresh,
    /// Where the stock of a SKU is, and what the shop decided on it.
    Shelf,
    /// The orders of a cart, as a list.
    OrderList,
}

impl LinearTable {
    /// All tables.
    pub const ALL: [Self; 10] = [
        Self::Ledger,
        Self::Stock,
        Self::Order,
        Self::Merge,
        Self::Subject,
        Self::Idempotency,
        Self::Shop,
        Self::Refresh,
        Self::Shelf,
        Self::OrderList,
    ];

    /// Its name in engines, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Stock => "stock",
            Self::Order => "order",
            Self::Merge => "merge",
            Self::Subject => "subject",
            Self::Idempotency => "idempotency",
            Self::Shop => "shop",
            Self::Refresh => "refresh",
            Self::Shelf => "shelf",
            Self::OrderList => "order_list",
        }
    }
}

/// A record as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which write this is.
    pub version: Version,
    /// What is stored.
    pub bytes: Bytes,
    /// When the sweeper must look at it.
    pub due: Option<Timestamp>,
}

/// What became of an insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is the record now.
    Inserted(Version),
    /// There was one already.
    Present(Record),
}

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordReplaced {
    /// Done; of a removal, the version that was removed.
    Applied(Version),
    /// The record is another; `None` when there is none.
    Conflict(Option<Record>),
}

/// Where a page of due records ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueCursor {
    /// When the last record was due.
    pub due: Timestamp,
    /// Its key.
    pub key: Bytes,
}

/// A record that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRecord {
    /// Its key.
    pub key: Bytes,
    /// The record.
    pub record: Record,
}

/// Keeps linearizable records.
#[async_trait]
pub trait LinearStore: Send + Sync + 'static {
    /// The record now, after every write that was acknowledged anywhere.
    async fn read(&self, table: LinearTable, key: &[u8]) -> Result<Option<Record>>;

    /// Inserts a record unless there is one.
    async fn insert_if_absent(
        &self,
        table: LinearTable,
        key: &[u8],
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<Inserted>;

    /// Writes a record if its version is `expected`.
    async fn replace(
        &self,
        table: LinearTable,
        key: &[u8],
        expected: Version,
        bytes: Bytes,
        due: Option<Timestamp>,
    ) -> Result<RecordReplaced>;

    /// Removes a record if its version is `expected`.
    async fn remove(&self, table: LinearTable, key: &[u8], expected: Version) -> Result<RecordReplaced>;

    /// Records due before `before`, by moment and key, behind `after`, at most `limit`.
    async fn due(
        &self,
        table: LinearTable,
        before: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<DueRecord>>;
}
