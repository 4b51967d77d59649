//! Finding carts in the order of their ids: all of them, or those with deltas that wait to be folded.
//!
//! The index of carts has two partitions for each sixteenth of the ids, one of snapshot rows and one of deltas. It lags,
//! and holds rows, not carts: what comes out is made one of each cart. Going through it costs half a read unit for each
//! partition, and for each 4 KB of keys.

use std::collections::HashMap;

use storage::cart::CartId;
use storage::error::Result;
use storage::{Bucket, DeltaKey, Owner};

use crate::batch::{self, Read};
use crate::cart_key::{self, Kind, SHARDS};
use crate::engine::Engine;
use crate::index::{Index, Range, Walk};
use crate::item::{self, Item};
use crate::meter::Operation;
use crate::schema::CARTS_INDEX;

/// Carts that are looked at together.
const FOUND_MAX: usize = 100;

/// Ids of carts behind `after`, in order, at most `limit`.
pub(crate) async fn scan(engine: &Engine, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
    let mut found = Vec::new();
    for shard in after.map_or(0, cart_key::shard_of)..SHARDS {
        let kinds = vec![cart_key::shard(Kind::Snapshot, shard), cart_key::shard(Kind::Delta, shard)];
        let mut walk = walk(engine, Operation::CartScan, kinds, after, limit);
        while found.len() < limit {
            let Some(item) = walk.next().await? else { break };
            let cart = cart_key::parse_cart(&item);
            if cart.is_some() && cart != found.last().copied() {
                found.extend(cart);
            }
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// Ids of carts behind `after` that have unfolded deltas of `owner`, in order, at most `limit`. Deltas that are folded
/// and not removed yet are passed over, which costs a read of the cart's row.
pub(crate) async fn find_unfolded(
    engine: &Engine,
    owner: &Owner,
    after: Option<CartId>,
    limit: usize,
) -> Result<Vec<CartId>> {
    let mut found = Vec::new();
    for shard in after.map_or(0, cart_key::shard_of)..SHARDS {
        let kinds = vec![cart_key::shard(Kind::Delta, shard)];
        let mut walk = walk(engine, Operation::DeltaFind, kinds, after, limit);
        while found.len() < limit {
            let waiting = waiting(&mut walk, owner).await?;
            if waiting.is_empty() {
                break;
            }
            let folded = folded(engine, owner, &waiting).await?;
            for (cart, newest) in waiting {
                let is_unfolded = folded.get(&cart).is_none_or(|through| newest > *through);
                // One whose deltas are looked at in two parts comes twice.
                if is_unfolded && found.last() != Some(&cart) {
                    found.push(cart);
                }
            }
        }
        if found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

fn walk(
    engine: &Engine,
    operation: Operation,
    partitions: Vec<String>,
    after: Option<CartId>,
    limit: usize,
) -> Walk<'_> {
    let index = Index { engine, operation, table: &engine.tables.carts, name: CARTS_INDEX, order: item::KEY };
    let range = Range { above: after.map(|cart| cart.0.to_vec()), below: None };
    // One more than wanted shows the end of a partition together with its last items.
    index.walk(partitions, range, limit.saturating_mul(2))
}

/// The next carts with deltas of an owner, each with the newest bucket of them.
async fn waiting(walk: &mut Walk<'_>, owner: &Owner) -> Result<Vec<(CartId, Bucket)>> {
    let mut waiting: Vec<(CartId, Bucket)> = Vec::new();
    while let Some(item) = walk.next().await? {
        let Some(delta) = delta_of(&item).filter(|delta| delta.owner == *owner) else { continue };
        match waiting.last_mut() {
            Some((cart, newest)) if *cart == delta.cart => *newest = delta.bucket.max(*newest),
            _ => waiting.push((delta.cart, delta.bucket)),
        }
        if waiting.len() >= FOUND_MAX {
            break;
        }
    }
    Ok(waiting)
}

fn delta_of(item: &Item) -> Option<DeltaKey> {
    cart_key::parse_delta(cart_key::parse_cart(item)?, item::text_of(item, item::ROW)?)
}

/// Through which bucket the owner has folded these carts.
async fn folded(
    engine: &Engine,
    owner: &Owner,
    waiting: &[(CartId, Bucket)],
) -> Result<HashMap<CartId, Bucket>> {
    let read = Read { operation: Operation::DeltaFind, table: &engine.tables.carts, strong: false };
    let keys = waiting.iter().map(|(cart, _)| cart_key::snapshot(*cart, owner)).collect();
    let rows = batch::get(engine, read, keys).await?;
    let through =
        |row: &Item| Some((cart_key::parse_cart(row)?, Bucket(item::number_of(row, item::FOLDED)?)));
    Ok(rows.iter().filter_map(through).collect())
}
