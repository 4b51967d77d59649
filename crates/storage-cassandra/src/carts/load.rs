//! Loading a cart: one read for each owner, all at once.

use super::{CassandraCartStore, ROW_BUCKET};
use crate::{number::counted, statement};
use bytes::Bytes;
use futures::future::try_join_all;
use scylla::response::PagingState;
use storage::{
    Bucket, CartRows, Consistency, DeltaKey, DeltaRow, Owner, Snapshot, Version,
    cart::{CartId, Dot, WriterId},
    error::Result,
};

/// bucket, writer, seq, value hash, version, folded through, bytes
type StoredRow = (i64, i64, i64, i64, Option<i64>, Option<i64>, Option<Bytes>);

pub(super) async fn load(
    store: &CassandraCartStore,
    cart: CartId,
    consistency: Consistency,
) -> Result<CartRows> {
    let owners = store.owners.known(&store.session, &store.statements).await?;
    let reads = owners.iter().map(|owner| load_of(store, cart, owner, consistency));
    let mut rows = CartRows::default();
    for (snapshot, deltas) in try_join_all(reads).await? {
        rows.snapshots.extend(snapshot);
        rows.deltas.extend(deltas);
    }
    Ok(rows)
}

/// What one owner has of a cart.
async fn load_of(
    store: &CassandraCartStore,
    cart: CartId,
    owner: &Owner,
    consistency: Consistency,
) -> Result<(Option<Snapshot>, Vec<DeltaRow>)> {
    let statement = match consistency {
        Consistency::Eventual => &store.statements.select_eventual,
        Consistency::Strong if store.owners.is_own(owner) => &store.statements.select_own,
        Consistency::Strong => &store.statements.select_strong,
    };
    let name = (cart, owner.clone());
    // Without a pointer the read starts at the oldest delta there is, but pages begin with the newest.
    let from = store.pointers.get(&name).unwrap_or(-1);
    let (mut snapshot, mut deltas) = (None, Vec::new());
    let mut at = PagingState::start();
    loop {
        let values = (&cart.0[..], owner.as_str(), from);
        let (rows, next) = statement::page::<StoredRow>(&store.session, statement, values, at).await?;
        let is_folded = |row: &StoredRow, snapshot: &Option<Snapshot>| {
            snapshot.as_ref().is_some_and(|snapshot: &Snapshot| counted(row.0) <= snapshot.folded_through.0)
        };
        let mut reached_folded = false;
        for row in rows {
            if row.0 == ROW_BUCKET {
                snapshot = as_snapshot(owner, row);
            } else if is_folded(&row, &snapshot) {
                reached_folded = true;
                break;
            } else {
                deltas.push(as_delta(cart, owner, row));
            }
        }
        match next.filter(|_| !reached_folded) {
            Some(next) => at = next,
            None => break,
        }
    }
    if let Some(snapshot) = &snapshot {
        store.remember(name, crate::number::ordered(snapshot.folded_through.0));
    }
    Ok((snapshot, deltas))
}

fn as_snapshot(owner: &Owner, row: StoredRow) -> Option<Snapshot> {
    let (_, _, _, _, version, folded_through, bytes) = row;
    Some(Snapshot {
        owner: owner.clone(),
        version: Version(counted(version?)),
        folded_through: Bucket(counted(folded_through?)),
        bytes: bytes.unwrap_or_default(),
    })
}

fn as_delta(cart: CartId, owner: &Owner, row: StoredRow) -> DeltaRow {
    let (bucket, writer, seq, value_hash, _, _, bytes) = row;
    let operation = Dot::new(WriterId(writer.cast_unsigned()), u32::try_from(seq).unwrap_or(u32::MAX));
    DeltaRow {
        key: DeltaKey {
            cart,
            owner: owner.clone(),
            bucket: Bucket(counted(bucket)),
            operation,
            value_hash: value_hash.cast_unsigned(),
        },
        bytes: bytes.unwrap_or_default(),
    }
}
