//! Items as the API knows them: names of attributes, and reading them without trust.
//!
//! Names are one letter: they count as bytes of the item, and an ordinary cart should stay below the kilobyte that one
//! write unit pays for.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use storage::cart::format::FormatError;
use storage::error::Result;
use storage::{StoreError, Version};

/// An item, or the key of one.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Partition key of every table: cart id, table and key of a record, SKU.
pub(crate) const KEY: &str = "k";
/// Sort key of the table of carts: which row.
pub(crate) const ROW: &str = "r";
/// The version of a row or record.
pub(crate) const VERSION: &str = "v";
/// What is stored.
pub(crate) const BYTES: &str = "b";
/// Drawn anew for each write: by it a write knows itself again.
pub(crate) const WRITE: &str = "w";
/// The bucket through which deltas are folded into a row.
pub(crate) const FOLDED: &str = "f";
/// When a record is due, in milliseconds.
pub(crate) const DUE: &str = "d";
/// The revision of an item of the catalogue.
pub(crate) const REVISION: &str = "n";
/// Partition key of every index.
pub(crate) const SHARD: &str = "q";
/// Sort key of the indexes of records and items. That of carts is [`KEY`].
pub(crate) const ORDER: &str = "o";

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn binary(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// An item of these attributes.
pub(crate) fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Bytes of an attribute; none where there is no such attribute.
pub(crate) fn bytes_of<'a>(item: &'a Item, name: &str) -> Option<&'a [u8]> {
    Some(item.get(name)?.as_b().ok()?.as_ref())
}

pub(crate) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    Some(item.get(name)?.as_s().ok()?)
}

pub(crate) fn number_of(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// What is stored, taken out without a copy.
pub(crate) fn take_bytes(item: &mut Item, record: &str) -> Result<Bytes> {
    match item.remove(BYTES) {
        Some(AttributeValue::B(blob)) => Ok(Bytes::from(blob.into_inner())),
        _ => Err(malformed(record, "attribute `b`")),
    }
}

pub(crate) fn version_of(item: &Item, record: &str) -> Result<Version> {
    number_of(item, VERSION).map(Version).ok_or_else(|| malformed(record, "attribute `v`"))
}

/// An item that was not written by this crate, or not as it stands.
pub(crate) fn malformed(record: &str, what: &'static str) -> StoreError {
    StoreError::Corrupt { record: record.to_owned(), source: FormatError::Malformed { at: 0, what } }
}
