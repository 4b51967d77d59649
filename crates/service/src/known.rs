//! Carts that were read or written lately: rows that are the same again are not decoded again, of rows that have grown by a
//! few deltas only these are, and what an edge made of them for a reader is made once ([`made`]).
//!
//! A cart that is only read is kept as it was made, which takes less than half of the memory; one that is written is kept
//! decoded too, for the next write.
//!
//! What always holds: a cart is taken from here only for rows that were just loaded, each named by owner, version and
//! checksum, or by operation and checksum, or of whose edition the store just said what came since: nothing, or deltas that
//! are joined to it. So there is nothing to invalidate, whoever writes the store.

pub mod made;
mod rows_id;

pub(crate) use self::rows_id::{RowsId, delta_name};

use self::made::Made;
use crate::{catalog::Newest, load::OwnRow};
use cart::{
    Cart, CartId, Delta, Dot,
    limits::{Limits, Size},
};
use metrics::Counter;
use parking_lot::Mutex;
use quick_cache::{Weighter, sync::Cache};
use std::sync::{Arc, OnceLock};
use storage::Edition;

/// Bytes of a decoded cart, roughly: of itself, and for each entry.
const CART_BYTES: u64 = 1_000;
const ENTRY_BYTES: u64 = 600;
/// Bytes of a cart that is kept as it was made, roughly: what most of them are.
const MADE_BYTES: u64 = 2_500;
/// Where other nodes write too, so many deltas are written without looking at a cart until it is looked at again: what is
/// known of it is as old.
const UNSEEN_MAX: u32 = 16;
/// Loads of carts for requests, by what was known of the cart.
pub const FOUND: &str = "evercart_known_carts_total";

/// A cart as it was decoded.
#[derive(Debug, Default)]
pub(crate) struct KnownCart {
    pub(crate) id: RowsId,
    /// The edition of the rows, once a store told it.
    edition: OnceLock<Edition>,
    pub(crate) state: Arc<Cart>,
    /// The rows one by one, where the engine has them rewritten.
    pub(crate) rows: Vec<Arc<Cart>>,
    pub(crate) own: Option<OwnRow>,
    /// This node wrote it, and saw it: then it will write it again.
    is_written: bool,
    newest: Mutex<Option<Arc<Newest>>>,
    unseen: Mutex<Unseen>,
}

/// What was written without looking at a cart, since it was known.
#[derive(Debug, Default)]
struct Unseen {
    /// Of the cart with that, once anything is.
    size: Option<Size>,
    deltas: u32,
}

impl KnownCart {
    pub(crate) fn new(id: RowsId, state: Arc<Cart>) -> Self {
        Self { id, state, ..Self::default() }
    }

    /// The store said of which edition its rows are.
    pub(crate) fn note_edition(&self, told: Option<Edition>) {
        if let Some(told) = told {
            self.edition.get_or_init(|| told);
        }
    }

    /// With a delta more, which was just written.
    pub(crate) fn grown(&self, delta: &Delta, state: Arc<Cart>, dot: Dot, value_hash: u64) -> Self {
        // The tag of an answer counts the items of the cart and no others, so none may have left.
        let only_grew = state.entries.len() == self.state.entries.len() + delta.entries.len();
        let is_known = |newest: &Arc<Newest>| {
            only_grew && delta.shown().all(|(_, shown)| newest.get(shown.line.sku()).is_some())
        };
        let newest = Mutex::new(self.newest().filter(is_known));
        let id = self.id.with([(dot, value_hash)]);
        Self { id, state, newest, is_written: true, ..Self::default() }
    }

    /// The newest items of all its lines, as they were last looked up.
    pub(crate) fn newest(&self) -> Option<Arc<Newest>> {
        self.newest.lock().clone()
    }

    pub(crate) fn keep_newest(&self, newest: Arc<Newest>) {
        *self.newest.lock() = Some(newest);
    }

    /// True where one more delta may be written without looking at the cart, by what was known of it and was written so
    /// since. It counts as written then.
    pub(crate) fn admits_unseen(&self, limits: &Limits, delta: &Delta, is_only_writer: bool) -> bool {
        let mut unseen = self.unseen.lock();
        let is_open = !self.state.erased && self.state.merged_into.is_none();
        if !is_open || !(is_only_writer || unseen.deltas < UNSEEN_MAX) {
            return false;
        }
        let size = unseen.size.get_or_insert_with(|| limits.size(&self.state));
        let admits = limits.admits(size, delta);
        if admits {
            size.add(delta);
            unseen.deltas += 1;
        }
        admits
    }

    /// Bytes of memory, roughly.
    fn bytes(&self) -> u64 {
        let rows = self.rows.iter().map(|row| row.entries.len() as u64).sum::<u64>();
        CART_BYTES + ENTRY_BYTES * (self.state.entries.len() as u64 + rows)
    }
}

/// What is kept of a cart, with the bytes that it weighed when it was put in.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    pub(crate) decoded: Option<Arc<KnownCart>>,
    made: Option<Arc<Made>>,
    bytes: u64,
}

impl Kept {
    /// That of its rows, once a store told it.
    fn edition(&self) -> Option<Edition> {
        let decoded = self.decoded.as_ref().and_then(|known| known.edition.get());
        decoded.or_else(|| self.made.as_ref()?.edition.get()).copied()
    }

    /// Those of what was decoded last.
    fn rows(&self) -> Option<&RowsId> {
        let decoded = self.decoded.as_ref().map(|known| &known.id);
        decoded.or_else(|| self.made.as_ref().map(|made| &made.rows))
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<CartId, Kept> for Weight {
    fn weight(&self, _: &CartId, kept: &Kept) -> u64 {
        kept.bytes
    }
}

/// Bounded in bytes, roughly.
pub(crate) struct KnownCarts {
    carts: Cache<CartId, Kept, Weight>,
    found: Found,
}

/// How often what was found.
struct Found {
    made: Counter,
    decoded: Counter,
    nothing: Counter,
}

impl KnownCarts {
    /// Keeps about so many bytes; 0 keeps nothing.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let carts = usize::try_from(bytes_max / MADE_BYTES).unwrap_or(usize::MAX);
        let count = |found| metrics::counter!(FOUND, "found" => found);
        let found = Found { made: count("made"), decoded: count("decoded"), nothing: count("nothing") };
        Self { carts: Cache::with_weighter(carts, bytes_max, Weight), found }
    }

    /// What is kept of a cart.
    pub(crate) fn get(&self, cart: CartId) -> Kept {
        self.carts.get(&cart).unwrap_or_default()
    }

    /// Keeps a cart as it was decoded, unless there is nothing, or it is kept, or something that was made of it: that is what
    /// readers ask for.
    pub(crate) fn keep(&self, cart: CartId, known: &Arc<KnownCart>) {
        if !known.id.is_empty() && self.peek(cart).rows() != Some(&known.id) {
            self.put(cart, Some(known.clone()), None);
        }
    }

    /// Keeps a cart that has grown, unless what is kept is of other rows: those are newer, or have grown further.
    pub(crate) fn keep_grown(&self, cart: CartId, grown: Arc<KnownCart>) {
        let goes_before = |rows: &RowsId| rows.known_of(&grown.id).is_some();
        if self.peek(cart).rows().is_none_or(goes_before) {
            self.put(cart, Some(grown), None);
        }
    }

    /// Keeps what was made, without what it was made of unless that will be written again.
    fn keep_made(&self, cart: CartId, known: &Arc<KnownCart>, made: Arc<Made>) {
        self.put(cart, Some(known.clone()).filter(|known| known.is_written), Some(made));
    }

    fn put(&self, cart: CartId, decoded: Option<Arc<KnownCart>>, made: Option<Arc<Made>>) {
        let bytes =
            decoded.as_ref().map_or(0, |known| known.bytes()) + made.as_ref().map_or(0, |made| made.bytes);
        // What is only written over is not asked for more often: a cart that was read once leaves before those that are
        // read again and again.
        if let Err((cart, kept)) = self.carts.replace(cart, Kept { decoded, made, bytes }, true) {
            self.carts.insert(cart, kept);
        }
    }

    /// What is kept of a cart, without counting as asking for it.
    fn peek(&self, cart: CartId) -> Kept {
        self.carts.peek(&cart).unwrap_or_default()
    }

    /// Counts a cart that was loaded as it is.
    pub(crate) fn count_decoded(&self, is_known: bool) {
        let found = if is_known { &self.found.decoded } else { &self.found.nothing };
        found.increment(1);
    }
}
