//! A change to what is kept under one key, and its bytes as a record of the journal.
//!
//! ```text
//! version u8 | kind u8 | key bytes varint | key | …
//!   delta    … owner bytes varint | owner | delta
//!   put      … version varint | has order u8 | order varint, if it has | owner bytes varint | owner | value
//!   remove
//! ```

use bytes::Bytes;
use integer_encoding::VarInt;
use smol_str::SmolStr;
use storage::Bucket;
use storage::cart::Dot;

use crate::key::Key;

/// The newest version that this code reads, and the one it writes.
const VERSION: u8 = 1;
const DELTA: u8 = 1;
const PUT: u8 = 2;
const REMOVE: u8 = 3;

/// What a write does to its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Joins a delta to the cart.
    Delta { owner: SmolStr, bytes: Bytes, name: Option<DeltaName> },
    /// Puts a value in place of whatever is there; decided under the lock, so it simply happens when replayed.
    Put(Value),
    /// Leaves nothing.
    Remove,
}

/// What its writer called a delta. Not journaled: one that comes back from there is joined before it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeltaName {
    pub(crate) bucket: Bucket,
    pub(crate) operation: Dot,
    pub(crate) value_hash: u64,
}

/// What is kept under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// Counts the writes, from 1.
    pub(crate) version: u64,
    /// Moment or revision under which the order index has it.
    pub(crate) order: Option<u64>,
    /// Of a cart: who wrote it last. Else empty.
    pub(crate) owner: SmolStr,
    pub(crate) bytes: Bytes,
}

/// A record that this code cannot read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("journal record has version {0}, this program knows up to {VERSION}")]
    Newer(u8),
    #[error("journal record is malformed")]
    Malformed,
}

pub(crate) fn encode(key: &[u8], change: &Change) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + key.len() + change.bytes().len());
    let kind = match change {
        Change::Delta { .. } => DELTA,
        Change::Put(_) => PUT,
        Change::Remove => REMOVE,
    };
    out.extend_from_slice(&[VERSION, kind]);
    put_varint(&mut out, key.len() as u64);
    out.extend_from_slice(key);
    match change {
        Change::Delta { owner, bytes, .. } => {
            put_owner(&mut out, owner);
            out.extend_from_slice(bytes);
        }
        Change::Put(value) => put_value(&mut out, value),
        Change::Remove => {}
    }
    out
}

pub(crate) fn decode(record: &[u8]) -> Result<(Key, Change), RecordError> {
    match record.first() {
        Some(&found) if found > VERSION => Err(RecordError::Newer(found)),
        _ => decode_v1(record).ok_or(RecordError::Malformed),
    }
}

fn decode_v1(record: &[u8]) -> Option<(Key, Change)> {
    let (&[_, kind], rest) = record.split_first_chunk::<2>()?;
    let (length, rest) = take_varint(rest)?;
    let (key, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let change = match kind {
        DELTA => {
            let (owner, bytes) = take_owner(rest)?;
            Change::Delta { owner, bytes: Bytes::copy_from_slice(bytes), name: None }
        }
        PUT => Change::Put(take_value(rest)?),
        REMOVE => Change::Remove,
        _ => return None,
    };
    Some((Key::from_slice(key), change))
}

impl Change {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Delta { bytes, .. } => bytes,
            Self::Put(value) => &value.bytes,
            Self::Remove => &[],
        }
    }

    /// Bytes of memory that it keeps beside its own structure.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes().len()
    }

    /// The version after this change to something of version `before`; `None` when nothing is left.
    pub(crate) fn version_after(&self, before: Option<u64>) -> Option<u64> {
        match self {
            Self::Delta { .. } => Some(before.map_or(1, |version| version + 1)),
            Self::Put(value) => Some(value.version),
            Self::Remove => None,
        }
    }
}

/// Appends a value: also the tail of a row in the base.
pub(crate) fn put_value(out: &mut Vec<u8>, value: &Value) {
    put_varint(out, value.version);
    out.push(u8::from(value.order.is_some()));
    if let Some(order) = value.order {
        put_varint(out, order);
    }
    put_owner(out, &value.owner);
    out.extend_from_slice(&value.bytes);
}

/// Reads what [`put_value`] wrote, to the end.
pub(crate) fn take_value(bytes: &[u8]) -> Option<Value> {
    let (version, rest) = take_varint(bytes)?;
    let (order, rest) = match rest.split_first()? {
        (0, rest) => (None, rest),
        (_, rest) => take_varint(rest).map(|(order, rest)| (Some(order), rest))?,
    };
    let (owner, rest) = take_owner(rest)?;
    Some(Value { version, order, owner, bytes: Bytes::copy_from_slice(rest) })
}

fn put_owner(out: &mut Vec<u8>, owner: &SmolStr) {
    put_varint(out, owner.len() as u64);
    out.extend_from_slice(owner.as_bytes());
}

fn take_owner(bytes: &[u8]) -> Option<(SmolStr, &[u8])> {
    let (length, rest) = take_varint(bytes)?;
    let (owner, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((SmolStr::new(std::str::from_utf8(owner).ok()?), rest))
}

pub(crate) fn put_varint(out: &mut Vec<u8>, number: u64) {
    let mut buffer = [0; 10];
    let length = number.encode_var(&mut buffer);
    out.extend_from_slice(&buffer[..length]);
}

pub(crate) fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, length) = u64::decode_var(bytes)?;
    Some((number, &bytes[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(order: Option<u64>) -> Value {
        Value { version: 300, order, owner: "local.1".into(), bytes: Bytes::from_static(b"value") }
    }

    #[test]
    fn a_change_reads_back_as_written() {
        let delta =
            Change::Delta { owner: "local.1".into(), bytes: Bytes::from_static(b"delta"), name: None };
        for change in [delta, Change::Put(value(None)), Change::Put(value(Some(u64::MAX))), Change::Remove] {
            let record = encode(b"key", &change);
            assert_eq!(decode(&record).unwrap(), (Key::from_slice(b"key"), change));
        }
    }

    #[test]
    fn a_record_of_a_newer_version_is_refused_as_such() {
        let mut record = encode(b"key", &Change::Remove);
        record[0] = VERSION + 1;
        assert!(matches!(decode(&record), Err(RecordError::Newer(2))));
    }
}
