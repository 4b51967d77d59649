//! Appending a delta: taken in by the engine while the lane is held, durable after it was given on.
//!
//! An attempt that failed is made again with the same delta under the same dot, at any later moment and without the lane:
//! deltas are blind and idempotent, and join in any order.

use super::{Attempts, bucket_at};
use crate::{
    Service,
    error::ServiceError,
    known::KnownCart,
    lane::{
        Lane,
        flight::{Ahead, Flight},
    },
    load::Loaded,
};
use bytes::Bytes;
use cart::{Cart, CartId, Day, Delta, Dot, format, token::Receipt};
use std::sync::Arc;
use storage::{DeltaKey, StoreError, Ticket};

/// A delta that the engine has taken in.
pub(super) struct Taken {
    insert: Insertion,
    attempts: Attempts,
    ticket: Ticket,
    /// The cart with it.
    grown: Loaded,
}

/// A delta on its way into the store.
pub(super) struct Insertion {
    cart: CartId,
    operation: Dot,
    value_hash: u64,
    bytes: Bytes,
}

/// A cart that is noted as changed when this is dropped: also where nobody waits for the end of the change any more.
struct Noted<'a> {
    service: &'a Service,
    cart: CartId,
    /// What the change waits for.
    ticket: Ticket,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.service.note_changed_behind(self.cart, self.ticket);
    }
}

impl Insertion {
    pub(super) fn new(cart: CartId, operation: Dot, delta: &Delta) -> Self {
        let bytes = Bytes::from(format::encode(delta));
        Self { cart, operation, value_hash: format::checksum(&bytes), bytes }
    }

    /// Bytes of the delta.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The receipt of it, which holds what is stored.
    pub(super) fn receipt(&self, day: Day) -> Receipt {
        Receipt { cart: self.cart, dot: self.operation, day, delta: self.bytes.to_vec() }
    }
}

impl Taken {
    /// The receipt of the delta.
    pub(super) fn receipt(&self, day: Day) -> Receipt {
        self.insert.receipt(day)
    }

    /// What the next write may start from: nothing, if other rows than the cart's own were joined.
    pub(super) fn ahead(&self) -> Option<Ahead> {
        let known = self.grown.known.clone().filter(|_| self.ticket != Ticket::DURABLE)?;
        Some(Ahead { known, ticket: self.ticket })
    }
}

impl Service {
    /// Has the engine take a delta in, which is `after` once it has joined the loaded cart.
    pub(super) async fn take_in(
        &self,
        cart: CartId,
        loaded: Loaded,
        (delta, after): (&Delta, Arc<Cart>),
        dot: Dot,
        lane: &mut Lane,
    ) -> Result<Taken, ServiceError> {
        let insert = Insertion::new(cart, dot, delta);
        let mut attempts = self.attempts();
        let ticket = self.queue(&insert, &mut attempts, lane).await?;
        let grown = loaded.grown(delta, after, &insert);
        Ok(Taken { insert, attempts, ticket, grown })
    }

    /// Tries until the engine has it.
    pub(super) async fn queue(
        &self,
        insert: &Insertion,
        attempts: &mut Attempts,
        lane: &mut Lane,
    ) -> Result<Ticket, ServiceError> {
        let (cart, dot) = (insert.cart, insert.operation);
        loop {
            match self.insert(insert).await {
                Ok(ticket) => return Ok(ticket),
                Err(error) => {
                    let failed = attempts.failed(error, self.environment.now());
                    let made = failed.inspect_err(|error| self.note_failed(cart, dot, lane, error))?;
                    self.pause(made).await;
                }
            }
        }
    }

    /// Waits until a delta that was taken in is durable, and answers the cart with it.
    pub(super) async fn land(
        &self,
        cart: CartId,
        taken: Taken,
        flight: Option<&Flight>,
    ) -> Result<Loaded, ServiceError> {
        let Taken { insert, attempts, ticket, grown } = taken;
        self.wait_durable(&insert, attempts, ticket, flight).await?;
        if let Some(known) = &grown.known {
            self.known.keep_grown(cart, known.clone());
        }
        Ok(grown)
    }

    /// Waits until a delta that was taken in is durable, and sees to it that the change is noted whether or not.
    pub(super) async fn wait_durable(
        &self,
        insert: &Insertion,
        attempts: Attempts,
        ticket: Ticket,
        flight: Option<&Flight>,
    ) -> Result<(), ServiceError> {
        let mut noted_at_the_end = Noted { service: self, cart: insert.cart, ticket };
        self.try_durable(insert, attempts, &mut noted_at_the_end.ticket, flight).await
    }

    async fn try_durable(
        &self,
        insert: &Insertion,
        mut attempts: Attempts,
        ticket: &mut Ticket,
        flight: Option<&Flight>,
    ) -> Result<(), ServiceError> {
        let mut durable = self.stores.carts.durable(*ticket).await;
        while let Err(error) = durable {
            flight.inspect(|flight| flight.fail());
            self.pause(attempts.failed(error, self.environment.now())?).await;
            durable = match self.insert(insert).await {
                Ok(again) => {
                    *ticket = again;
                    self.stores.carts.durable(again).await
                }
                Err(error) => Err(error),
            };
        }
        Ok(())
    }

    async fn insert(&self, insert: &Insertion) -> Result<Ticket, StoreError> {
        let Insertion { cart, operation, value_hash, ref bytes } = *insert;
        // The bucket is the time of this attempt: a repeated insert is another row with the same value.
        let bucket = bucket_at(self.environment.now());
        let key = DeltaKey { cart, owner: self.owner.clone(), bucket, operation, value_hash };
        self.stores.carts.take_in(&key, bytes.clone()).await
    }
}

impl Loaded {
    /// With a delta more, which makes it `after`.
    fn grown(self, delta: &Delta, after: Arc<Cart>, insert: &Insertion) -> Self {
        let grow = |before: Arc<KnownCart>| {
            Arc::new(before.grown(delta, after.clone(), insert.operation, insert.value_hash))
        };
        let known = self.known.map(grow);
        Self { state: after, known, ..self }
    }
}
