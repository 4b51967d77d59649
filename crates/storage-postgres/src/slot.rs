//! In which slot a cart or a record is: by a hash of its key, and for ever.
//!
//! The slot of a cart and of its ledger are the same, for their keys are the same bytes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use storage::cart::CartId;

/// How many slots there are. Never changed: stored rows hold their slot.
pub(crate) const SLOTS: u16 = 1024;

/// One of 1,024 parts that all carts and records are divided into. A shard serves some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The slot of this number, from 0 to 1,023.
    pub fn new(number: u16) -> Option<Self> {
        (number < SLOTS).then_some(Self(number))
    }

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SLOTS).map(Self)
    }

    /// Where a cart is.
    pub fn of_cart(cart: CartId) -> Self {
        Self::of_key(&cart.0)
    }

    /// Where a record is.
    pub fn of_key(key: &[u8]) -> Self {
        let hash = blake3::hash(key);
        let [low, high, ..] = *hash.as_bytes();
        Self(u16::from_le_bytes([low, high]) % SLOTS)
    }

    /// Its number.
    pub fn number(self) -> u16 {
        self.0
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// As stored.
    pub(crate) fn stored(self) -> i16 {
        self.0.cast_signed()
    }

    pub(crate) fn from_stored(number: i16) -> Option<Self> {
        u16::try_from(number).ok().and_then(Self::new)
    }

    /// The shard that has it in the beginning, of so many.
    pub(crate) fn founder(self, shards: usize) -> usize {
        self.index() * shards / usize::from(SLOTS)
    }
}

/// Slots as operators read and write them: `0-3,7`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(pub BTreeSet<Slot>);

/// Why a text names no slots.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` {problem}: write slots as `0-127,300`, numbers from 0 to 1023")]
pub struct BadRanges {
    part: String,
    problem: &'static str,
}

impl FromStr for Ranges {
    type Err = BadRanges;

    fn from_str(text: &str) -> Result<Self, BadRanges> {
        let mut slots = BTreeSet::new();
        for part in text.split(',') {
            let bad = |problem| BadRanges { part: part.trim().to_owned(), problem };
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let slot = |text: &str| text.trim().parse().ok().and_then(Slot::new);
            let (Some(first), Some(last)) = (slot(first), slot(last)) else {
                return Err(bad("names no slots"));
            };
            if first > last {
                return Err(bad("ends before it begins"));
            }
            slots.extend((first.0..=last.0).map(Slot));
        }
        Ok(Self(slots))
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut slots = self.0.iter().map(|slot| slot.0).peekable();
        let mut separator = "";
        while let Some(first) = slots.next() {
            let mut last = first;
            while slots.peek() == Some(&(last + 1)) {
                last = slots.next().unwrap_or(last);
            }
            match last == first {
                true => write!(f, "{separator}{first}")?,
                false => write!(f, "{separator}{first}-{last}")?,
            }
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_of_a_key_never_changes() {
        let slots = [&b""[..], b"a", b"ledger", &[7; 16]].map(|key| Slot::of_key(key).0);
        assert_eq!(slots, [943, 535, 21, 601]);
        assert_eq!(Slot::of_cart(CartId([7; 16])), Slot::of_key(&[7; 16]));
    }

    #[test]
    fn slots_are_spread_evenly_over_founders() {
        for shards in [1, 2, 3, 7] {
            let mut counts = vec![0_usize; shards];
            Slot::all().for_each(|slot| counts[slot.founder(shards)] += 1);
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most - least <= 1, "{counts:?}");
        }
    }

    #[test]
    fn slots_are_read_as_ranges() {
        let slots = [0, 1, 2, 7, 9, 10].map(Slot).into();
        assert_eq!(Ranges(slots).to_string(), "0-2,7,9-10");
    }

    #[test]
    fn what_is_written_as_ranges_is_read_back() {
        let every = |step: usize| Ranges(Slot::all().step_by(step).collect());
        for slots in [every(1), every(2), every(1_000), Ranges([3, 4, 5, 1_023].map(Slot).into())] {
            assert_eq!(slots.to_string().parse(), Ok(slots));
        }
        assert_eq!(" 7, 2 - 3,3".parse::<Ranges>().unwrap().to_string(), "2-3,7");
    }

    #[test]
    fn ranges_that_are_none_are_refused_by_the_part_that_is_wrong() {
        for (text, part) in
            [("", ""), ("1,", ""), ("0-1024", "0-1024"), ("1,x", "x"), ("-3", "-3"), ("1-2-3", "1-2-3")]
        {
            let refused = text.parse::<Ranges>().unwrap_err().to_string();
            assert!(refused.starts_with(&format!("`{part}` names no slots")), "{text}: {refused}");
        }
        let backwards = "5,9-3".parse::<Ranges>().unwrap_err().to_string();
        assert!(backwards.starts_with("`9-3` ends before it begins"), "{backwards}");
    }
}
