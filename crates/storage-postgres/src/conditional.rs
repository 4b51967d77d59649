//! Writes on condition of a version, and what they lose to.
//!
//! A statement writes and, where the condition does not hold, answers the current row from the snapshot that it began
//! with: one round trip. Where a rival's commit came in between, that snapshot still shows the row as expected, or none;
//! only then the row is read again.

use storage::error::Result;
use storage::{StoreError, Version};
use tokio_postgres::Row;

use crate::engine::Engine;
use crate::node::Params;
use crate::slot::Slot;

/// The row was written.
const WRITTEN: i16 = 0;
/// A rival that removes and inserts over and over is given up on.
const ATTEMPTS_MAX: usize = 5;

/// A write, and how to look at what is there. Both answer the kind of row in the first column and the version in the
/// second.
pub(crate) struct Conditional<'a> {
    pub(crate) slot: Slot,
    pub(crate) write: &'static str,
    pub(crate) values: Params<'a>,
    pub(crate) look: &'static str,
    pub(crate) key: Params<'a>,
    /// `None`: there must be no row.
    pub(crate) expected: Option<Version>,
}

/// What became of it.
pub(crate) enum Written {
    Applied(Version),
    Conflict(Option<Row>),
}

impl Conditional<'_> {
    pub(crate) async fn run(&self, engine: &Engine) -> Result<Written> {
        for _ in 0..ATTEMPTS_MAX {
            let rows = engine.at(self.slot, self.write, self.values).await;
            let row = rows.map_err(crate::failure::Failure::of_write)?.into_iter().next();
            if let Some(row) = row.as_ref().filter(|row| row.get::<_, i16>(0) == WRITTEN) {
                return Ok(Written::Applied(version(row)));
            }
            if self.explains(row.as_ref()) {
                return Ok(Written::Conflict(row));
            }
            let rows = engine.at(self.slot, self.look, self.key).await;
            let row = rows.map_err(crate::failure::Failure::of_read)?.into_iter().next();
            if self.explains(row.as_ref()) {
                return Ok(Written::Conflict(row));
            }
        }
        Err(StoreError::Unavailable("the row is removed and inserted by somebody else all the time".into()))
    }

    /// True when a row is another than the one expected.
    fn explains(&self, row: Option<&Row>) -> bool {
        row.map(version) != self.expected
    }
}

pub(crate) fn version(row: &Row) -> Version {
    Version(row.get::<_, i64>(1).cast_unsigned())
}
