//! Rows of carts: how a lattice lives on an engine that only knows bytes and last-writer-wins.
//!
//! Each `(cart, owner)` has one snapshot row that only its owner writes, on condition of its version, and any
//! number of immutable deltas that wait to be folded into it. What a cart is, is the join of all of them.

use crate::{capabilities::Capabilities, error::Result};
use async_trait::async_trait;
use bytes::Bytes;
use cart::{CartId, Dot, format};
use smol_str::SmolStr;

/// Bytes of an owner: what callers carry of it.
const OWNER_BYTES_MAX: usize = 24;

/// Who writes a row: a replica domain and its incarnation, such as `local.1`. At most 24 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(SmolStr);

impl Owner {
    /// The owner for a region (at most 16 bytes are kept, 13 beside the longest incarnation) and its incarnation.
    pub fn new(region: &str, incarnation: u32) -> Self {
        let incarnation = incarnation.to_string();
        let room = OWNER_BYTES_MAX - 1 - incarnation.len();
        let region: String = region.chars().filter(char::is_ascii_graphic).take(room.min(16)).collect();
        Self(SmolStr::new(format!("{region}.{incarnation}")))
    }

    /// The region, without the incarnation.
    pub fn region(&self) -> &str {
        self.0.rsplit_once('.').map_or(&self.0, |(region, _)| region)
    }

    /// Reads what [`Owner::as_str`] gave.
    pub fn from_stored(text: &str) -> Self {
        Self(SmolStr::new(text))
    }

    /// As stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Counts the writes of a row or record, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The version of the next write.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Names a snapshot row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// Whose.
    pub cart: CartId,
    /// Written by whom.
    pub owner: Owner,
}

/// A minute since 1970 in which a delta was inserted: deltas are folded and deleted by bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(pub u64);

/// Names a delta row: the same for a repeated insert in the same bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeltaKey {
    /// Whose.
    pub cart: CartId,
    /// Who is to fold it.
    pub owner: Owner,
    /// When this insert was attempted.
    pub bucket: Bucket,
    /// The operation id.
    pub operation: Dot,
    /// A hash of the value, so that two values of one operation do not overwrite one another.
    pub value_hash: u64,
}

/// Says when a delta that was taken in is durable. Later ones are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

impl Ticket {
    /// Of what is durable already.
    pub const DURABLE: Self = Self(0);
}

/// One owner's row as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Who wrote it.
    pub owner: Owner,
    /// Which write this is.
    pub version: Version,
    /// Deltas of this owner up to this bucket are in it.
    pub folded_through: Bucket,
    /// A state in the stored format of the `cart` crate.
    pub bytes: Bytes,
}

/// A delta as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaRow {
    /// Its name.
    pub key: DeltaKey,
    /// A delta in the stored format of the `cart` crate.
    pub bytes: Bytes,
}

/// All rows of a cart that can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CartRows {
    /// Snapshot rows, by owner.
    pub snapshots: Vec<Snapshot>,
    /// Deltas that are not folded yet.
    pub deltas: Vec<DeltaRow>,
}

/// Tells the rows of a cart from all others that it ever had, or will have, while its store is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition(pub [u64; 3]);

/// Rows that were had without waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowsAtHand {
    /// What an eventual load shows.
    pub rows: CartRows,
    /// Which edition of them, where the store tells editions.
    pub edition: Option<Edition>,
}

/// What came to rows of an edition that was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The deltas, in order: none where the rows are the same.
    pub deltas: Vec<DeltaRow>,
    /// Which edition the rows are of with them.
    pub edition: Edition,
}

/// What shows of a cart's rows without decoding them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// False where no row says that the cart is erased, or was taken in by another.
    pub may_be_closed: bool,
    /// Bytes of all rows.
    pub bytes: u64,
}

impl Glance {
    /// That of these rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a [u8]>) -> Self {
        rows.into_iter().fold(Self::default(), |glance, row| Self {
            may_be_closed: glance.may_be_closed || format::may_be_closed(row),
            bytes: glance.bytes + row.len() as u64,
        })
    }
}

/// How new a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Whatever the nearest replica has.
    Eventual,
    /// Every write that was acknowledged in this region.
    Strong,
}

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It is the row now, in this version.
    Applied(Version),
    /// The row is another; `None` when there is none.
    Conflict(Option<Snapshot>),
}

/// Keeps the rows of carts.
#[async_trait]
pub trait CartStore: Send + Sync + 'static {
    /// What the engine says of itself.
    fn capabilities(&self) -> Capabilities;

    /// All rows of a cart, in one round trip. A cart that has none is not an error.
    async fn load(&self, cart: CartId, consistency: Consistency) -> Result<CartRows>;

    /// The rows of an eventual [`Self::load`] where they can be had without waiting for anything; `None` says nothing of them.
    fn load_at_hand(&self, cart: CartId) -> Result<Option<RowsAtHand>> {
        let _ = cart;
        Ok(None)
    }

    /// What [`Self::load_at_hand`] would give beyond the rows of an edition that it gave before: nothing but further deltas.
    /// `None` where that cannot be told without making the rows, or is not so.
    fn grown_since(&self, cart: CartId, edition: Edition) -> Option<Grown> {
        let _ = (cart, edition);
        None
    }

    /// What shows of a cart's rows without a round trip, those included that are taken in and not durable yet. `None` where
    /// only [`Self::load`] can say.
    async fn glance(&self, cart: CartId) -> Result<Option<Glance>> {
        let _ = cart;
        Ok(None)
    }

    /// Writes the own row if its version is `expected` (`None`: if there is none), naming the bucket through
    /// which deltas are folded into it.
    async fn replace(
        &self,
        key: &RowKey,
        expected: Option<Version>,
        folded_through: Bucket,
        bytes: Bytes,
    ) -> Result<Replaced>;

    /// Inserts a delta: blind, immutable, idempotent. Acknowledged means durable.
    async fn append(&self, key: &DeltaKey, bytes: Bytes) -> Result<()>;

    /// Takes a delta in; [`Self::durable`] says when the insert is done. No load shows it before.
    ///
    /// Deltas of one cart that are taken in one after the other become durable in that order: once one does not, none
    /// after it does. An engine that cannot promise this does the whole insert here, as this does.
    async fn take_in(&self, key: &DeltaKey, bytes: Bytes) -> Result<Ticket> {
        self.append(key, bytes).await.map(|()| Ticket::DURABLE)
    }

    /// Waits until a delta that was taken in is durable.
    async fn durable(&self, ticket: Ticket) -> Result<()> {
        debug_assert_eq!(ticket, Ticket::DURABLE, "an engine that gives tickets waits for them");
        Ok(())
    }

    /// Removes the own row if its version is `version`.
    async fn remove(&self, key: &RowKey, version: Version) -> Result<Replaced>;

    /// Removes the deltas of an owner up to a bucket that its row has folded.
    async fn remove_deltas(&self, key: &RowKey, through: Bucket) -> Result<()>;

    /// Ids of carts behind `after`, in order, at most `limit`, and fewer only at the end: callers take a short page for
    /// the last. May lag.
    async fn scan(&self, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>>;

    /// Ids of carts behind `after` that have unfolded deltas of `owner`, in order, at most `limit`, and
    /// fewer only at the end. May lag.
    async fn find_unfolded(&self, owner: &Owner, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>>;

    /// All owners that were ever registered.
    async fn owners(&self) -> Result<Vec<Owner>>;

    /// Makes an owner known to all readers, before its first write.
    async fn register(&self, owner: &Owner) -> Result<()>;
}
