//! Keys of the table of carts.
//!
//! ```text
//! k (binary)        r (text)                                            what
//! the cart's id     s#OWNER                                             a snapshot row
//! the cart's id     d#OWNER#BUCKET#WRITER.SEQ#HASH                      a delta: numbers in hex, of fixed width
//! `owners`          o#OWNER                                             an owner that is registered
//! ```
//! `d` comes before `s`: where a cart takes several pages, deltas are read before the row that may have folded them
//! meanwhile. An owner may hold a `#`, numbers cannot: a delta's key is taken apart from its end.

use storage::cart::{CartId, Dot, WriterId};
use storage::{Bucket, DeltaKey, Owner};

use crate::item::{self, Item};

/// The partition of owners: no cart's id has six bytes.
pub(crate) const OWNERS: &[u8] = b"owners";

/// Partitions of the index of carts, by the first four bits of their ids, so that the partitions stand in order.
pub(crate) const SHARDS: u8 = 16;

/// Which kind of row an index partition holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Snapshot,
    Delta,
}

/// The index partition of a kind of row.
pub(crate) fn shard(kind: Kind, shard: u8) -> String {
    match kind {
        Kind::Snapshot => format!("s{shard:x}"),
        Kind::Delta => format!("d{shard:x}"),
    }
}

pub(crate) fn shard_of(cart: CartId) -> u8 {
    cart.0[0] >> 4
}

pub(crate) fn snapshot(cart: CartId, owner: &Owner) -> Item {
    key(&cart.0, format!("s#{}", owner.as_str()))
}

pub(crate) fn delta(key: &DeltaKey) -> Item {
    let (owner, bucket, dot) = (key.owner.as_str(), key.bucket.0, key.operation);
    let row =
        format!("d#{owner}#{bucket:016x}#{:016x}.{:08x}#{:016x}", dot.writer.0, dot.seq, key.value_hash);
    self::key(&key.cart.0, row)
}

pub(crate) fn owner(owner: &Owner) -> Item {
    key(OWNERS, format!("o#{}", owner.as_str()))
}

fn key(partition: &[u8], row: String) -> Item {
    item::item([(item::KEY, item::binary(partition)), (item::ROW, item::text(row))])
}

/// The sort keys between which all deltas of an owner up to a bucket stand.
pub(crate) fn deltas_through(owner: &Owner, through: Bucket) -> (String, String) {
    let owner = owner.as_str();
    // `~` is behind every character that follows a bucket.
    (format!("d#{owner}#"), format!("d#{owner}#{:016x}~", through.0))
}

pub(crate) fn parse_owner(row: &str, kind: &str) -> Option<Owner> {
    Some(Owner::from_stored(row.strip_prefix(kind)?.strip_prefix('#')?))
}

pub(crate) fn parse_cart(item: &Item) -> Option<CartId> {
    Some(CartId(item::bytes_of(item, item::KEY)?.try_into().ok()?))
}

pub(crate) fn parse_delta(cart: CartId, row: &str) -> Option<DeltaKey> {
    let mut parts = row.strip_prefix("d#")?.rsplitn(4, '#');
    let (hash, dot, bucket, owner) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (writer, seq) = dot.split_once('.')?;
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let operation = Dot::new(WriterId(hex(writer)?), u32::from_str_radix(seq, 16).ok()?);
    let (bucket, value_hash) = (Bucket(hex(bucket)?), hex(hash)?);
    Some(DeltaKey { cart, owner: Owner::from_stored(owner), bucket, operation, value_hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(owner: &str, bucket: u64) -> DeltaKey {
        let operation = Dot::new(WriterId(u64::MAX), 7);
        let owner = Owner::from_stored(owner);
        DeltaKey { cart: CartId([9; 16]), owner, bucket: Bucket(bucket), operation, value_hash: 0xabc }
    }

    fn row_of(item: &Item) -> &str {
        item::text_of(item, item::ROW).unwrap()
    }

    #[test]
    fn a_delta_key_comes_back_from_its_row_whatever_the_owner_is_called() {
        for owner in ["local.1", "eu-west-1.12", "a#b.1", "d#.1", "~.1"] {
            for bucket in [0, 5, u64::MAX] {
                let key = key_of(owner, bucket);
                assert_eq!(parse_delta(key.cart, row_of(&delta(&key))), Some(key));
            }
        }
    }

    #[test]
    fn what_is_no_delta_is_not_read_as_one() {
        for row in ["s#local.1", "d#local.1", "d#local.1#5#6#7", "o#local.1", ""] {
            assert_eq!(parse_delta(CartId([9; 16]), row), None, "{row}");
        }
    }

    #[test]
    fn the_deltas_through_a_bucket_are_those_up_to_it() {
        let (from, to) = deltas_through(&Owner::from_stored("local.1"), Bucket(5));
        let is_between = |key: DeltaKey| {
            let item = delta(&key);
            (from.as_str()..=to.as_str()).contains(&row_of(&item))
        };
        assert!(is_between(key_of("local.1", 0)) && is_between(key_of("local.1", 5)));
        assert!(!is_between(key_of("local.1", 6)) && !is_between(key_of("local.10", 5)));
    }

    #[test]
    fn shards_stand_in_the_order_of_ids() {
        assert_eq!([0, 0x0f, 0x10, 0xff].map(|first| shard_of(CartId([first; 16]))), [0, 0, 1, 15]);
        assert_eq!(shard(Kind::Snapshot, 15), "sf");
    }
}
