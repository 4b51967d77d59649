//! Money of the replay: whole pence, rounded half-even from the file's decimal pounds.
//!
//! Always holds: no floating point touches a price. Deliberately absent: other currencies, the file knows pounds only.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};

/// An amount in pence of GBP; negative amounts are possible in sums of differences only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Pence(pub(super) i64);

impl Pence {
    /// Rounds decimal pounds half-even to pence; `None` when the amount does not fit.
    pub(super) fn round_half_even(pounds: Decimal) -> Option<Self> {
        let pence = pounds.checked_mul(Decimal::ONE_HUNDRED)?;
        let rounded = pence.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
        i64::try_from(rounded).ok().map(Self)
    }

    /// This price times a quantity; `None` beyond the range of an `i64`.
    pub(super) fn times(self, quantity: i64) -> Option<Self> {
        self.0.checked_mul(quantity).map(Self)
    }

    /// The sum; `None` beyond the range of an `i64`.
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Pence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let pence = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", pence / 100, pence % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(pounds: &str) -> String {
        Pence::round_half_even(Decimal::from_str_exact(pounds).unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_half_penny_goes_to_the_even_side() {
        assert_eq!(rounded("0.005"), "0.00");
        assert_eq!(rounded("0.015"), "0.02");
        assert_eq!(rounded("0.025"), "0.02");
        assert_eq!(rounded("-0.015"), "-0.02");
    }

    #[test]
    fn a_tenth_of_a_penny_is_free_and_whole_pence_stay() {
        assert_eq!(rounded("0.001"), "0.00");
        assert_eq!(rounded("2.1"), "2.10");
        assert_eq!(rounded("38970"), "38970.00");
    }

    #[test]
    fn what_does_not_fit_is_no_amount() {
        assert_eq!(Pence::round_half_even(Decimal::MAX), None);
        assert_eq!(Pence(i64::MAX).times(2), None);
    }
}
