//! The shop's items: the greater revision wins without anybody deciding it.
//!
//! Revision and item are one cell that is stamped with the revision, so the database keeps the greatest whatever the
//! order of arrival and in every data centre alike: no conditional write. Beside it stands an index by revision, written
//! before the item; its entries of older revisions can be told and are removed by whoever meets them.

mod changed;

use crate::{
    CassandraOptions, OpenError,
    number::ordered,
    statement::{self, Preparing},
};
use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use changed::ByRevision;
use futures::{StreamExt, TryStreamExt, stream};
use scylla::{client::session::Session, statement::prepared::PreparedStatement};
use std::{collections::HashMap, sync::Arc};
use storage::{CatalogRow, CatalogStore, PutOutcome, cart::line::Sku, error::Result};

/// Items that are read or written at once.
const AT_ONCE: usize = 64;

/// Keeps the shop's items on Cassandra.
pub(crate) struct CassandraCatalogStore {
    session: Arc<Session>,
    read: PreparedStatement,
    write: PreparedStatement,
    by_revision: ByRevision,
}

impl CassandraCatalogStore {
    pub(crate) async fn open(
        session: Arc<Session>,
        options: &CassandraOptions,
    ) -> std::result::Result<Self, OpenError> {
        let preparing = Preparing { session: &session, keyspace: &options.keyspace, profile: None };
        Ok(Self {
            read: preparing.read("SELECT item FROM {ks}.items WHERE sku = ?", None).await?,
            write: preparing
                .blind("INSERT INTO {ks}.items (sku, item) VALUES (?, ?) USING TIMESTAMP ?")
                .await?,
            by_revision: ByRevision::prepare(&preparing).await?,
            session,
        })
    }

    async fn get(&self, sku: &Sku) -> Result<Option<CatalogRow>> {
        let rows = statement::rows::<(Option<Bytes>,)>(&self.session, &self.read, (&**sku,)).await?;
        Ok(rows.into_iter().find_map(|(item,)| unpacked(sku, item?)))
    }

    /// Stores an item unless a greater revision is there, or is put by the same call before it.
    async fn put(&self, item: CatalogRow, is_overtaken: bool) -> Result<PutOutcome> {
        let stored = self.get(&item.sku).await?;
        if is_overtaken || stored.as_ref().is_some_and(|stored| stored.revision > item.revision) {
            return Ok(PutOutcome::Older);
        }
        if stored.as_ref() == Some(&item) {
            return Ok(PutOutcome::Stored);
        }
        self.by_revision.insert(&self.session, &item).await?;
        let values = (&*item.sku, packed(&item), ordered(item.revision));
        statement::blind(&self.session, &self.write, values).await?;
        Ok(PutOutcome::Stored)
    }
}

/// The revision in front, so that of two cells with one stamp the greater is kept.
fn packed(item: &CatalogRow) -> Bytes {
    let mut cell = BytesMut::with_capacity(8 + item.bytes.len());
    cell.put_u64(item.revision);
    cell.extend_from_slice(&item.bytes);
    cell.freeze()
}

fn unpacked(sku: &Sku, mut cell: Bytes) -> Option<CatalogRow> {
    let bytes = (cell.len() >= 8).then(|| cell.split_off(8))?;
    let revision = u64::from_be_bytes(cell[..].try_into().ok()?);
    Some(CatalogRow { sku: sku.clone(), revision, bytes })
}

#[async_trait]
impl CatalogStore for CassandraCatalogStore {
    async fn put_items(&self, items: Vec<CatalogRow>) -> Result<Vec<PutOutcome>> {
        let mut greatest: HashMap<Sku, u64> = HashMap::new();
        let puts = items.into_iter().map(|item| {
            let known = greatest.entry(item.sku.clone()).or_insert(item.revision);
            let is_overtaken = *known > item.revision;
            *known = item.revision.max(*known);
            self.put(item, is_overtaken)
        });
        let puts: Vec<_> = puts.collect();
        stream::iter(puts).buffered(AT_ONCE).try_collect().await
    }

    async fn get_items(&self, skus: &[Sku]) -> Result<Vec<Option<CatalogRow>>> {
        let reads: Vec<_> = skus.iter().map(|sku| self.get(sku)).collect();
        stream::iter(reads).buffered(AT_ONCE).try_collect().await
    }

    async fn changed_since(
        &self,
        since: Option<u64>,
        after: Option<(u64, Sku)>,
        limit: usize,
    ) -> Result<Vec<CatalogRow>> {
        changed::since(self, since, after, limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_comes_back_out_of_its_cell_and_a_greater_revision_is_a_greater_cell() {
        let sku = Sku::parse("A").unwrap();
        let item = |revision| CatalogRow { sku: sku.clone(), revision, bytes: Bytes::from_static(b"item") };
        for revision in [0, 1, 300, u64::MAX] {
            assert_eq!(unpacked(&sku, packed(&item(revision))), Some(item(revision)));
        }
        assert!(packed(&item(255)) < packed(&item(256)) && packed(&item(256)) < packed(&item(u64::MAX)));
        assert_eq!(unpacked(&sku, Bytes::from_static(b"short")), None);
    }
}
