//! Whole carts out of this shop and into it: what is known of each, as a state to join.
//!
//! Import is a join under the cart's lane, by the way that every write takes: doing it twice is doing it once, what was
//! added or removed meanwhile stays so, and an erased cart stays erased. Limits refuse operations and never a join.

use crate::{Service, error::ServiceError};
use cart::{Cart, CartId, Dot, Join, WriterId, format};
use futures::future::try_join_all;
use storage::{Consistency, StoreError};

/// Carts loaded at once.
const LOADS: usize = 64;

/// A cart as it is known here.
#[derive(Debug)]
pub struct Exported {
    /// Which.
    pub cart: CartId,
    /// The join of its rows in the stored format; the error of a cart whose rows cannot be read.
    pub state: Result<Vec<u8>, StoreError>,
}

/// What an import made of a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// Something of it was not known here.
    Joined,
    /// All of it was known.
    Unchanged,
}

impl Service {
    /// Carts behind `after`, in the order of their ids, at most `limit`. Each holds what it holds when it is read.
    pub async fn export(&self, after: Option<CartId>, limit: usize) -> Result<Vec<Exported>, ServiceError> {
        let ids = self.stores.carts.scan(after, limit).await?;
        let mut carts = Vec::with_capacity(ids.len());
        for some in ids.chunks(LOADS) {
            carts.extend(try_join_all(some.iter().map(|cart| self.export_one(*cart))).await?);
        }
        Ok(carts)
    }

    async fn export_one(&self, cart: CartId) -> Result<Exported, StoreError> {
        let state = match self.load_alone(cart, Consistency::Eventual).await {
            Ok(loaded) => Ok(format::encode(&loaded.state)),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(cart.id = %cart, error = &error as &dyn std::error::Error, "cart cannot be exported");
                Err(error)
            }
            Err(error) => return Err(error),
        };
        Ok(Exported { cart, state })
    }

    /// Joins what is known elsewhere of a cart to what is known here. `name` is the same whenever the same state is
    /// imported: it names the write in the store.
    pub async fn import(&self, cart: CartId, state: Cart, name: u64) -> Result<Imported, ServiceError> {
        let mut lane = self.lanes.enter(cart, || self.environment.random()).await;
        let loaded = self.load(cart, Consistency::Eventual).await?;
        if loaded.state.erased || loaded.state.joined(&state) == *loaded.state {
            return Ok(Imported::Unchanged);
        }
        let dot = Dot::new(WriterId(name), 1);
        self.store(cart, loaded, state, dot, &mut lane).await?;
        Ok(Imported::Joined)
    }
}
