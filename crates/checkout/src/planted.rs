//! Planted bugs: faults that a test switches on to see that the checks find them.
//!
//! Without the feature `planted-bugs`, which only test builds have, every bug is off by construction. With it a
//! bug is on for the thread that switched it on, until the guard is dropped.

/// The faults that the specification of evercart lists for checkout, by their number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A hold ends when its time is over, whatever the ledger says.
    P13HoldsExpireByTimeAlone,
    /// The resolver decides by a ledger that is not the newest.
    P14ResolverReadsStaleLedger,
    /// Stock forgets which attempts it is done with.
    P15NoDoneNoFence,
    /// A grant is credited to its receiver before its giver is debited.
    P16GrantCreditsBeforeDebit,
    /// The cart is not claimed before stock is held.
    P17CartIsNotClaimed,
    /// The resolver sells holds that the order does not list.
    P18ResolverAppliesUnlisted,
    /// The ledger of a merged guest stays where it is.
    P19GuestLedgerIsNotMoved,
    /// An abort does not void the payment.
    P20AbortForgetsVoid,
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
