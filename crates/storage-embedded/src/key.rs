//! Keys: one ordered space of bytes for everything that the engine keeps.
//!
//! ```text
//! c | cart id                          a cart
//! i | sku                              an item of the catalogue
//! l | table u8 | key                   a linearizable record
//! o | owner                            a registered owner
//! q | key | batch u64 | number u32     a change that waits for a row that cannot be read
//! x | group u8 | moment u64 | key      the order index: a record by its due moment, an item by its revision
//! ```
//! Numbers are big-endian, so that bytes sort as numbers do.

use smallvec::SmallVec;
use storage::cart::CartId;
use storage::cart::line::Sku;
use storage::{LinearTable, Owner};

/// A key; those of carts stay inline.
pub(crate) type Key = SmallVec<[u8; 24]>;

const CART: u8 = b'c';
const ITEM: u8 = b'i';
const LINEAR: u8 = b'l';
const OWNER: u8 = b'o';
const QUARANTINE: u8 = b'q';
const ORDER: u8 = b'x';
/// Tables count from 0; the catalogue stands behind them.
const CATALOG_GROUP: u8 = 0xff;

/// The order index of which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group(u8);

impl Group {
    pub(crate) const CATALOG: Self = Self(CATALOG_GROUP);

    pub(crate) fn of_table(table: LinearTable) -> Self {
        Self(table_number(table))
    }
}

/// Stored: a table keeps its number for ever.
fn table_number(table: LinearTable) -> u8 {
    match table {
        LinearTable::Ledger => 0,
        LinearTable::Stock => 1,
        LinearTable::Order => 2,
        LinearTable::Merge => 3,
        LinearTable::Subject => 4,
        LinearTable::Idempotency => 5,
        LinearTable::Shop => 6,
        LinearTable::Refresh => 7,
        LinearTable::Shelf => 8,
        LinearTable::OrderList => 9,
    }
}

fn parts(parts: &[&[u8]]) -> Key {
    let mut key = Key::new();
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

pub(crate) fn cart(cart: CartId) -> Key {
    parts(&[&[CART], &cart.0])
}

/// The cart of a key that [`cart`] made.
pub(crate) fn cart_of(key: &[u8]) -> Option<CartId> {
    key.strip_prefix(&[CART])?.try_into().ok().map(CartId)
}

pub(crate) fn item(sku: &Sku) -> Key {
    parts(&[&[ITEM], sku.as_bytes()])
}

pub(crate) fn linear(table: LinearTable, key: &[u8]) -> Key {
    parts(&[&[LINEAR, table_number(table)], key])
}

pub(crate) fn owner(owner: &Owner) -> Key {
    parts(&[&[OWNER], owner.as_str().as_bytes()])
}

/// The owner of a key that [`owner`] made.
pub(crate) fn owner_of(key: &[u8]) -> Option<Owner> {
    let text = std::str::from_utf8(key.strip_prefix(&[OWNER])?).ok()?;
    Some(Owner::from_stored(text))
}

pub(crate) fn quarantine(key: &[u8], batch: u64, number: u32) -> Key {
    parts(&[&[QUARANTINE], key, &batch.to_be_bytes(), &number.to_be_bytes()])
}

/// The key, and the batch, of a change in quarantine.
pub(crate) fn quarantined(place: &[u8]) -> Option<(&[u8], u64)> {
    let (rest, _number) = place.strip_prefix(&[QUARANTINE])?.split_last_chunk::<4>()?;
    let (key, batch) = rest.split_last_chunk::<8>()?;
    Some((key, u64::from_be_bytes(*batch)))
}

/// From the first change in quarantine to behind the last.
pub(crate) fn quarantine_range() -> (Key, Key) {
    (parts(&[&[QUARANTINE]]), parts(&[&[QUARANTINE + 1]]))
}

/// The index entry of `key`, a record's or an item's, at this moment or revision; `None` for other kinds.
pub(crate) fn order_of(key: &[u8], moment: u64) -> Option<Key> {
    match key.split_first()? {
        (&LINEAR, rest) => {
            let (table, rest) = rest.split_first()?;
            Some(order(Group(*table), moment, rest))
        }
        (&ITEM, sku) => Some(order(Group::CATALOG, moment, sku)),
        _ => None,
    }
}

/// The index entry of a user's key; with an empty one, the first of its moment.
pub(crate) fn order(group: Group, moment: u64, key: &[u8]) -> Key {
    parts(&[&[ORDER, group.0], &moment.to_be_bytes(), key])
}

/// Behind every index entry of the group.
pub(crate) fn order_end(group: Group) -> Key {
    match group.0.checked_add(1) {
        Some(next) => parts(&[&[ORDER, next]]),
        None => parts(&[&[ORDER + 1]]),
    }
}

/// The first key behind this one.
pub(crate) fn behind(key: &[u8]) -> Key {
    parts(&[key, &[0]])
}

/// What an index entry says: the moment, the user's key, and the key of the record or item itself.
pub(crate) fn ordered(entry: &[u8]) -> Option<(u64, &[u8], Key)> {
    let (group, rest) = entry.strip_prefix(&[ORDER])?.split_first()?;
    let (moment, user_key) = rest.split_first_chunk::<8>()?;
    let key = match *group {
        CATALOG_GROUP => parts(&[&[ITEM], user_key]),
        table => parts(&[&[LINEAR, table], user_key]),
    };
    Some((u64::from_be_bytes(*moment), user_key, key))
}

/// From the first cart to behind the last.
pub(crate) fn carts_range() -> (Key, Key) {
    (parts(&[&[CART]]), parts(&[&[CART + 1]]))
}

/// From the first owner to behind the last.
pub(crate) fn owners_range() -> (Key, Key) {
    (parts(&[&[OWNER]]), parts(&[&[OWNER + 1]]))
}

/// Which of the 256 shards keeps the key. Carts are spread by their first byte, so that shards are in key order.
pub(crate) fn shard_of(key: &[u8]) -> usize {
    match key {
        [CART, first, ..] => usize::from(*first),
        _ => usize::from(crc32c::crc32c(key).to_le_bytes()[0]),
    }
}

pub(crate) fn is_cart(key: &[u8]) -> bool {
    key.first() == Some(&CART)
}

/// For the operator's eyes.
pub(crate) fn describe(key: &[u8]) -> String {
    match key.split_first() {
        Some((&CART, _)) => cart_of(key).map_or_else(|| "a cart".to_owned(), |cart| format!("cart {cart}")),
        Some((&ITEM, sku)) => format!("item {}", sku.escape_ascii()),
        Some((&LINEAR, [table, rest @ ..])) => {
            let table = LinearTable::ALL.into_iter().find(|known| table_number(*known) == *table);
            format!("{} {}", table.map_or("record", LinearTable::as_str), rest.escape_ascii())
        }
        _ => format!("record {}", key.escape_ascii()),
    }
}
