//! Items by revision: some shards in order, put together by whoever asks.

use super::{AT_ONCE, CassandraCatalogStore};
use crate::{
    OpenError,
    statement::{self, Preparing},
};
use futures::future::try_join_all;
use scylla::{client::session::Session, statement::prepared::PreparedStatement};
use storage::{CatalogRow, CatalogStore, cart::line::Sku, error::Result};

/// Enough that the entries of a million changed items do not make a tombstone too many in any of them.
const SHARDS: u16 = 32;
const PAGE_MAX: usize = 1_000;

pub(super) struct ByRevision {
    insert: PreparedStatement,
    remove: PreparedStatement,
    select: PreparedStatement,
}

impl ByRevision {
    pub(super) async fn prepare(preparing: &Preparing<'_>) -> std::result::Result<Self, OpenError> {
        let table = "{ks}.items_by_revision";
        Ok(Self {
            insert: preparing
                .blind(&format!("INSERT INTO {table} (shard, revision, sku) VALUES (?, ?, ?)"))
                .await?,
            remove: preparing
                .blind(&format!("DELETE FROM {table} WHERE shard = ? AND revision = ? AND sku = ?"))
                .await?,
            select: preparing
                .read(
                    &format!(
                        "SELECT revision, sku FROM {table} WHERE shard = ? AND (revision, sku) > (?, ?) LIMIT ?"
                    ),
                    None,
                )
                .await?,
        })
    }

    pub(super) async fn insert(&self, session: &Session, item: &CatalogRow) -> Result<()> {
        let values = (shard_of(&item.sku), &item.revision.to_be_bytes()[..], &*item.sku);
        statement::blind(session, &self.insert, values).await
    }

    async fn remove(&self, session: &Session, (revision, sku): &(u64, Sku)) -> Result<()> {
        let values = (shard_of(sku), &revision.to_be_bytes()[..], &**sku);
        statement::blind(session, &self.remove, values).await
    }

    /// The first entries behind `after` in one shard.
    async fn page(
        &self,
        session: &Session,
        shard: i32,
        after: &After,
        limit: usize,
    ) -> Result<Vec<(u64, Sku)>> {
        let revision = after.revision.map(|revision| revision.to_be_bytes().to_vec()).unwrap_or_default();
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let values = (shard, revision, after.sku.as_str(), limit);
        let rows = statement::rows::<(Vec<u8>, String)>(session, &self.select, values).await?;
        let entry = |(revision, sku): (Vec<u8>, String)| {
            Some((u64::from_be_bytes(revision.try_into().ok()?), Sku::parse(&sku)?))
        };
        Ok(rows.into_iter().filter_map(entry).collect())
    }
}

/// Behind which entry a page begins. Revisions are bytes in the index: none is before all of them.
struct After {
    revision: Option<u64>,
    sku: String,
}

pub(super) async fn since(
    store: &CassandraCatalogStore,
    since: Option<u64>,
    after: Option<(u64, Sku)>,
    limit: usize,
) -> Result<Vec<CatalogRow>> {
    let first = match since {
        None => After { revision: None, sku: String::new() },
        Some(u64::MAX) => return Ok(Vec::new()),
        Some(since) => After { revision: Some(since + 1), sku: String::new() },
    };
    let mut from = match after {
        Some((revision, sku)) if first.revision.is_none_or(|first| revision >= first) => {
            After { revision: Some(revision), sku: sku.to_string() }
        }
        _ => first,
    };
    let mut found = Vec::new();
    while found.len() < limit {
        let limit = PAGE_MAX.min(limit - found.len());
        let reads =
            (0..i32::from(SHARDS)).map(|shard| store.by_revision.page(&store.session, shard, &from, limit));
        let mut entries: Vec<(u64, Sku)> = try_join_all(reads).await?.into_iter().flatten().collect();
        entries.sort_unstable();
        // Behind the last of these a shard may have more that another has not shown.
        entries.truncate(limit);
        let Some((revision, sku)) = entries.last() else { break };
        from = After { revision: Some(*revision), sku: sku.to_string() };
        found.extend(borne_out(store, entries).await?);
    }
    Ok(found)
}

/// The items of entries that are still of their revision. Entries of older ones are removed: a revision never goes back.
async fn borne_out(store: &CassandraCatalogStore, entries: Vec<(u64, Sku)>) -> Result<Vec<CatalogRow>> {
    let skus: Vec<Sku> = entries.iter().map(|(_, sku)| sku.clone()).collect();
    let (mut found, mut stale) = (Vec::new(), Vec::new());
    for (entry, item) in entries.into_iter().zip(store.get_items(&skus).await?) {
        match item {
            Some(item) if item.revision == entry.0 => found.push(item),
            Some(item) if item.revision > entry.0 => stale.push(entry),
            _ => {} // its item is about to be written, or was not
        }
    }
    for stale in stale.chunks(AT_ONCE) {
        try_join_all(stale.iter().map(|entry| store.by_revision.remove(&store.session, entry))).await?;
    }
    Ok(found)
}

/// The same for a SKU in every process and release.
fn shard_of(sku: &Sku) -> i32 {
    i32::try_from(crc32c::crc32c(sku.as_bytes()) % u32::from(SHARDS)).unwrap_or_default()
}
