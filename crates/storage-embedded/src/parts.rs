//! The parts of a store belong together: one that is missing is not taken for one that has nothing in it yet.
//!
//! Without its base a store would answer that carts are empty; without its journal it would number its batches from 1 again,
//! and drop what is written as if rows that go further had it already. Who moved a part away, say because it did not open,
//! is told instead.

use std::path::{Path, PathBuf};

use journal::Journal;

use crate::base::{Base, BaseResult};

/// What is there before a store is opened, which makes what is not.
pub(crate) struct Parts {
    dir: PathBuf,
    has_base: bool,
    has_rows: bool,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` is missing, and the rest of the store is there: put it back, or restore all of it from a backup",
    .0.display()
)]
struct Missing(PathBuf);

impl Parts {
    pub(crate) fn look(dir: &Path) -> Self {
        let has = |part| dir.join(part).exists();
        Self { dir: dir.to_owned(), has_base: has("base"), has_rows: has("rows") }
    }

    /// An error where one was missing that there must have been.
    pub(crate) fn check(&self, journal: &Journal, base: &dyn Base) -> BaseResult<()> {
        let was_folded = journal.recycled_through() > 0;
        let has_carts = base.usage().is_none_or(|usage| usage.carts > 0);
        let missing = if journal.durable_through() == 0 && !is_empty(base)? {
            "journal"
        } else if was_folded && !self.has_base {
            "base"
        } else if was_folded && !self.has_rows && !has_carts {
            "rows"
        } else {
            return Ok(());
        };
        Err(Missing(self.dir.join(missing)).into())
    }
}

fn is_empty(base: &dyn Base) -> BaseResult<bool> {
    let has_carts = base.usage().is_some_and(|usage| usage.carts > 0);
    Ok(!has_carts && base.keys(&[], &[u8::MAX], 1)?.is_empty())
}
