//! Dots: the identity of every mutation, fixed before its first attempt and the same in every retry, region,
//! delta and journal.
//!
//! Three kinds of writer mint dots under one algebra: a *client writer* (a client that keeps a counter), a
//! *one-shot writer* (a request with an idempotency key) and a *lane writer* (everything else). The source of
//! the idea is "Dotted Version Vectors" (arXiv 1011.5808).

use crate::{
    hash::Parts,
    id::CartId,
    time::{Day, Timestamp},
};

/// Whoever counts operations 1, 2, 3 …
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriterId(pub u64);

/// One operation of one writer: the operation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// Who counted.
    pub writer: WriterId,
    /// What it counted to; never 0.
    pub seq: u32,
}

/// Bits of a client writer below its day.
const CLIENT_RANDOM_BITS: u32 = 48;
/// Bits of a one-shot writer that tell payloads of one key apart.
const PAYLOAD_BITS: u32 = 24;
/// A client writer older than this is refused: its context may have been cleaned away.
pub const CLIENT_WRITER_DAYS_MAX: u32 = 30;

impl WriterId {
    /// A client writer drawn on `day`: the day in the upper 16 bits, the rest random.
    pub fn client(day: Day, random: u64) -> Self {
        Self((u64::from(day.0) << CLIENT_RANDOM_BITS) | (random & ((1 << CLIENT_RANDOM_BITS) - 1)))
    }

    /// True when this client writer was drawn at most 30 days before `now` and not more than a day after it.
    pub fn is_current_client(self, now: Timestamp) -> bool {
        let drawn = (self.0 >> CLIENT_RANDOM_BITS) as u32;
        let today = now.day().0 & 0xffff;
        drawn <= today + 1 && drawn + CLIENT_WRITER_DAYS_MAX >= today
    }

    /// The writer of a request with an idempotency key: 40 bits say which key of which cart, 24 bits which
    /// payload.
    ///
    /// `payload` is a digest input for the method, the path without the cart's id, and the body.
    pub fn one_shot(first_addressed: CartId, key: &str, payload: &[u8]) -> Self {
        let upper = Parts::new("one-shot key").bytes(&first_addressed.0).bytes(key.as_bytes()).u64();
        let lower = Parts::new("one-shot payload").bytes(payload).u64();
        Self((upper >> PAYLOAD_BITS << PAYLOAD_BITS) | (lower & PAYLOAD_MASK))
    }

    /// The writer of the one operation that takes out what an order bought, by the order's name.
    pub fn of_order(tx: &[u8; 16]) -> Self {
        Self(Parts::new("consumed by an order").bytes(tx).u64())
    }

    /// True when both come from the same key of the same cart, whatever their payloads.
    pub fn same_key(self, other: WriterId) -> bool {
        self.0 >> PAYLOAD_BITS == other.0 >> PAYLOAD_BITS
    }

    /// The range of all one-shot writers of this one's key.
    pub fn same_key_range(self) -> std::ops::RangeInclusive<WriterId> {
        let first = self.0 & !PAYLOAD_MASK;
        WriterId(first)..=WriterId(first | PAYLOAD_MASK)
    }
}

const PAYLOAD_MASK: u64 = (1 << PAYLOAD_BITS) - 1;

impl Dot {
    /// The dot that `writer` counted to `seq`.
    pub fn new(writer: WriterId, seq: u32) -> Self {
        debug_assert!(seq > 0, "a writer counts from 1");
        Self { writer, seq }
    }

    /// The writer of the further dots that this operation mints, so that it burns exactly one number of its
    /// caller's.
    pub fn further(self) -> WriterId {
        WriterId(Parts::new("further dots").number(self.writer.0).number(u64::from(self.seq)).u64())
    }

    /// The operation id of operation `index` of a bulk request with this id.
    pub fn of_bulk(self, index: usize) -> Self {
        let writer = Parts::new("bulk operation")
            .number(self.writer.0)
            .number(u64::from(self.seq))
            .number(index as u64)
            .u64();
        Self::new(WriterId(writer), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: CartId = CartId([7; 16]);

    #[test]
    fn one_key_with_two_payloads_shares_the_upper_bits_only() {
        let (a, b) = (WriterId::one_shot(CART, "k", b"1"), WriterId::one_shot(CART, "k", b"2"));
        assert_ne!(a, b);
        assert!(a.same_key(b) && a.same_key_range().contains(&b));
        assert!(!a.same_key(WriterId::one_shot(CART, "other", b"1")));
        assert!(!a.same_key(WriterId::one_shot(CartId([8; 16]), "k", b"1")));
    }

    #[test]
    fn a_client_writer_ends_after_thirty_days() {
        let drawn = Timestamp::default().plus_days(20_000);
        let writer = WriterId::client(drawn.day(), u64::MAX);
        assert!(writer.is_current_client(drawn));
        assert!(writer.is_current_client(drawn.plus_days(30)));
        assert!(!writer.is_current_client(drawn.plus_days(31)));
        let tomorrow = WriterId::client(Day(drawn.day().0 + 2), 1);
        assert!(!tomorrow.is_current_client(drawn));
    }
}
