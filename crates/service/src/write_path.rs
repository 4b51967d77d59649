//! The write path: one operation, or several as one, on one cart.
//!
//! ```text
//! lane → load, join → replay? → condition? → delta (pure) → limits → store: append blindly (`write_path/append.rs`),
//!        or replace on condition of the version and on a conflict join and try again → answer
//! ```
//! The delta is computed once: every further attempt writes the same delta under the same dot, so an attempt
//! whose outcome is unknown can be repeated (C5).

mod append;
pub mod unseen;

use crate::{
    Service,
    answer::CartAnswer,
    error::ServiceError,
    identity::{Conditions, Identity, Standing},
    lane::Lane,
    load::{Loaded, OwnRow},
    read_path::Outcome,
};
use cart::{
    Cart, CartId, Delta, Dot, Join, Timestamp, format,
    operation::Stamp,
    planted::{self, Bug},
    token::Receipt,
};
use std::sync::Arc;
use storage::{Bucket, Consistency, Replaced, RowKey, StoreError, Ticket, WritePath};

/// Milliseconds of a bucket of deltas.
const BUCKET_MS: u64 = 60_000;
/// Milliseconds after the first lost race; doubled with each, and scattered.
const RETRY_MS: u64 = 2;
const RETRY_MS_MAX: u64 = 200;

/// What a request comes to.
enum Step {
    /// It was executed before.
    Replay,
    /// The cart is not as the caller demands.
    Mismatch,
    /// It changes nothing.
    Nothing,
    Write(Write),
}

/// A change and what the cart is with it.
struct Write {
    stamp: Stamp,
    delta: Delta,
    after: Arc<Cart>,
}

impl Service {
    /// Executes what `plan` makes of the current state, as the operation that `identity` names.
    ///
    /// `plan` is given the state before and the operation's stamp, and answers the delta or refuses; a refused
    /// operation leaves no trace, nor does an empty delta.
    pub(crate) async fn write(
        &self,
        cart: CartId,
        identity: &Identity,
        conditions: &Conditions,
        plan: impl FnOnce(&Cart, &Stamp) -> Result<Delta, ServiceError> + Send,
    ) -> Result<CartAnswer, ServiceError> {
        let mut lane = self.lanes.enter_ahead(cart, || self.environment.random()).await;
        let (mut loaded, lagging, in_flight) = self.load_ahead(cart, &lane, &conditions.presented).await?;
        if let Some((dot, lost)) = loaded.lost.take().filter(|_| !loaded.state.erased) {
            metrics::counter!("evercart_receipts_joined_total").increment(1);
            loaded = self.store(cart, loaded, lost, dot, &mut lane).await?;
        }
        let step = self.step(cart, (identity, conditions), &loaded.state, &mut lane, plan);
        let Ok(Step::Write(write)) = step else {
            self.stores.carts.durable(in_flight).await?;
            let replayed = matches!(step, Ok(Step::Replay));
            let dot = identity.dot(cart).filter(|_| replayed);
            let answer = Outcome { cart, loaded, dot, lagging, replayed, receipt: None };
            return match step? {
                Step::Mismatch => Err(ServiceError::PreconditionFailed(Box::new(self.answer(answer).await))),
                Step::Write(_) | Step::Replay | Step::Nothing => Ok(self.answer(answer).await),
            };
        };
        let Write { stamp, delta, after } = write;
        let day = stamp.at.day();
        let (loaded, receipt) = match self.stores.carts.capabilities().write_path {
            WritePath::Append => {
                let taken = self.take_in(cart, loaded, (&delta, after), stamp.dot, &mut lane).await?;
                let receipt = taken.receipt(day);
                let flight = Lane::depart(lane, taken.ahead());
                (self.land(cart, taken, Some(&flight)).await?, receipt)
            }
            WritePath::Replace => {
                let receipt = Receipt::of(cart, stamp.dot, day, &delta);
                (self.store(cart, loaded, delta, stamp.dot, &mut lane).await?, receipt)
            }
        };
        if loaded.state.erased {
            return Err(ServiceError::Erased); // by another node, while this one wrote
        }
        let (dot, receipt) = (Some(stamp.dot), Some(receipt));
        Ok(self.answer(Outcome { cart, loaded, dot, lagging, replayed: false, receipt }).await)
    }

    /// What a request comes to, given the cart as it is before it.
    fn step(
        &self,
        cart: CartId,
        (identity, conditions): (&Identity, &Conditions),
        state: &Cart,
        lane: &mut Lane,
        plan: impl FnOnce(&Cart, &Stamp) -> Result<Delta, ServiceError>,
    ) -> Result<Step, ServiceError> {
        if state.erased {
            return Err(ServiceError::Erased);
        }
        if identity.standing(cart, state, self.environment.now())? == Standing::Replay {
            metrics::counter!("evercart_replays_total").increment(1);
            return Ok(Step::Replay);
        }
        if let Some(account) = state.merged_into {
            return Err(ServiceError::MergedInto(account));
        }
        if conditions.if_match.as_ref().is_some_and(|tags| !is_matched(tags, state)) {
            return Ok(Step::Mismatch);
        }
        let dot = match identity.dot(cart) {
            Some(_) if planted::is_on(Bug::P1RetryGetsNewDot) => lane.count(),
            Some(dot) => dot,
            None => lane.count(),
        };
        let stamp = Stamp { dot, origin: identity.origin(cart), at: self.environment.now() };
        let planned = plan(state, &stamp).and_then(|delta| {
            let after = state.joined(&delta);
            self.settings.limits.check(state, &after)?;
            Ok((delta, Arc::new(after)))
        });
        let (delta, after) = planned.inspect_err(|_| lane.uncount(dot))?;
        if delta.is_untouched() {
            lane.uncount(dot);
            return Ok(Step::Nothing);
        }
        Ok(Step::Write(Write { stamp, delta, after }))
    }

    /// Writes a delta the way the engine wants it, and answers the state with it in.
    pub(crate) async fn store(
        &self,
        cart: CartId,
        loaded: Loaded,
        delta: Delta,
        dot: Dot,
        lane: &mut Lane,
    ) -> Result<Loaded, ServiceError> {
        match self.stores.carts.capabilities().write_path {
            WritePath::Append => {
                let after = Arc::new(loaded.state.joined(&delta));
                let taken = self.take_in(cart, loaded, (&delta, after), dot, lane).await?;
                self.land(cart, taken, None).await
            }
            WritePath::Replace => {
                let stored = self.replace(cart, loaded, &delta).await;
                let stored = stored.inspect_err(|error| self.note_failed(cart, dot, lane, error))?;
                self.note_changed(cart);
                Ok(stored)
            }
        }
    }

    fn note_failed(&self, cart: CartId, dot: Dot, lane: &mut Lane, error: &ServiceError) {
        match error {
            ServiceError::Store(error) if !error.may_be_applied() => lane.uncount(dot),
            _ => self.note_changed(cart),
        }
    }

    fn note_changed(&self, cart: CartId) {
        self.note_changed_behind(cart, Ticket::DURABLE);
    }

    /// The same of a change that can be read once this is durable.
    fn note_changed_behind(&self, cart: CartId, ticket: Ticket) {
        if let Some(index) = self.index.get() {
            index.note_behind(cart, ticket);
        }
    }

    async fn replace(&self, cart: CartId, mut loaded: Loaded, delta: &Delta) -> Result<Loaded, ServiceError> {
        let key = RowKey { cart, owner: self.owner.clone() };
        let mut attempts = self.attempts();
        loop {
            let row = loaded.as_rows().rewritten(delta, self.environment.now().day());
            let (expected, folded_through) =
                loaded.own.as_ref().map_or((None, Bucket(0)), |own| (Some(own.version), own.folded_through));
            let bytes = format::encode(&row).into();
            match self.stores.carts.replace(&key, expected, folded_through, bytes).await {
                Ok(Replaced::Applied(version)) => {
                    loaded.note_version(&self.owner, version);
                    loaded.state = Arc::new(row);
                    loaded.known = None;
                    return Ok(loaded);
                }
                Ok(Replaced::Conflict(current)) => {
                    let own = current.map(|row| OwnRow::decode(cart, &row)).transpose();
                    loaded.replace_own(own.map_err(|error| attempts.outcome(error))?);
                    if loaded.own_has(delta) {
                        return Ok(loaded);
                    }
                    self.pause(attempts.lost(self.environment.now())?).await;
                }
                Err(error) => {
                    self.pause(attempts.failed(error, self.environment.now())?).await;
                    // A linearizable read of the own row settles whether the last attempt arrived.
                    if let Ok(fresh) = self.load(cart, Consistency::Strong).await {
                        if fresh.own_has(delta) {
                            return Ok(fresh);
                        }
                        loaded = fresh;
                    }
                }
            }
        }
    }

    /// Those of a write that begins now.
    fn attempts(&self) -> Attempts {
        let until = Timestamp(self.environment.now().0.saturating_add(self.settings.write_within_ms));
        Attempts { made: 0, most: self.settings.write_attempts_max, until, unknown: false }
    }

    /// Waits before the next attempt: the longer the more were made, and scattered.
    async fn pause(&self, attempts_made: u32) {
        let most = (RETRY_MS << attempts_made.min(10)).min(RETRY_MS_MAX);
        self.environment.sleep(self.environment.random() % most + 1).await;
    }
}

/// The attempts of one write.
struct Attempts {
    made: u32,
    most: u32,
    /// No further one begins from then on.
    until: Timestamp,
    /// One of them may have been applied, so the write stays indeterminate, whatever later ones say.
    unknown: bool,
}

impl Attempts {
    /// Counts an attempt that failed; gives up when the error is final, or attempts or the time have run out.
    fn failed(&mut self, error: StoreError, now: Timestamp) -> Result<u32, ServiceError> {
        self.made += 1;
        self.unknown |= error.may_be_applied();
        let is_final = match &error {
            StoreError::Unavailable(_) | StoreError::Indeterminate(_) => false,
            StoreError::Overloaded | StoreError::Full | StoreError::Corrupt { .. } => true,
        };
        if is_final || self.is_over(now) { Err(self.outcome(error)) } else { Ok(self.made) }
    }

    /// Counts an attempt that lost a race.
    fn lost(&mut self, now: Timestamp) -> Result<u32, ServiceError> {
        self.made += 1;
        if self.is_over(now) { Err(self.outcome(StoreError::Overloaded)) } else { Ok(self.made) }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.made >= self.most || now >= self.until
    }

    fn outcome(&self, error: StoreError) -> ServiceError {
        if self.unknown && !error.may_be_applied() {
            return StoreError::Indeterminate(Box::new(error)).into();
        }
        error.into()
    }
}

/// The bucket of deltas that are inserted at this moment.
pub(crate) fn bucket_at(moment: Timestamp) -> Bucket {
    Bucket(moment.0 / BUCKET_MS)
}

fn is_matched(tags: &[String], state: &Cart) -> bool {
    let digest = crate::answer::state_tag(state);
    tags.iter().any(|tag| tag == "*" || *tag == digest)
}
