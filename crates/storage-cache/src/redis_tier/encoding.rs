//! Rows of a cart as fields of a hash in Redis.
//!
//! `s` and owner: version, bucket folded through, bytes. `d`, length of the owner, owner, bucket, writer, sequence, hash of
//! the value: bytes. Numbers are big-endian. `c` says under which epoch the set is whole, and is not read here.
//! What another release stored in another form is not understood, and so read from the engine.

use bytes::Bytes;
use storage::{
    Bucket, CartRows, DeltaKey, DeltaRow, Owner, Snapshot, Version,
    cart::{CartId, Dot, WriterId},
};

/// A field and its value.
pub(super) type Field = (Vec<u8>, Vec<u8>);

pub(super) fn fields(rows: &CartRows) -> Vec<Field> {
    let snapshots = rows.snapshots.iter().map(|row| (row_field(&row.owner), row_value(row)));
    let deltas = rows.deltas.iter().map(|row| (delta_field(&row.key), row.bytes.to_vec()));
    snapshots.chain(deltas).collect()
}

pub(super) fn row_field(owner: &Owner) -> Vec<u8> {
    [b"s", owner.as_str().as_bytes()].concat()
}

pub(super) fn row_value(row: &Snapshot) -> Vec<u8> {
    let (version, folded) = (row.version.0.to_be_bytes(), row.folded_through.0.to_be_bytes());
    [&version, &folded, &*row.bytes].concat()
}

/// What the fields of an owner's deltas begin with; the bucket follows.
pub(super) fn deltas_of(owner: &Owner) -> Vec<u8> {
    let name = owner.as_str().as_bytes();
    // An owner's name has at most 24 bytes; one that had more would be another owner's, and is refused in reading.
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    [b"d", &[length], name].concat()
}

pub(super) fn delta_field(key: &DeltaKey) -> Vec<u8> {
    let mut field = deltas_of(&key.owner);
    field.extend(key.bucket.0.to_be_bytes());
    field.extend(key.operation.writer.0.to_be_bytes());
    field.extend(key.operation.seq.to_be_bytes());
    field.extend(key.value_hash.to_be_bytes());
    field
}

/// The rows, or nothing where the fields are none of ours.
pub(super) fn rows(cart: CartId, fields: Vec<Field>) -> Option<CartRows> {
    let mut rows = CartRows::default();
    for (field, value) in fields {
        match field.split_first()? {
            (b's', owner) => rows.snapshots.push(snapshot(owner, value)?),
            (b'd', key) => {
                rows.deltas.push(DeltaRow { key: delta_key(cart, key)?, bytes: Bytes::from(value) });
            }
            (b'c', []) => {}
            _ => return None,
        }
    }
    Some(crate::rows::ordered(rows))
}

fn snapshot(owner: &[u8], value: Vec<u8>) -> Option<Snapshot> {
    let mut bytes = Bytes::from(value);
    let owner = Owner::from_stored(std::str::from_utf8(owner).ok()?);
    let mut head = bytes.get(..16)?;
    let (version, folded_through) = (Version(number(&mut head)?), Bucket(number(&mut head)?));
    Some(Snapshot { owner, version, folded_through, bytes: bytes.split_off(16) })
}

fn delta_key(cart: CartId, key: &[u8]) -> Option<DeltaKey> {
    let (length, rest) = key.split_first()?;
    let (owner, mut rest) = rest.split_at_checked(usize::from(*length))?;
    let owner = Owner::from_stored(std::str::from_utf8(owner).ok()?);
    let (bucket, writer) = (Bucket(number(&mut rest)?), WriterId(number(&mut rest)?));
    let (seq, tail) = rest.split_first_chunk()?;
    let (operation, mut tail) = (Dot::new(writer, u32::from_be_bytes(*seq)), tail);
    let value_hash = number(&mut tail)?;
    tail.is_empty().then_some(DeltaKey { cart, owner, bucket, operation, value_hash })
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> CartRows {
        let cart = CartId([3; 16]);
        let snapshot = |region, version| Snapshot {
            owner: Owner::new(region, 1),
            version: Version(version),
            folded_through: Bucket(version + 1),
            bytes: Bytes::from_static(b"state"),
        };
        let delta = |seq| DeltaRow {
            key: DeltaKey {
                cart,
                owner: Owner::new("eu", 1),
                bucket: Bucket(5),
                operation: Dot::new(WriterId(u64::MAX), seq),
                value_hash: 9,
            },
            bytes: Bytes::from_static(b"\0delta"),
        };
        CartRows {
            snapshots: vec![snapshot("eu", 1), snapshot("us", u64::MAX - 1)],
            deltas: vec![delta(1), delta(2)],
        }
    }

    #[test]
    fn rows_come_back_as_they_were_stored_in_whatever_order() {
        let mut stored = fields(&sample());
        stored.push((b"c".to_vec(), b"epoch".to_vec()));
        stored.reverse();
        assert_eq!(rows(CartId([3; 16]), stored), Some(sample()));
        assert_eq!(rows(CartId([3; 16]), Vec::new()), Some(CartRows::default()));
    }

    #[test]
    fn fields_that_are_none_of_ours_are_not_read() {
        for (field, value) in fields(&sample()) {
            let whole = rows(CartId([3; 16]), vec![(field.clone(), value.clone())]);
            assert!(whole.is_some());
            let is_row = field[0] == b's';
            let cut = if is_row {
                (field, value[..15].to_vec())
            } else {
                (field[..field.len() - 1].to_vec(), value)
            };
            assert_eq!(rows(CartId([3; 16]), vec![cut]), None);
        }
        assert_eq!(rows(CartId([3; 16]), vec![(b"x".to_vec(), Vec::new())]), None);
    }
}
