//! A durable local log of opaque byte records: the embedded engine's write path, and where writes wait while a
//! distributed engine is away.
//!
//! What always holds:
//! - A record whose batch [`Journal::durable`] reported comes back at every open, until the owner recycles it.
//! - A record that was refused never comes back. One whose outcome is unknown may
//!   ([`JournalError::may_be_applied`] says which).
//! - Records come back in the order in which they were enqueued. Damage is an error, never a gap.
//!
//! How: records that arrive while a write is under way join the next batch, so one synced write serves them all. Files
//! are zero-filled and recycled segments of one size. See `frame`, `segment` and `recovery` for the bytes.
//!
//! Deliberately absent: any idea of what the records mean, deduplication, reading back while open, compression, and
//! retries after an error of the disk.

mod aligned;
mod committer;
mod disk;
mod error;
mod frame;
mod journal;
mod lock;
mod options;
mod placement;
mod queue;
mod recovery;
mod segment;
mod shared;
mod upkeep;
mod wait;
mod watermark;

pub use disk::{WriteMode, is_full};
pub use error::JournalError;
pub use journal::{Journal, Ticket};
pub use options::JournalOptions;
pub use recovery::{Recovered, RecoveredBatch};
pub use wait::{Durable, Room};

#[cfg(test)]
mod tests;
