//! Snapshots of items: what the shopper was shown of an item when it was put in, and when it was last
//! refreshed.

use crate::{hash::Parts, money::Money, time::Timestamp};
use smol_str::SmolStr;
use std::sync::Arc;

/// An item as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// What the shop calls it; empty while unknown.
    pub title: SmolStr,
    /// Address of a picture.
    pub image: Option<SmolStr>,
    /// Address of its page.
    pub url: Option<SmolStr>,
    /// Price of one unit; absent while unknown.
    pub price: Option<Money>,
    /// True when the shop's own service named this price for this cart, so that the catalogue does not change it.
    pub quoted: bool,
    /// False when the shop has withdrawn it.
    pub available: bool,
    /// The fewest that can be bought at once.
    pub quantity_min: Option<u32>,
    /// The most that can be bought at once.
    pub quantity_max: Option<u32>,
    /// When this was so.
    pub captured_at: Timestamp,
}

impl Item {
    /// An item of which only the SKU is known: the catalogue was away, or does not have it.
    pub fn unknown(captured_at: Timestamp) -> Self {
        Self {
            title: SmolStr::default(),
            image: None,
            url: None,
            price: None,
            quoted: false,
            available: true,
            quantity_min: None,
            quantity_max: None,
            captured_at,
        }
    }

    /// True when a shopper is shown the same, whenever each was captured.
    pub fn says_the_same(&self, other: &Self) -> bool {
        *self == Self { captured_at: self.captured_at, ..other.clone() }
    }

    /// A digest that settles which of two snapshots with the same stamp is kept, the same in every region.
    pub fn digest(&self) -> u64 {
        let optional = |parts: Parts, text: &Option<SmolStr>| {
            parts.number(u64::from(text.is_some())).bytes(text.as_deref().unwrap_or_default().as_bytes())
        };
        let parts = Parts::new("item").bytes(self.title.as_bytes());
        let parts = optional(optional(parts, &self.image), &self.url);
        let (amount, currency) =
            self.price.map_or((u64::MAX, [0; 3]), |p| (p.amount.cast_unsigned(), p.currency.bytes()));
        let limit = |limit: Option<u32>| limit.map_or(u64::MAX, u64::from);
        parts
            .number(amount)
            .bytes(&currency)
            .number(u64::from(self.quoted) << 1 | u64::from(self.available))
            .number(limit(self.quantity_min))
            .number(limit(self.quantity_max))
            .number(self.captured_at.0)
            .u64()
    }
}

/// A snapshot in its place in time. Ordered by `(stamp, digest)`; the item follows from the digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snapshot {
    /// Milliseconds when put in, or the revision of the catalogue when refreshed.
    pub stamp: u64,
    digest: u64,
    /// What was known.
    pub item: Arc<Item>,
}

impl Snapshot {
    /// The snapshot of `item` at `stamp`.
    pub fn new(stamp: u64, item: Arc<Item>) -> Self {
        Self { stamp, digest: item.digest(), item }
    }

    /// A snapshot whose digest was computed when it was stored.
    pub(crate) fn stored(stamp: u64, digest: u64, item: Arc<Item>) -> Self {
        Self { stamp, digest, item }
    }

    /// The digest of the item.
    pub fn digest(&self) -> u64 {
        self.digest
    }
}
