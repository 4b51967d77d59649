//! The write path: one operation, or several as one, on one cart.
//!
//! ```text
//! lane → load, join → replay? → condition? → delta (pure) → limits → store: append blindly,
//!        or replace on condition of the version and on a conflict join and try again → answer
//! ```
//! The delta is computed once: every further attempt writes the same delta under the same dot, so an attempt
//! whose outcome is unknown can be repeated (C5).

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
use storage::{Bucket, Consistency, DeltaKey, Replaced, RowKey, StoreError, WritePath};

/// Milliseconds of a bucket of deltas.
const BUCKET_MS: u64 = 60_000;
/// Milliseconds after the first lost race; doubled with each, and scattered.
const RETRY_MS: u64 = 2;
const RETRY_MS_MAX: u64 = 200;

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
        let mut lane = self.lanes.enter(cart, || self.environment.random()).await;
        let (mut loaded, lagging) = self.load_fresh(cart, &conditions.presented).await?;
        if loaded.state.erased {
            return Err(ServiceError::Erased);
        }
        if let Some(lost) = loaded.lost.take() {
            metrics::counter!("evercart_receipts_joined_total").increment(1);
            loaded = self.store(cart, loaded, lost.delta, lost.dot, &mut lane).await?;
        }
        if identity.standing(cart, &loaded.state, self.environment.now())? == Standing::Replay {
            metrics::counter!("evercart_replays_total").increment(1);
            let dot = identity.dot(cart);
            let replay = Outcome { cart, loaded, dot, lagging, replayed: true, receipt: None };
            return Ok(self.answer(replay).await);
        }
        if let Some(account) = loaded.state.merged_into {
            return Err(ServiceError::MergedInto(account));
        }
        if conditions.if_match.as_ref().is_some_and(|tags| !is_matched(tags, &loaded.state)) {
            let current = Outcome { cart, loaded, dot: None, lagging, replayed: false, receipt: None };
            let current = self.answer(current).await;
            return Err(ServiceError::PreconditionFailed(Box::new(current)));
        }
        let dot = match identity.dot(cart) {
            Some(_) if planted::is_on(Bug::P1RetryGetsNewDot) => lane.count(),
            Some(dot) => dot,
            None => lane.count(),
        };
        let stamp = Stamp { dot, origin: identity.origin(cart), at: self.environment.now() };
        let planned = plan(&loaded.state, &stamp).and_then(|delta| {
            let after = loaded.state.joined(&delta);
            self.settings.limits.check(&loaded.state, &after)?;
            Ok((delta, Arc::new(after)))
        });
        let (delta, after) = planned.inspect_err(|_| lane.uncount(dot))?;
        if delta.is_untouched() {
            lane.uncount(dot);
            let unchanged = Outcome { cart, loaded, dot: None, lagging, replayed: false, receipt: None };
            return Ok(self.answer(unchanged).await);
        }
        let receipt = Some(Receipt { cart, dot, day: stamp.at.day(), delta: delta.clone() });
        let loaded = self.store_joined(cart, loaded, (delta, after), dot, &mut lane).await?;
        drop(lane);
        if loaded.state.erased {
            return Err(ServiceError::Erased); // by another node, while this one wrote
        }
        Ok(self.answer(Outcome { cart, loaded, dot: Some(dot), lagging, replayed: false, receipt }).await)
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
        let after = Arc::new(loaded.state.joined(&delta));
        self.store_joined(cart, loaded, (delta, after), dot, lane).await
    }

    /// The same, where the state with the delta in it is there already.
    async fn store_joined(
        &self,
        cart: CartId,
        loaded: Loaded,
        (delta, after): (Delta, Arc<Cart>),
        dot: Dot,
        lane: &mut Lane,
    ) -> Result<Loaded, ServiceError> {
        let stored = match self.stores.carts.capabilities().write_path {
            WritePath::Append => self.append(cart, loaded, (&delta, after), dot).await,
            WritePath::Replace => self.replace(cart, loaded, &delta).await,
        };
        if let Err(ServiceError::Store(error)) = &stored
            && !error.may_be_applied()
        {
            lane.uncount(dot);
        } else if let Some(index) = self.index.get() {
            index.note(cart);
        }
        stored
    }

    async fn append(
        &self,
        cart: CartId,
        mut loaded: Loaded,
        (delta, after): (&Delta, Arc<Cart>),
        dot: Dot,
    ) -> Result<Loaded, ServiceError> {
        let bytes = bytes::Bytes::from(format::encode(delta));
        let value_hash = format::checksum(&bytes);
        let mut attempts = Attempts::default();
        loop {
            // The bucket is the time of this attempt: a repeated insert is another row with the same value.
            let bucket = bucket_at(self.environment.now());
            let owner = self.owner.clone();
            let key = DeltaKey { cart, owner, bucket, operation: dot, value_hash };
            match self.stores.carts.append(&key, bytes.clone()).await {
                Ok(()) => break,
                Err(error) => self.pause(attempts.failed(error, self.settings.write_attempts_max)?).await,
            }
        }
        loaded.state = after;
        let grown = loaded.known.map(|before| before.grown(delta, loaded.state.clone(), dot, value_hash));
        loaded.known = grown.map(|grown| self.known.keep(cart, grown));
        Ok(loaded)
    }

    async fn replace(&self, cart: CartId, mut loaded: Loaded, delta: &Delta) -> Result<Loaded, ServiceError> {
        let key = RowKey { cart, owner: self.owner.clone() };
        let attempts_max = self.settings.write_attempts_max;
        let mut attempts = Attempts::default();
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
                    self.pause(attempts.lost(attempts_max)?).await;
                }
                Err(error) => {
                    self.pause(attempts.failed(error, attempts_max)?).await;
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

    /// Waits before the next attempt: the longer the more were made, and scattered.
    async fn pause(&self, attempts_made: u32) {
        let most = (RETRY_MS << attempts_made.min(10)).min(RETRY_MS_MAX);
        self.environment.sleep(self.environment.random() % most + 1).await;
    }
}

/// The attempts of one write.
#[derive(Default)]
struct Attempts {
    made: u32,
    /// One of them may have been applied, so the write stays indeterminate, whatever later ones say.
    unknown: bool,
}

impl Attempts {
    /// Counts an attempt that failed; gives up when the error is final or attempts have run out.
    fn failed(&mut self, error: StoreError, max: u32) -> Result<u32, ServiceError> {
        self.made += 1;
        self.unknown |= error.may_be_applied();
        let is_final = match &error {
            StoreError::Unavailable(_) | StoreError::Indeterminate(_) => false,
            StoreError::Overloaded | StoreError::Full | StoreError::Corrupt { .. } => true,
        };
        if is_final || self.made >= max { Err(self.outcome(error)) } else { Ok(self.made) }
    }

    /// Counts an attempt that lost a race.
    fn lost(&mut self, max: u32) -> Result<u32, ServiceError> {
        self.made += 1;
        if self.made >= max { Err(self.outcome(StoreError::Overloaded)) } else { Ok(self.made) }
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
