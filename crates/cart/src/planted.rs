//! Planted bugs: faults that a test switches on to see that the checks find them.
//!
//! Without the feature `planted-bugs`, which only test builds have, every bug is off by construction. With it a
//! bug is on for the thread that switched it on, until the guard is dropped.

/// The faults that the specification of evercart lists for carts, by their number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A retry gets a new dot.
    P1RetryGetsNewDot,
    /// Remove kills what the server sees, not what the shopper was shown.
    P2RemoveKillsWhatServerSees,
    /// Several entries are folded into one with a new dot.
    P3EntriesFoldedIntoNewDot,
    /// Save for later is a removal and an add.
    P4MoveAsRemoveAndAdd,
    /// A lowered quantity is minted anew.
    P5SetDownMints,
    /// A raised quantity replaces what was seen by the total.
    P6SetUpReplaces,
    /// The context forgets writers 37 days after their last mint.
    P7ContextDroppedEarly,
    /// Deltas are deleted before every region has the fold.
    P8DeltasDeletedEarly,
    /// The engine gives live rows a time to live.
    P9TimeToLiveOnLiveRows,
    /// A lane goes on with the writer of before a restart or restore.
    P10LaneWriterReused,
    /// The journal replays operations in place of deltas.
    P11JournalReplaysOperations,
    /// A cache fill overtakes an invalidation: what was read before a write is kept after it.
    P12FillOvertakesInvalidation,
}

#[cfg(not(feature = "planted-bugs"))]
/// False: no bug is planted in this build.
#[inline(always)]
pub fn is_on(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted-bugs")]
pub use switch::{Planted, is_on, plant};

#[cfg(feature = "planted-bugs")]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    thread_local!(static ON: Cell<Option<Bug>> = const { Cell::new(None) });

    /// True while a test on this thread has this bug planted.
    pub fn is_on(bug: Bug) -> bool {
        ON.get() == Some(bug)
    }

    /// Plants `bug` on this thread until the guard is dropped.
    #[must_use = "the bug is gone when the guard is dropped"]
    pub fn plant(bug: Bug) -> Planted {
        ON.set(Some(bug));
        Planted(())
    }

    /// Keeps a bug planted.
    #[derive(Debug)]
    pub struct Planted(());

    impl Drop for Planted {
        fn drop(&mut self) {
            ON.set(None);
        }
    }
}
