//! The base: an ordered map on disk behind the journal, written only by folds.
//!
//! Nothing else is asked of it, so that bases can be measured against each other (`docs/adr/`). Reads may block, on
//! fjall for hundreds of milliseconds while a fold finishes: only what is at hand is read on an event-loop thread.

mod apart;
mod fjall;
pub(crate) mod row_log;

pub(crate) use apart::CartsApart;
pub(crate) use fjall::FjallBase;
pub(crate) use row_log::Usage;

use storage::error::BoxError;

use crate::key::Key;

/// What a base answers.
pub(crate) type BaseResult<T> = Result<T, BoxError>;

pub(crate) trait Base: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> BaseResult<Option<Vec<u8>>>;

    /// The same without waiting for a disk, where that can be.
    fn at_hand(&self, _key: &[u8]) -> BaseResult<AtHand> {
        Ok(AtHand::OnDisk)
    }

    /// True when a key has a value.
    fn contains(&self, key: &[u8]) -> BaseResult<bool> {
        Ok(self.get(key)?.is_some())
    }

    /// Keys from `from` to before `end`, in order, at most `limit`. `from` is not behind `end`.
    fn keys(&self, from: &[u8], end: &[u8], limit: usize) -> BaseResult<Vec<Key>>;

    /// Calls `fill` with a function that takes rows; when it returns well, makes all of them durable and visible. After an
    /// error some of them may be: each is a durable state, and the journal still has what led to it. Never more than one
    /// at a time.
    fn fold(&self, fill: &mut dyn FnMut(&mut Put<'_>) -> BaseResult<()>) -> BaseResult<()>;

    /// Gives space back, a little, if less than `live_percent_min` of what is used counts; true if there was something
    /// to do. Never while a fold is under way.
    fn collect(&self, _live_percent_min: u64) -> BaseResult<bool> {
        Ok(false)
    }

    /// All that is in the base now, to be read while it goes on. Not while a fold or a collection is under way.
    fn capture(&self) -> BaseResult<Captured>;

    /// How much of the disk is used for carts, where that is known.
    fn usage(&self) -> Option<Usage> {
        None
    }
}

/// A base as it is at a moment.
pub(crate) struct Captured {
    /// The log of rows, where there is one.
    pub(crate) segments: Vec<row_log::CapturedSegment>,
    /// All else, in the order of keys.
    pub(crate) pairs: Pairs,
}

/// Keys with their values.
pub(crate) type Pairs = Box<dyn Iterator<Item = BaseResult<(Key, Vec<u8>)>> + Send>;

/// Takes a row of a fold: sets the value of a key or, without one, removes it. Keys strictly rise.
pub(crate) type Put<'a> = dyn FnMut(&[u8], Option<&[u8]>) -> BaseResult<()> + 'a;

/// What is at hand of a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AtHand {
    /// This is the value, or there is none.
    Value(Option<Vec<u8>>),
    /// A disk would have to be waited for.
    OnDisk,
}
