//! Which incarnation of its region this is: the owner of rows changes with every restore.
//!
//! A backup is behind what was acknowledged, so versions of rows are counted a second time after it. Under the old name
//! a caller who was shown version 9 before the disaster would be told that another version 9 is all they have seen.
//! Where an engine keeps a row for each owner, the new incarnation rewrites every cart before the old rows go; the
//! embedded engine joins all owners into one row, which is written over by whoever writes next: nothing is left to
//! retire, and a row that nobody wrote since is what its old owner wrote.
//!
//! The number is drawn, not counted: two restores of one backup would count to the same.

use bytes::Bytes;
use cart::format::FormatError;
use storage::{Inserted, LinearStore, LinearTable, RecordReplaced, StoreError};

const KEY: &[u8] = b"incarnation";
/// Of a shop that was never restored.
pub const FIRST: u32 = 1;
const VERSION: u8 = 1;

/// The incarnation of this store.
pub async fn read(linear: &dyn LinearStore) -> Result<u32, StoreError> {
    let record = linear.read(LinearTable::Shop, KEY).await?;
    record.map_or(Ok(FIRST), |record| decode(&record.bytes))
}

/// Takes another one than `before` and than any that there was, as far as chance can tell; durable when it returns.
pub async fn renew(linear: &dyn LinearStore, before: u32) -> Result<u32, StoreError> {
    let drawn = std::iter::repeat_with(rand::random::<u32>);
    let mut drawn = drawn.filter(|drawn| *drawn > FIRST && *drawn != before);
    let incarnation = drawn.next().unwrap_or(before.wrapping_add(1));
    let bytes = Bytes::from([&[VERSION][..], &incarnation.to_le_bytes()].concat());
    let lost = || StoreError::Unavailable("another process wrote the incarnation".into());
    match linear.read(LinearTable::Shop, KEY).await? {
        None => match linear.insert_if_absent(LinearTable::Shop, KEY, bytes, None).await? {
            Inserted::Inserted(_) => Ok(incarnation),
            Inserted::Present(_) => Err(lost()),
        },
        Some(record) => match linear.replace(LinearTable::Shop, KEY, record.version, bytes, None).await? {
            RecordReplaced::Applied(_) => Ok(incarnation),
            RecordReplaced::Conflict(_) => Err(lost()),
        },
    }
}

fn decode(bytes: &[u8]) -> Result<u32, StoreError> {
    let corrupt = |source| StoreError::Corrupt { record: "shop incarnation".to_owned(), source };
    let malformed = || corrupt(FormatError::Malformed { at: 0, what: "incarnation" });
    match bytes.split_first() {
        Some((version, _)) if *version > VERSION => Err(corrupt(FormatError::Newer { found: *version })),
        Some((_, number)) => number.try_into().map(u32::from_le_bytes).map_err(|_| malformed()),
        None => Err(malformed()),
    }
}
