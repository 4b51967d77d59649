//! Carts in the order of their ids: the database orders by token, so two small tables keep ids by their first byte.
//!
//! `directory` names the carts with a row, `unfolded` those that may have deltas beside it. Both may lag.

use super::{
    CassandraCartStore,
    marks::{self, LATE},
};
use crate::{number::ordered, statement};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};
use storage::{Owner, cart::CartId, error::Result};

const SHARDS: i32 = 256;
/// Shards that are read at once.
const SHARDS_AT_ONCE: usize = 16;
/// Carts that are looked at at once.
const LOOKS_AT_ONCE: usize = 32;
/// The most rows that one statement asks for.
const PAGE_MAX: usize = 1_000;

/// Where a cart is listed.
pub(super) fn of(cart: CartId) -> i32 {
    i32::from(cart.0[0])
}

/// The shards behind a cart, in order, some at a time.
fn from(after: Option<CartId>) -> Vec<Vec<i32>> {
    let shards: Vec<i32> = (after.map_or(0, of)..SHARDS).collect();
    shards.chunks(SHARDS_AT_ONCE).map(<[i32]>::to_vec).collect()
}

fn bytes_after(after: Option<CartId>) -> Vec<u8> {
    after.map(|cart| cart.0.to_vec()).unwrap_or_default()
}

fn page_of(limit: usize) -> i32 {
    i32::try_from(limit.clamp(1, PAGE_MAX)).unwrap_or(i32::MAX)
}

pub(super) async fn scan(
    store: &CassandraCartStore,
    mut after: Option<CartId>,
    limit: usize,
) -> Result<Vec<CartId>> {
    let mut found = Vec::new();
    while found.len() < limit {
        let page = scan_page(store, after, PAGE_MAX.min(limit - found.len())).await?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        found.extend(page);
    }
    Ok(found)
}

async fn scan_page(store: &CassandraCartStore, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
    let owners = store.owners.known(&store.session, &store.statements).await?;
    let mut found = Vec::new();
    for shards in from(after) {
        let reads = shards
            .iter()
            .flat_map(|shard| owners.iter().map(|owner| listed(store, owner, *shard, after, limit)));
        let carts: BTreeSet<CartId> = try_join_all(reads).await?.into_iter().flatten().collect();
        found.extend(carts);
        if found.len() >= limit {
            found.truncate(limit);
            break;
        }
    }
    Ok(found)
}

/// What one owner has in a shard, under either table.
async fn listed(
    store: &CassandraCartStore,
    owner: &Owner,
    shard: i32,
    after: Option<CartId>,
    limit: usize,
) -> Result<Vec<CartId>> {
    let (session, values) = (&store.session, (owner.as_str(), shard, bytes_after(after), page_of(limit)));
    let rows = statement::rows::<(Vec<u8>,)>(session, &store.statements.listed, values.clone());
    let marks = statement::rows::<(Vec<u8>, i64)>(session, &store.statements.marked, values);
    let (rows, marks) = tokio::try_join!(rows, marks)?;
    let carts = rows.into_iter().map(|(cart,)| cart).chain(marks.into_iter().map(|(cart, _)| cart));
    Ok(carts.filter_map(cart_id).collect())
}

pub(super) async fn find_unfolded(
    store: &CassandraCartStore,
    owner: &Owner,
    after: Option<CartId>,
    limit: usize,
) -> Result<Vec<CartId>> {
    let mut found = Vec::new();
    for shards in from(after) {
        let reads = shards.iter().map(|shard| unfolded_in(store, owner, *shard, after, limit));
        found.extend(try_join_all(reads).await?.into_iter().flatten());
        if found.len() >= limit {
            found.truncate(limit);
            break;
        }
    }
    Ok(found)
}

async fn unfolded_in(
    store: &CassandraCartStore,
    owner: &Owner,
    shard: i32,
    after: Option<CartId>,
    limit: usize,
) -> Result<Vec<CartId>> {
    let (mut found, mut after, page) = (Vec::new(), bytes_after(after), page_of(limit));
    loop {
        let values = (owner.as_str(), shard, &after[..], page);
        let marked =
            statement::rows::<(Vec<u8>, i64)>(&store.session, &store.statements.marked, values).await?;
        let is_last = marked.len() < usize::try_from(page).unwrap_or(usize::MAX);
        let Some((last, _)) = marked.last() else { return Ok(found) };
        after.clone_from(last);
        let marked = marked.into_iter().filter_map(|(cart, until)| Some((cart_id(cart)?, until)));
        let looks = marked.map(|(cart, until)| is_unfolded(store, owner, cart, until));
        let looked: Vec<Option<CartId>> = stream::iter(looks).buffered(LOOKS_AT_ONCE).try_collect().await?;
        found.extend(looked.into_iter().flatten());
        if is_last || found.len() >= limit {
            return Ok(found);
        }
    }
}

/// The cart, if it has a delta behind its pointer. A marker of the past that says so in vain is taken away.
async fn is_unfolded(
    store: &CassandraCartStore,
    owner: &Owner,
    cart: CartId,
    until: i64,
) -> Result<Option<CartId>> {
    let values = (&cart.0[..], owner.as_str());
    let rows = statement::rows::<(i64, Option<i64>)>(&store.session, &store.statements.peek, values).await?;
    let pointer = rows.iter().find_map(|(_, pointer)| *pointer);
    let newest = rows.iter().find(|(_, pointer)| pointer.is_none()).map(|(bucket, _)| *bucket);
    if newest.is_some_and(|newest| pointer.is_none_or(|pointer| newest > pointer)) {
        return Ok(Some(cart));
    }
    if until + LATE < bucket_now() {
        marks::unmark(&store.session, &store.statements, (cart, owner), until).await?;
    }
    Ok(None)
}

fn bucket_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ordered(now.as_secs() / 60)
}

fn cart_id(stored: Vec<u8>) -> Option<CartId> {
    <[u8; 16]>::try_from(stored).ok().map(CartId)
}
