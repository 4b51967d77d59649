//! Unsigned numbers in a database that has only signed ones.

/// A count or a moment as a `bigint`, in the same order; what is beyond its range is its end.
pub(crate) fn ordered(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What [`ordered`] made a `bigint` of.
pub(crate) fn counted(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_this_world_come_back_and_all_keep_their_order() {
        for number in [0, 1, 5, 1_790_000_000_000, i64::MAX.cast_unsigned()] {
            assert_eq!(counted(ordered(number)), number);
        }
        assert!(ordered(u64::MAX) >= ordered(1 << 62));
    }
}
