//! Small states for the cases.

use crate::{Bucket, CartRows, CartStore, DeltaKey, Owner, StoreError, error::Result};
use bytes::Bytes;
use cart::{
    Cart, CartId, Delta, Dot, Join, Timestamp, WriterId, format,
    item::Item,
    line::{Line, List, Sku, Texts},
    operation::{Add, Stamp},
    quantity::Quantity,
};
use std::sync::Arc;

/// The moment of all samples: 2026-09-21.
pub const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// The owner that writes the samples.
pub fn owner() -> Owner {
    Owner::new("local", 1)
}

/// A cart id that is the same for the same number.
pub fn cart_id(number: u8) -> CartId {
    CartId([number; 16])
}

/// The delta of adding one unit of `sku`, as operation `seq` of a writer.
pub fn add(writer: u64, seq: u32, sku: &str) -> Delta {
    let line = Sku::parse(sku).and_then(|sku| Line::new(sku, Texts::default(), None).ok());
    let (Some(line), Some(quantity)) = (line, Quantity::new(1)) else { return Cart::default() };
    let add = Add {
        line: Arc::new(line),
        list: List::Cart,
        quantity,
        attributes: None,
        item: Arc::new(Item::unknown(NOW)),
    };
    add.delta(&Stamp { dot: Dot::new(WriterId(writer), seq), origin: cart_id(1), at: NOW })
}

/// A state as it is stored.
pub fn stored(cart: &Cart) -> Bytes {
    format::encode(cart).into()
}

/// The name of a delta that was inserted in a bucket.
pub fn delta_key(cart: CartId, writer: u64, seq: u32, bucket: u64) -> DeltaKey {
    let operation = Dot::new(WriterId(writer), seq);
    DeltaKey { cart, owner: owner(), bucket: Bucket(bucket), operation, value_hash: 0 }
}

/// What rows join to.
pub fn joined(rows: &CartRows) -> Result<Cart> {
    let all = rows.snapshots.iter().map(|row| &row.bytes).chain(rows.deltas.iter().map(|row| &row.bytes));
    let mut state = Cart::default();
    for bytes in all {
        let corrupt = |source| StoreError::Corrupt { record: "sample".into(), source };
        state.join(&format::decode(bytes).map_err(corrupt)?);
    }
    Ok(state)
}

/// What a cart joins to.
pub async fn load(store: &dyn CartStore, cart: CartId) -> Result<Cart> {
    joined(&store.load(cart, crate::Consistency::Strong).await?)
}
