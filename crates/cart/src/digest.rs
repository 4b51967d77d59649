//! Digests of what a cart holds, and of what is shown with it.
//!
//! The first is equal in two regions when they hold the same, whatever they remember beside.
//!
//! Context, days and the moment of the last touch do not count: an operation that changes nothing a shopper
//! could see does not change the digest. Neither does a refresh: what is newest of an item is shown beside the state,
//! wherever it is known from.

use crate::{
    dot::Dot,
    hash::Parts,
    item::Snapshot,
    line::{List, Sku},
    money::Currency,
    state::Cart,
};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that go into the digest of an entry without attributes: seven numbers and a key, each behind its length.
const BYTES_PER_ENTRY: usize = 144;
/// The same of an item with its SKU, roughly.
const BYTES_PER_ITEM: usize = 72;

impl Cart {
    /// 64 bits of a digest over entries, fields and erasure.
    pub fn digest(&self) -> u64 {
        let room = BYTES_PER_ENTRY * (self.entries.len() + 1);
        let parts = Parts::with_capacity("cart", room).number(u64::from(self.erased));
        let mut parts = parts.number(self.entries.len() as u64);
        for (dot, entry) in &self.entries {
            let stamp = |snapshot: &Option<Snapshot>| {
                snapshot.as_ref().map_or((0, 0), |snapshot| (snapshot.stamp, snapshot.digest()))
            };
            let place = entry.place.as_ref().map_or(2, |place| u64::from(place.value == List::Saved));
            let added = stamp(&entry.added);
            parts = parts
                .number(dot.writer.0)
                .number(u64::from(dot.seq))
                .number(entry.n.map_or(u64::MAX, u64::from))
                .number(entry.group.0)
                .number(place)
                .bytes(&entry.line.as_ref().map_or([0; 16], |line| line.key().0))
                .number(added.0)
                .number(added.1);
            for (name, value) in entry.attributes.iter().flat_map(|texts| texts.value.iter()) {
                parts = parts.bytes(name.as_bytes()).bytes(value.as_bytes());
            }
        }
        for (name, field) in &self.fields {
            let value = field.value.as_deref();
            parts = parts
                .bytes(name.as_bytes())
                .number(u64::from(value.is_some()))
                .bytes(value.unwrap_or_default().as_bytes());
        }
        parts.u64()
    }

    /// 64 bits of a digest over what a view of this state is made of beside it. No view has to be made, and items that
    /// were looked up are not looked at again one by one.
    pub fn overlay_digest(&self, overlay: &Overlay<'_>) -> u64 {
        let parts = Parts::new("overlay").number(u64::from(overlay.lagging)).bytes(&overlay.currency.bytes());
        let parts = overlay.scarce.iter().fold(parts.number(overlay.newest), |parts, (sku, available)| {
            parts.bytes(sku.as_bytes()).number(*available)
        });
        let claimed = overlay.claimed.iter().filter(|dot| self.entries.contains_key(dot));
        let parts = claimed.fold(parts, |parts, dot| {
            parts.bytes(b"claimed").number(dot.writer.0).number(u64::from(dot.seq))
        });
        // A refreshed item shows where the catalogue's is not newer. Most are none, which is seen first.
        let refreshed = self.entries.iter().filter_map(|(dot, entry)| {
            let latest = entry.latest.as_ref()?;
            let newest = (overlay.newest_of)(entry.shown()?.line.sku());
            newest.is_none_or(|newest| newest < *latest).then_some((*dot, latest))
        });
        let parts = refreshed.fold(parts, |parts, (dot, latest)| {
            parts.bytes(b"latest").number(dot.writer.0).number(u64::from(dot.seq)).number(latest.digest())
        });
        parts.u64()
    }
}

/// What shows in a view beside the state.
pub struct Overlay<'a> {
    /// [`items_digest`] of the newest items of the cart.
    pub newest: u64,
    /// One of them.
    pub newest_of: &'a dyn Fn(&Sku) -> Option<Snapshot>,
    /// Units that can be bought of what is scarce of its items.
    pub scarce: &'a BTreeMap<Sku, u64>,
    /// What checkouts under way have claimed.
    pub claimed: &'a BTreeSet<Dot>,
    /// The shop's.
    pub currency: Currency,
    /// True when it may be stale.
    pub lagging: bool,
}

/// 64 bits of a digest over items as they are now, in the order of their SKUs.
pub fn items_digest<'a>(items: impl ExactSizeIterator<Item = (&'a Sku, &'a Snapshot)>) -> u64 {
    let room = BYTES_PER_ITEM * (items.len() + 1);
    let parts = items.fold(Parts::with_capacity("items", room), |parts, (sku, snapshot)| {
        parts.bytes(sku.as_bytes()).number(snapshot.stamp).number(snapshot.digest())
    });
    parts.u64()
}
