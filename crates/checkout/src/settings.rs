//! Timers and bounds of the protocol, and what a node may make of its clock.
//!
//! Clocks decide how long things take, never who gets the last unit: every rule here only makes somebody give up
//! earlier or wait longer.

use cart::Timestamp;

/// Timers and bounds. The defaults are the ones that were explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// How long a claim stands without renewal: 60 s.
    pub claim_ms: u64,
    /// How long a claim may stand in all, and while the shopper acts: 15 min.
    pub shopper_ms: u64,
    /// How long stock may be held anew after a claim: 5 s …
    pub prepare_ms: u64,
    /// … and 0.5 s more for each SKU.
    pub prepare_ms_per_sku: u64,
    /// How long the sweeper leaves a decided checkout to whoever decided it: 10 s.
    pub patience_ms: u64,
    /// How often a store or a payment hook may fail in a row before a machine gives up: 3.
    pub attempts_max: u32,
    /// True when money is asked for; without it nothing is authorised or voided.
    pub has_payment: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            claim_ms: 60_000,
            shopper_ms: 15 * 60_000,
            prepare_ms: 5_000,
            prepare_ms_per_sku: 500,
            patience_ms: 10_000,
            attempts_max: 3,
            has_payment: false,
        }
    }
}

/// The most that a node's clock may differ from the engine's.
pub const SKEW_MS_MAX: u64 = 10_000;
/// A deadline further ahead than this was set by a clock that is wrong, and counts as past.
pub const AHEAD_MS_MAX: u64 = 20 * 60_000;
/// How long a ledger remembers a key.
pub const KEY_DAYS: u32 = 7;
/// How long a stock record remembers which attempts it is done with.
pub const DONE_MS: u64 = 60 * 60_000;
/// With more than [`DONE_MAX`] of them it remembers only so long: three times what two clocks may differ.
pub const DONE_MS_MIN: u64 = 6 * SKEW_MS_MAX;
/// Attempts that a stock record remembers without hurry: a hot SKU must not carry an hour of sales in each write.
pub const DONE_MAX: usize = 256;
/// How long a stock record remembers the keys of the shop's changes: the day that is promised, and an hour.
pub const CHANGE_MS: u64 = 25 * 60 * 60_000;

/// What a node knows of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    /// The moment now.
    pub now: Timestamp,
    /// False on a node that is too far off the engine's clock: it neither claims nor forgets.
    pub is_true: bool,
}

impl Clock {
    /// A clock that is right.
    pub fn at(now: Timestamp) -> Self {
        Self { now, is_true: true }
    }

    /// The own clock, trusted when it is near the engine's.
    pub fn against(own: Timestamp, engine: Timestamp) -> Self {
        Self { now: own, is_true: own.0.abs_diff(engine.0) <= SKEW_MS_MAX }
    }

    /// True when `moment` lies behind, or so far ahead that a wrong clock must have set it.
    pub fn is_past(self, moment: Timestamp) -> bool {
        self.now > moment || moment.0 > self.now.0.saturating_add(AHEAD_MS_MAX)
    }

    /// True when `moment` was more than `ms` ago, by a clock that is trusted.
    pub(crate) fn is_surely_past(self, moment: Timestamp, ms: u64) -> bool {
        self.is_true && self.now.0 > moment.0.saturating_add(ms)
    }

    pub(crate) fn plus(self, ms: u64) -> Timestamp {
        Timestamp(self.now.0.saturating_add(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_past_behind_us_and_far_ahead() {
        let clock = Clock::at(Timestamp(10_000_000));
        assert!(!clock.is_past(Timestamp(10_000_000)) && clock.is_past(Timestamp(9_999_999)));
        assert!(!clock.is_past(clock.plus(AHEAD_MS_MAX)) && clock.is_past(clock.plus(AHEAD_MS_MAX + 1)));
    }

    #[test]
    fn a_clock_more_than_ten_seconds_off_is_not_trusted() {
        let engine = Timestamp(10_000_000);
        assert!(Clock::against(Timestamp(10_010_000), engine).is_true);
        assert!(!Clock::against(Timestamp(10_010_001), engine).is_true);
        assert!(!Clock::against(Timestamp(9_989_999), engine).is_true);
    }
}
