//! The in-memory engine: the reference that others are compared with, and the store of simulations.
//!
//! Linearizable, deterministic, and gone with the process.

mod carts;
mod catalog;
mod linear;
mod sku_index;

pub use carts::MemoryCartStore;
pub use catalog::MemoryCatalogStore;
pub use linear::MemoryLinearStore;
pub use sku_index::MemorySkuIndex;

use crate::{Stores, WritePath};
use std::sync::Arc;

/// Three empty stores in memory.
pub fn open(write_path: WritePath) -> Stores {
    Stores {
        carts: Arc::new(MemoryCartStore::new(write_path)),
        linear: Arc::new(MemoryLinearStore::default()),
        catalog: Arc::new(MemoryCatalogStore::default()),
    }
}
