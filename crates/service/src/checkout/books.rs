//! The records of the protocol on the linearizable store: each read and written whole, on condition of its version.

use bytes::Bytes;
use cart::{CartId, Timestamp};
use checkout::{
    Ledger, Order, Settings, Stock, TxId,
    effect::Found,
    format::{
        FormatError, decode_ledger, decode_order, decode_stock, encode_ledger, encode_order, encode_stock,
        encode_stock_key,
    },
    id::RecordVersion,
    stock::StockKey,
};
use std::sync::Arc;
use storage::{
    Inserted, LinearStore, LinearTable, Record, RecordReplaced, StoreError, Version, error::Result,
};

/// A kind of record.
pub(crate) trait Book: Default + Sized {
    /// Names one.
    type Key;
    /// Where it is kept.
    const TABLE: LinearTable;

    /// The key as stored.
    fn key(key: &Self::Key) -> Bytes;
    /// The record as stored.
    fn encode(&self) -> Vec<u8>;
    /// What [`Self::encode`] wrote.
    fn decode(bytes: &[u8]) -> std::result::Result<Self, FormatError>;
    /// When the sweeper must look at it.
    fn due(&self, settings: &Settings) -> Option<Timestamp>;
}

/// What became of a write.
pub(crate) enum Written<R> {
    /// It is the record now.
    Applied(RecordVersion),
    /// The record is another.
    Newer(Found<R>),
}

/// The records of one node.
#[derive(Clone, Copy)]
pub(crate) struct Books<'a> {
    pub(crate) linear: &'a dyn LinearStore,
    pub(crate) settings: &'a Settings,
}

impl Books<'_> {
    /// A record as it is now.
    pub(crate) async fn read<R: Book>(&self, key: &R::Key) -> Result<Found<R>> {
        found(self.linear.read(R::TABLE, &R::key(key)).await?)
    }

    /// A record as it is now, decoded only if it is another than the one that is known.
    pub(crate) async fn read_again<R: Book>(
        &self,
        key: &R::Key,
        known: Option<Found<R>>,
    ) -> Result<Found<R>> {
        let record = self.linear.read(R::TABLE, &R::key(key)).await?;
        let version = record.as_ref().map(|record| RecordVersion(record.version.0));
        match known.filter(|known| known.version == version) {
            Some(known) => Ok(known),
            None => found(record),
        }
    }

    /// Writes a record over the version that is given, or where there is none.
    pub(crate) async fn write<R: Book>(
        &self,
        key: &R::Key,
        expected: Option<RecordVersion>,
        value: &R,
    ) -> Result<Written<R>> {
        let (key, bytes, due) = (R::key(key), value.encode().into(), value.due(self.settings));
        let Some(RecordVersion(expected)) = expected else {
            return Ok(match self.linear.insert_if_absent(R::TABLE, &key, bytes, due).await? {
                Inserted::Inserted(version) => Written::Applied(RecordVersion(version.0)),
                Inserted::Present(record) => Written::Newer(found(Some(record))?),
            });
        };
        Ok(match self.linear.replace(R::TABLE, &key, Version(expected), bytes, due).await? {
            RecordReplaced::Applied(version) => Written::Applied(RecordVersion(version.0)),
            RecordReplaced::Conflict(record) => Written::Newer(found(record)?),
        })
    }

    /// An order, if it was drafted.
    pub(crate) async fn order(&self, tx: TxId) -> Result<Option<Arc<Order>>> {
        let record = self.linear.read(LinearTable::Order, &tx.0).await?;
        record.map(|record| order(&record)).transpose()
    }

    /// Drafts an order; the one that is there, where there is one.
    pub(crate) async fn put_order(&self, draft: &Order) -> Result<Option<Arc<Order>>> {
        let bytes = encode_order(draft).into();
        match self.linear.insert_if_absent(LinearTable::Order, &draft.tx.0, bytes, None).await? {
            Inserted::Inserted(_) => Ok(None),
            Inserted::Present(record) => order(&record).map(Some),
        }
    }

    /// Changes a record by what `change` makes of it, trying again while others do; `None` changes nothing.
    pub(crate) async fn change<R: Book + Clone, T>(
        &self,
        key: &R::Key,
        mut change: impl FnMut(&mut R) -> Option<T>,
    ) -> Result<Option<T>> {
        let mut current = self.read::<R>(key).await?;
        loop {
            let mut changed = R::clone(&current.value);
            let Some(outcome) = change(&mut changed) else { return Ok(None) };
            match self.write(key, current.version, &changed).await? {
                Written::Applied(_) => return Ok(Some(outcome)),
                Written::Newer(newer) => current = newer,
            }
        }
    }
}

fn order(record: &Record) -> Result<Arc<Order>> {
    decode_order(&record.bytes).map(Arc::new).map_err(|source| corrupt(LinearTable::Order, source))
}

fn found<R: Book>(record: Option<Record>) -> Result<Found<R>> {
    let Some(record) = record else { return Ok(Found::absent()) };
    let value = R::decode(&record.bytes).map_err(|source| corrupt(R::TABLE, source))?;
    Ok(Found { version: Some(RecordVersion(record.version.0)), value: Arc::new(value) })
}

fn corrupt(table: LinearTable, source: FormatError) -> StoreError {
    metrics::counter!("evercart_corrupt_records_total", "kind" => table.as_str()).increment(1);
    StoreError::Corrupt { record: table.as_str().to_owned(), source }
}

impl Book for Ledger {
    type Key = CartId;
    const TABLE: LinearTable = LinearTable::Ledger;

    fn key(key: &CartId) -> Bytes {
        Bytes::copy_from_slice(&key.0)
    }

    fn encode(&self) -> Vec<u8> {
        encode_ledger(self)
    }

    fn decode(bytes: &[u8]) -> std::result::Result<Self, FormatError> {
        decode_ledger(bytes)
    }

    fn due(&self, settings: &Settings) -> Option<Timestamp> {
        Ledger::due(self, settings)
    }
}

impl Book for Stock {
    type Key = StockKey;
    const TABLE: LinearTable = LinearTable::Stock;

    fn key(key: &StockKey) -> Bytes {
        encode_stock_key(key).into()
    }

    fn encode(&self) -> Vec<u8> {
        encode_stock(self)
    }

    fn decode(bytes: &[u8]) -> std::result::Result<Self, FormatError> {
        decode_stock(bytes)
    }

    fn due(&self, _: &Settings) -> Option<Timestamp> {
        Stock::due(self)
    }
}
