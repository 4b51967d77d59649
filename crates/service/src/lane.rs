//! Cart lanes: operations on one cart in one node queue behind each other; different carts never wait.
//!
//! A lane saves conflicts between operations of one node; two nodes are settled by the store's conditions and by the
//! join. While a lane lives, its writer counts the operations that do not name themselves; a lane that opens again has a
//! new writer.
//!
//! Where the store takes deltas in before they are durable, a lane is given on as soon as a delta is in: the next write
//! starts from what the one before it made (`flight`). Whoever reads the store under a lane waits for those first.

pub(crate) mod flight;

use self::flight::Flights;
use cart::{
    CartId, Dot, WriterId,
    planted::{self, Bug},
};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Parts of the table of lanes, so that carts seldom wait for each other even to find theirs.
const SHARDS: usize = 64;

/// The open lanes of a node. A lane that somebody holds or waits for is never closed: two lanes of one cart would let
/// a guest's add slip in between a claim's reading of the guest's cart and its sealing.
pub struct Lanes {
    shards: Vec<parking_lot::Mutex<Shard>>,
    per_shard_max: usize,
}

/// One cart's lane, held by one operation at a time.
#[derive(Debug)]
pub struct Lane {
    writer: WriterId,
    counted: u32,
    flights: Arc<Flights>,
}

/// The right to write a cart from this node, until dropped.
pub type LaneGuard = OwnedMutexGuard<Lane>;

#[derive(Default)]
struct Shard(HashMap<CartId, Slot>);

struct Slot {
    lane: Arc<Mutex<Lane>>,
    /// Entered again since idle lanes were last closed.
    used_again: bool,
}

impl Lanes {
    /// Keeps about `max` lanes open.
    pub fn new(max: u64) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let shards = (0..SHARDS).map(|_| parking_lot::Mutex::default()).collect();
        Self { shards, per_shard_max: max.div_ceil(SHARDS) }
    }

    /// Waits until every earlier operation on this cart is done. `random` is drawn when the lane opens.
    pub async fn enter(&self, cart: CartId, random: impl FnOnce() -> u64) -> LaneGuard {
        let lane = self.enter_ahead(cart, random).await;
        lane.flights.landed().await;
        lane
    }

    /// True where nobody writes, or waits for a lane.
    pub(crate) fn are_idle(&self) -> bool {
        let is_idle = |slot: &Slot| Arc::strong_count(&slot.lane) == 1;
        self.shards.iter().all(|shard| shard.lock().0.values().all(is_idle))
    }

    /// Waits until every earlier operation on this cart is done, or its delta taken in.
    pub(crate) async fn enter_ahead(&self, cart: CartId, random: impl FnOnce() -> u64) -> LaneGuard {
        let shard = &self.shards[usize::from(cart.0[0]) % SHARDS];
        let lane = shard.lock().lane(cart, self.per_shard_max, random);
        lane.lock_owned().await
    }
}

impl Shard {
    fn lane(&mut self, cart: CartId, max: usize, random: impl FnOnce() -> u64) -> Arc<Mutex<Lane>> {
        if let Some(slot) = self.0.get_mut(&cart) {
            slot.used_again = true;
            return slot.lane.clone();
        }
        if self.0.len() >= max {
            // Nobody takes a lane out of the table but under this lock, so one that is idle now stays so.
            self.0
                .retain(|_, slot| Arc::strong_count(&slot.lane) > 1 || std::mem::take(&mut slot.used_again));
        }
        let writer = if planted::is_on(Bug::P10LaneWriterReused) {
            WriterId(u64::from_le_bytes([cart.0[0]; 8]))
        } else {
            WriterId(random())
        };
        let lane = Arc::new(Mutex::new(Lane { writer, counted: 0, flights: Arc::default() }));
        self.0.insert(cart, Slot { lane: lane.clone(), used_again: false });
        lane
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
        f.debug_struct("Lanes")
            .field("open", &self.shards.iter().map(|shard| shard.lock().0.len()).sum::<usize>())
            .finish()
    }
}
