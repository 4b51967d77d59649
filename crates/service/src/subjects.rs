//! Subjects: which carts an account has, all that is stored of it, and its erasure.
//!
//! An account's carts are found by computing their ids from names. The active cart needs nobody to remember it; the
//! other names stand in one record of the linearizable store, under a keyed hash of the subject and never under the
//! subject itself. That record is written behind changes (`names`), so nothing here is on the way of an add.

mod erase;
mod export;
mod list;
pub(crate) mod names;

pub use erase::{ErasedCart, ErasedSubject};
pub use export::{ExportedCart, ExportedMerge, ExportedSubject};
pub use list::{CartList, CartSummary};

use crate::{
    Service,
    error::ServiceError,
    load::Loaded,
    sessions::{ACTIVE, GENERATIONS_MAX},
};
use bytes::Bytes;
use cart::{
    CartId,
    format::{decode_subject, encode_subject},
    id::SubjectId,
    subject::Subject,
};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use storage::{Consistency, Inserted, LinearTable, Record, RecordReplaced, StoreError, Version};

/// Attempts of one change of a subject's record.
const ATTEMPTS_MAX: u32 = 16;

/// A cart of an account in its current generation.
struct Current {
    cart: CartId,
    loaded: Loaded,
}

impl Service {
    /// What is remembered of a subject; of an unknown one, nothing.
    async fn subject(&self, id: SubjectId) -> Result<Subject, StoreError> {
        let record = self.stores.linear.read(LinearTable::Subject, &id.0).await?;
        record.map_or_else(|| Ok(Subject::default()), |record| decode(&record))
    }

    /// Changes what is remembered of a subject, whoever else does at the same time. `change` may be asked again.
    async fn change_subject(
        &self,
        id: SubjectId,
        change: impl Fn(&mut Subject) + Send,
    ) -> Result<Subject, StoreError> {
        let linear = &self.stores.linear;
        let mut current = linear.read(LinearTable::Subject, &id.0).await?;
        for _ in 0..ATTEMPTS_MAX {
            let before = current.as_ref().map(decode).transpose()?.unwrap_or_default();
            let mut after = before.clone();
            change(&mut after);
            if after == before {
                return Ok(after);
            }
            let version = current.map(|record| record.version);
            match self.write_subject(id, version, encode_subject(&after).into()).await? {
                None => return Ok(after),
                Some(other) => current = other,
            }
        }
        Err(StoreError::Overloaded)
    }

    /// Writes a record of which this version is known; answers what was there in its place.
    async fn write_subject(
        &self,
        id: SubjectId,
        version: Option<Version>,
        bytes: Bytes,
    ) -> Result<Option<Option<Record>>, StoreError> {
        let linear = &self.stores.linear;
        match version {
            None => match linear.insert_if_absent(LinearTable::Subject, &id.0, bytes, None).await? {
                Inserted::Inserted(_) => Ok(None),
                Inserted::Present(other) => Ok(Some(Some(other))),
            },
            Some(version) => match linear.replace(LinearTable::Subject, &id.0, version, bytes, None).await? {
                RecordReplaced::Applied(_) => Ok(None),
                RecordReplaced::Conflict(other) => Ok(Some(other)),
            },
        }
    }

    /// The cart that a name of a subject means now: the first generation that is not erased.
    async fn current(
        &self,
        subject: &str,
        name: &str,
        consistency: Consistency,
    ) -> Result<Current, ServiceError> {
        for generation in 0..GENERATIONS_MAX {
            let cart = CartId::account(&self.shop_key, subject, name, generation);
            let loaded = self.load(cart, consistency).await?;
            if !loaded.state.erased {
                return Ok(Current { cart, loaded });
            }
        }
        Err(ServiceError::Erased)
    }

    /// The names of a subject's carts that are on their way from this node.
    fn waiting_names(&self, id: SubjectId) -> BTreeSet<SmolStr> {
        self.names.waiting(id).into_iter().map(|change| change.name).collect()
    }

    /// Every name under which a subject may have a cart: the active one, those remembered, and those on their way
    /// from this node. `before` are those that were on their way before the record was read: what has arrived since is
    /// neither in it nor still on its way.
    fn names_of(&self, id: SubjectId, before: BTreeSet<SmolStr>, remembered: &Subject) -> BTreeSet<SmolStr> {
        let mut names = before;
        names.extend(remembered.names.keys().cloned());
        names.extend(self.waiting_names(id));
        names.insert(SmolStr::new_static(ACTIVE));
        names
    }
}

fn decode(record: &Record) -> Result<Subject, StoreError> {
    // Not even the hashed subject is named: the incident is found by its time.
    decode_subject(&record.bytes)
        .map_err(|source| StoreError::Corrupt { record: "subject".to_owned(), source })
}
