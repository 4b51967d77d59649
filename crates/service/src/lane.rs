//! Cart lanes: operations on one cart in one node queue behind each other; different carts never wait.
//!
//! A lane saves conflicts, it does not prevent them: two nodes, or a lane that was closed while somebody still
//! held it, are settled by the store's conditions and by the join. While a lane lives, its writer counts the
//! operations that do not name themselves; a lane that opens again has a new writer.

use cart::{
    CartId, Dot, WriterId,
    planted::{self, Bug},
};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The open lanes of a node.
pub struct Lanes {
    open: moka::sync::Cache<CartId, Arc<Mutex<Lane>>>,
}

/// One cart's lane, held by one operation at a time.
#[derive(Debug)]
pub struct Lane {
    writer: WriterId,
    counted: u32,
}

/// The right to write a cart from this node, until dropped.
pub type LaneGuard = OwnedMutexGuard<Lane>;

impl Lanes {
    /// Keeps up to `max` lanes open.
    pub fn new(max: u64) -> Self {
        Self { open: moka::sync::Cache::new(max) }
    }

    /// Waits until every earlier operation on this cart is done. `random` is drawn when the lane opens.
    pub async fn enter(&self, cart: CartId, random: impl FnOnce() -> u64) -> LaneGuard {
        let lane = self.open.get_with(cart, || {
            let writer = if planted::is_on(Bug::P10LaneWriterReused) {
                WriterId(u64::from_le_bytes([cart.0[0]; 8]))
            } else {
                WriterId(random())
            };
            Arc::new(Mutex::new(Lane { writer, counted: 0 }))
        });
        lane.lock_owned().await
    }
}

impl Lane {
    /// The dot of the next operation that does not name itself. Counted before the write begins, so that a
    /// number is never used twice, whatever becomes of the caller.
    pub(crate) fn count(&mut self) -> Dot {
        self.counted += 1;
        Dot::new(self.writer, self.counted)
    }

    /// Takes the last number back: its operation was certainly not applied.
    pub(crate) fn uncount(&mut self, dot: Dot) {
        if dot.writer == self.writer && dot.seq == self.counted {
            self.counted -= 1;
        }
    }
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").field("open", &self.open.entry_count()).finish()
    }
}
