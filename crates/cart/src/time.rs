//! Moments and days as numbers that come in as arguments: nothing in this crate reads a clock.

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The day this moment falls on, in UTC.
    pub fn day(self) -> Day {
        Day(u32::try_from(self.0 / MILLIS_PER_DAY).unwrap_or(u32::MAX))
    }

    /// This moment `days` earlier.
    pub fn minus_days(self, days: u32) -> Self {
        Self(self.0.saturating_sub(u64::from(days) * MILLIS_PER_DAY))
    }

    /// This moment `millis` earlier.
    pub fn minus_ms(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }

    /// This moment `days` later.
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(u64::from(days) * MILLIS_PER_DAY))
    }
}

/// Days since 1970-01-01, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    /// Whole days from `earlier` to this one; zero when `earlier` is not earlier.
    pub fn since(self, earlier: Day) -> u32 {
        self.0.saturating_sub(earlier.0)
    }
}

const MILLIS_PER_DAY: u64 = 24 * 60 * 60 * 1000;
