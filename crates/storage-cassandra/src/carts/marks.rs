//! Markers: which carts may have deltas that are not folded, without a second insert for each add.
//!
//! A marker says "perhaps, up to this bucket", half an hour ahead, and is stamped with that bucket: so the greatest one
//! counts whatever the order of arrival, a fold through a bucket takes away those up to it and no other, and a node that
//! has written one writes none for the rest of the half hour. A marker that is missing hides a cart from the fold and
//! from nothing else; its next delta makes it again.

use super::{ROW_BUCKET, Statements, missed, shards};
use crate::{number::ordered, statement};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use scylla::client::session::Session;
use std::collections::BTreeMap;
use storage::{Bucket, DeltaKey, Owner, RowKey, StoreError, cart::CartId};

/// Buckets ahead of a delta for which its marker holds.
const AHEAD: i64 = 30;
/// Buckets after which no insert into a bucket arrives any more, clocks being what they are.
pub(super) const LATE: i64 = 10;
/// Microseconds of a bucket: markers are stamped with the time of theirs.
const BUCKET_US: i64 = 60_000_000;
/// Markers that wait to be tried again; beyond it they wait for the next delta.
const RETRIES_MAX: usize = 10_000;

pub(super) struct Marks {
    until: Cache<(CartId, Owner), i64>,
    retries: Mutex<BTreeMap<(CartId, Owner), i64>>,
}

impl Marks {
    pub(super) fn new(remembered_max: usize) -> Self {
        Self { until: Cache::new(remembered_max), retries: Mutex::default() }
    }

    /// True when this process has written a marker that holds for the delta.
    pub(super) fn covers(&self, key: &DeltaKey) -> bool {
        self.until.get(&(key.cart, key.owner.clone())).is_some_and(|until| until >= ordered(key.bucket.0))
    }

    /// Writes a marker for a delta. Where that fails, the delta stands all the same, and the marker is tried again.
    pub(super) async fn mark(&self, key: &DeltaKey, session: &Session, statements: &Statements) {
        let until = ordered(key.bucket.0).min(ROW_BUCKET - 1 - AHEAD) + AHEAD;
        self.write((key.cart, key.owner.clone()), until, session, statements).await;
    }

    async fn write(&self, name: (CartId, Owner), until: i64, session: &Session, statements: &Statements) {
        let (cart, owner) = (&name.0, &name.1);
        let values = (owner.as_str(), shards::of(*cart), &cart.0[..], until, stamp(until));
        match statement::blind(session, &statements.mark, values).await {
            Ok(()) => self.until.insert(name, until),
            Err(error) => self.retry_later(name, until, &error),
        }
    }

    fn retry_later(&self, name: (CartId, Owner), until: i64, error: &StoreError) {
        missed("unfolded", error);
        let mut retries = self.retries.lock();
        if retries.len() < RETRIES_MAX {
            retries.insert(name, until);
        }
    }

    /// Tries again what could not be written.
    pub(super) async fn retry(&self, session: &Session, statements: &Statements) {
        let retries = std::mem::take(&mut *self.retries.lock());
        for (name, until) in retries {
            self.write(name, until, session, statements).await;
        }
    }

    /// Takes away what a fold has made untrue.
    pub(super) async fn folded(
        &self,
        key: &RowKey,
        through: Bucket,
        session: &Session,
        statements: &Statements,
    ) {
        if through == Bucket(0) {
            return; // nothing was folded
        }
        let through = ordered(through.0);
        if let Err(error) = unmark(session, statements, (key.cart, &key.owner), through).await {
            missed("unfolded", &error); // found and looked at once more
        }
    }
}

/// Takes away markers that hold up to this bucket and no further.
pub(super) async fn unmark(
    session: &Session,
    statements: &Statements,
    (cart, owner): (CartId, &Owner),
    until: i64,
) -> Result<(), StoreError> {
    let values = (stamp(until), owner.as_str(), shards::of(cart), &cart.0[..]);
    statement::blind(session, &statements.unmark, values).await
}

fn stamp(bucket: i64) -> i64 {
    bucket.saturating_mul(BUCKET_US)
}
