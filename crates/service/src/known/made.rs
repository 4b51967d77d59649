//! What an edge made of a cart for a reader, such as the bytes of an answer: the next reader of the same is given the same.
//!
//! What always holds: it is given for the very rows that it was made of, and only where everything else that shows in a cart
//! is the same too (`Surroundings`). Rows are the same by their names, or, without being looked at, while the store says
//! that they are of an edition that was seen to have these names. What says something once is never kept; whether a guest's
//! token is renewed follows from the rows, the day and the token's end, so where it was not it is not again.

use super::{KnownCart, RowsId};
use crate::{
    CartAddress, CartAnswer, Kind, Service, error::ServiceError, identity::Presented,
    inventory::levels::units_in, sessions::Resolved,
};
use cart::{Cart, Day, Dot, Timestamp, line::Sku, token::Freshness};
use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    mem::{size_of, size_of_val},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use storage::Edition;

/// What is given to a reader.
#[derive(Debug)]
pub enum Read<T> {
    /// What an edge made of the cart before, which is as it was.
    Made(Arc<T>),
    /// The cart.
    Answer(Box<CartAnswer>),
}

/// Bytes that it takes beside its own and what it points to, roughly: counts of owners, the allocator's rounding, its place
/// in the cache.
const HELD_BYTES: u64 = 450;

/// What was made, and of what.
pub(crate) struct Made {
    pub(super) rows: RowsId,
    /// Theirs, once a store told it.
    pub(super) edition: OnceLock<Edition>,
    /// Of the cart's lines.
    skus: Box<[Sku]>,
    units: u64,
    surroundings: Surroundings,
    /// After so many changes of the catalogue the cart's items are as they were.
    current_at: AtomicU64,
    what: Arc<dyn Any + Send + Sync>,
    /// Bytes of memory, roughly.
    pub(super) bytes: u64,
}

/// What shows in a cart beside its rows.
#[derive(PartialEq, Eq)]
struct Surroundings {
    /// A digest of the items as they are now.
    newest: u64,
    /// In tokens of what was seen.
    day: Day,
    kind: Option<Kind>,
    expires_at: Option<Timestamp>,
    /// What is scarce of its items, and what a checkout has claimed.
    scarce: BTreeMap<Sku, u64>,
    claimed: Arc<BTreeSet<Dot>>,
}

impl Service {
    /// Reads the cart that is meant, or gives what an edge made of it before, if that `fits` and is still what would be
    /// made. Of an answer something is to be made for [`Self::keep_made`]: without it nothing is kept.
    pub async fn read_own_or_made<T: Any + Send + Sync>(
        &self,
        address: &CartAddress,
        presented: &Presented,
        fits: impl Fn(&T) -> bool + Send,
    ) -> Result<Read<T>, ServiceError> {
        let resolved = self.resolve(address);
        let cart = resolved.cart;
        let kept = self.known.get(cart);
        let grown = self.grown_since(cart, kept.edition());
        let is_same = grown.as_ref().is_some_and(|grown| grown.deltas.is_empty());
        let needs_no_rows = is_same || (grown.is_some() && kept.decoded.is_some());
        let rows = if needs_no_rows { None } else { Some(self.rows_at_hand(cart).await?) };
        let is_of_them = |made: &&Arc<Made>| {
            rows.as_ref().map_or(is_same, |rows| made.rows.recognises(rows, &made.edition))
        };
        if let Some(made) = kept.made.as_ref().filter(is_of_them)
            && let Some(what) = self.still_fits(made, &resolved, presented, fits).await
        {
            self.known.found.made.increment(1);
            return Ok(Read::Made(what));
        }
        let decoded = match (rows, &kept.decoded, grown) {
            (None, Some(known), Some(grown)) => self.decode_grown(cart, known, &grown)?,
            (rows, ..) => {
                let rows = match rows {
                    Some(rows) => rows,
                    None => self.rows_at_hand(cart).await?,
                };
                self.decode(cart, &rows, &kept)?
            }
        };
        let known = decoded.known.clone();
        // In a box of its own: it is much larger than what a cart needs that is as it was.
        let answer = Box::pin(self.read_resolved(address, resolved, decoded, presented)).await;
        let will_be_made = answer.as_ref().is_ok_and(|answer| answer.cart == cart && answer.known.is_some());
        if let Some(known) = known.filter(|_| !will_be_made) {
            self.known.keep(cart, &known);
        }
        Ok(Read::Answer(Box::new(answer?)))
    }

    /// Keeps what an edge made of an answer, of about so many bytes, or the cart alone where the answer says something once.
    pub fn keep_made(&self, answer: &CartAnswer, what: Arc<dyn Any + Send + Sync>, bytes: u64) {
        let Some(known) = &answer.known else { return };
        match Made::of(answer, known, what, bytes) {
            Some(made) => self.known.keep_made(answer.cart, known, Arc::new(made)),
            None => self.known.keep(answer.cart, known),
        }
    }

    /// What was made of the rows that the cart still has, if it `fits` and nothing else has changed.
    async fn still_fits<T: Any + Send + Sync>(
        &self,
        made: &Made,
        resolved: &Resolved,
        presented: &Presented,
        fits: impl Fn(&T) -> bool + Send,
    ) -> Option<Arc<T>> {
        if presented.receipt.is_some() {
            return None;
        }
        let shown = |seen: &Freshness| *seen == made.rows.freshness(resolved.cart);
        if presented.freshness.as_ref().is_some_and(|seen| seen.cart == resolved.cart && !shown(seen)) {
            return None;
        }
        let surroundings = Surroundings {
            newest: self.newest_of(made).await?,
            day: self.environment.now().day(),
            kind: resolved.kind,
            expires_at: resolved.expires_at,
            scarce: self.scarce_of(made.units, &made.skus).await,
            claimed: self.checkout.claimed(resolved.cart),
        };
        if made.surroundings != surroundings {
            return None;
        }
        made.what.clone().downcast::<T>().ok().filter(|what| fits(what))
    }

    /// The digest of its items as they are now; `None` where nobody can say.
    async fn newest_of(&self, made: &Made) -> Option<u64> {
        if self.catalog.is_at(made.current_at.load(Ordering::Relaxed)) {
            return Some(made.surroundings.newest);
        }
        let newest = self.catalog.newest(made.skus.to_vec()).await;
        let changes = newest.changes()?;
        if newest.digest() == made.surroundings.newest {
            made.current_at.store(changes, Ordering::Relaxed);
        }
        Some(newest.digest())
    }
}

impl Made {
    fn of(
        answer: &CartAnswer,
        known: &KnownCart,
        what: Arc<dyn Any + Send + Sync>,
        bytes: u64,
    ) -> Option<Self> {
        let is_plain = !answer.lagging
            && !answer.replayed
            && answer.notices.is_empty()
            && answer.session.is_none()
            && answer.receipt.is_none();
        let current_at = answer.newest.changes().filter(|_| is_plain)?;
        let rows = known.id.clone();
        let skus = skus(&answer.state).into_boxed_slice();
        let bytes = HELD_BYTES + bytes + (size_of::<Self>() + size_of_val(&*skus)) as u64 + rows.heap_bytes();
        let surroundings = Surroundings {
            newest: answer.newest.digest(),
            day: answer.now.day(),
            kind: answer.kind,
            expires_at: answer.expires_at,
            scarce: answer.scarce.clone(),
            claimed: answer.claimed.clone(),
        };
        let units = units_in(&answer.state);
        let edition = known.edition.clone();
        Some(Self {
            rows,
            edition,
            skus,
            units,
            surroundings,
            current_at: AtomicU64::new(current_at),
            what,
            bytes,
        })
    }
}

/// The SKUs of a cart's lines, each once.
pub(crate) fn skus(state: &Cart) -> Vec<Sku> {
    let mut skus: Vec<Sku> = state.shown().map(|(_, shown)| shown.line.sku().clone()).collect();
    skus.sort_unstable();
    skus.dedup();
    skus
}
