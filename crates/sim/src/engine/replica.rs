//! One copy of the rows and deltas of all carts: of a row the greater version stays, deltas only become more.

use bytes::Bytes;
use cart::CartId;
use std::collections::BTreeMap;
use storage::{CartRows, DeltaKey, DeltaRow, Owner, Snapshot};

/// A row or a delta on its way.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Row(CartId, Snapshot),
    Delta(DeltaKey, Bytes),
}

/// A copy.
#[derive(Default)]
pub(super) struct Replica {
    rows: BTreeMap<CartId, BTreeMap<Owner, Snapshot>>,
    deltas: BTreeMap<CartId, BTreeMap<DeltaKey, Bytes>>,
}

impl Replica {
    pub(super) fn apply(&mut self, item: &Item) {
        match item {
            Item::Row(cart, row) => {
                let rows = self.rows.entry(*cart).or_default();
                if rows.get(&row.owner).is_none_or(|known| known.version < row.version) {
                    rows.insert(row.owner.clone(), row.clone());
                }
            }
            Item::Delta(key, bytes) => {
                self.deltas.entry(key.cart).or_default().insert(key.clone(), bytes.clone());
            }
        }
    }

    pub(super) fn row(&self, cart: CartId, owner: &Owner) -> Option<&Snapshot> {
        self.rows.get(&cart)?.get(owner)
    }

    pub(super) fn load(&self, cart: CartId) -> CartRows {
        let rows = self.rows.get(&cart);
        let deltas = self.deltas.get(&cart).into_iter().flatten();
        CartRows {
            snapshots: rows.into_iter().flat_map(BTreeMap::values).cloned().collect(),
            deltas: deltas.map(|(key, bytes)| DeltaRow { key: key.clone(), bytes: bytes.clone() }).collect(),
        }
    }

    pub(super) fn carts(&self) -> impl Iterator<Item = CartId> {
        let mut carts: Vec<CartId> = self.rows.keys().chain(self.deltas.keys()).copied().collect();
        carts.sort_unstable();
        carts.dedup();
        carts.into_iter()
    }
}
