//! Digests of what a cart holds, and of what is shown with it.
//!
//! The first is equal in two regions when they hold the same, whatever they remember beside.
//!
//! Context, days and the moment of the last touch do not count: an operation that changes nothing a shopper
//! could see does not change the digest. Neither does a refresh: what is newest of an item is shown beside the state,
//! wherever it is known from.

use crate::{hash::Parts, item::Snapshot, line::List, state::Cart, view::Surroundings};

/// Bytes that go into the digest of an entry without attributes: seven numbers and a key, each behind its length.
const BYTES_PER_ENTRY: usize = 144;

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

    /// 64 bits of a digest over what a view of this state is made of beside it: the newest items, the shop's currency,
    /// and whether it may be stale. Items count where the catalogue knows them newer or not; no view has to be made.
    pub fn overlay_digest(&self, surroundings: &Surroundings<'_>, lagging: bool) -> u64 {
        let parts = Parts::new("overlay").number(u64::from(lagging)).bytes(&surroundings.currency.bytes());
        // Of a line that stands in several entries this may be more than is shown: no harm is done by another tag.
        let units: u64 = self.entries.values().filter_map(|entry| entry.n).map(u64::from).sum();
        let parts = self.shown().fold(parts, |parts, (dot, shown)| {
            let scarce = surroundings.scarce(shown.line.sku(), units).map_or(u64::MAX, |available| available);
            let parts = parts.number(scarce).number(u64::from(surroundings.claimed.contains(&dot)));
            let newest = (surroundings.newest)(shown.line.sku()).max(shown.entry.latest.clone());
            let (stamp, digest) = newest.map_or((0, 0), |newest| (newest.stamp, newest.digest()));
            parts.number(stamp).number(digest)
        });
        parts.u64()
    }
}
