//! The base: an ordered map on disk behind the journal, written only by folds.
//!
//! Nothing else is asked of it, so that another can take fjall's place when measurement shows that tails need it.
//! Reads may block for hundreds of milliseconds while a fold finishes: never on an event-loop thread.

mod fjall;

pub(crate) use fjall::FjallBase;

use storage::error::BoxError;

use crate::key::Key;

/// What a base answers.
pub(crate) type BaseResult<T> = Result<T, BoxError>;

pub(crate) trait Base: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> BaseResult<Option<Vec<u8>>>;

    /// Keys from `from` to before `end`, in order, at most `limit`. `from` is not behind `end`.
    fn keys(&self, from: &[u8], end: &[u8], limit: usize) -> BaseResult<Vec<Key>>;

    /// Calls `fill` with a function that takes rows; when it returns well, makes all of them durable and visible at
    /// once, else leaves the base as it was. Never more than one at a time.
    fn fold(&self, fill: &mut dyn FnMut(&mut Put<'_>) -> BaseResult<()>) -> BaseResult<()>;
}

/// Takes a row of a fold: sets the value of a key or, without one, removes it. Keys strictly rise.
pub(crate) type Put<'a> = dyn FnMut(&[u8], Option<&[u8]>) -> BaseResult<()> + 'a;
