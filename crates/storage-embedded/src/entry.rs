//! What the table knows of one key: the last durable state, and the changes that wait to join it.
//!
//! A write only adds a change. Changes join the state when somebody needs it, and only once their batch is durable:
//! so readers never see what a crash could take back, a write costs no decoding, and a cart that is not loaded is not
//! loaded to be written.

use bytes::Bytes;
use smol_str::SmolStr;
use storage::cart::format::{self, FormatError};
use storage::cart::{Cart, Join};
use storage::{Edition, Glance};

use crate::change::{Change, DeltaName, Value};
use crate::key::Key;
use crate::row::Row;

/// Bytes of memory that an entry takes beside what it points to: its own, and its places in the table and in the cache's
/// list, which are half empty at times.
const ENTRY_BYTES: usize = size_of::<Entry>() + 3 * size_of::<Key>();
/// Bytes beside its own that a value or a waiting change takes once it has been shared.
const SHARED_BYTES: usize = 32;
const PENDING_BYTES: usize = size_of::<Pending>() + SHARED_BYTES;

/// So many durable changes join the state without being asked for, once they take half as much memory as it: no reader and
/// no fold finds a mountain of them, and a large cart is not encoded again for a few bytes.
const RELIEVE_AT: usize = 16;

/// A durable row and the deltas that wait beside it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Apart {
    pub(crate) row: Option<Row>,
    pub(crate) deltas: Vec<NamedDelta>,
}

/// A delta as its writer named it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedDelta {
    pub(crate) name: DeltaName,
    pub(crate) owner: SmolStr,
    pub(crate) bytes: Bytes,
}

/// A change that is in the journal, or on its way there.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) batch: u64,
    pub(crate) change: Change,
}

impl Pending {
    fn is_named(&self) -> bool {
        matches!(self.change, Change::Delta { name: Some(_), .. })
    }

    fn named(&self) -> Option<NamedDelta> {
        match &self.change {
            Change::Delta { owner, bytes, name } => {
                Some(NamedDelta { name: (*name)?, owner: owner.clone(), bytes: bytes.clone() })
            }
            Change::Put(_) | Change::Remove => None,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) enum State {
    /// The base has not been asked yet.
    #[default]
    Unknown,
    /// All that is durable, but for the pending changes.
    Known(Option<Row>),
    /// The base holds bytes that cannot be read; they are not written over.
    Damaged(FormatError),
}

#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) state: State,
    /// In batch order.
    pending: Vec<Pending>,
    pending_bytes: usize,
    /// The state is not in the base as it is here.
    pub(crate) unfolded: bool,
    /// The moment under which the base's order index has the row.
    pub(crate) stored_order: Option<u64>,
    /// Reads of the base that are under way: the entry must stay until they end.
    pub(crate) loads: u32,
    /// Read since the cache last looked at it.
    pub(crate) recently_used: bool,
    /// In the cache's list.
    pub(crate) listed: bool,
    /// As it was last counted, in bytes.
    pub(crate) counted: usize,
}

impl Entry {
    /// The base has been asked. What it holds counts only if nobody else was first.
    pub(crate) fn install(&mut self, found: Result<Option<Row>, FormatError>) {
        if !matches!(self.state, State::Unknown) {
            return;
        }
        self.state = match found {
            Ok(row) => {
                self.stored_order = row.as_ref().and_then(|row| row.value.order);
                State::Known(row)
            }
            Err(damage) => State::Damaged(damage),
        };
    }

    /// A change was queued.
    pub(crate) fn push(&mut self, batch: u64, change: Change) {
        self.pending_bytes += PENDING_BYTES + change.heap_bytes();
        if self.pending.is_empty() {
            // Most have one; a vector would make room for four.
            self.pending.reserve_exact(1);
        }
        self.pending.push(Pending { batch, change });
    }

    /// Lets go of the changes whose batches are durable.
    fn drop_durable(&mut self, durable_through: u64) {
        let durable = self.durable(durable_through);
        // Not drained: the room for what leaves would stay.
        let left = self.pending.split_off(durable);
        let taken = std::mem::replace(&mut self.pending, left);
        let bytes = |pending: &Pending| PENDING_BYTES + pending.change.heap_bytes();
        self.pending_bytes -= taken.iter().map(bytes).sum::<usize>();
    }

    /// The changes whose batches are durable.
    pub(crate) fn waiting(&self, durable_through: u64) -> &[Pending] {
        &self.pending[..self.durable(durable_through)]
    }

    fn durable(&self, durable_through: u64) -> usize {
        self.pending.partition_point(|pending| pending.batch <= durable_through)
    }

    /// The batch of the last change that waits.
    pub(crate) fn last_batch(&self) -> Option<u64> {
        self.pending.last().map(|pending| pending.batch)
    }

    /// As [`Self::settle`], if it is worth it.
    pub(crate) fn relieve(&mut self, durable_through: u64) {
        let is_worth_it = self.pending.len() >= RELIEVE_AT && self.pending_bytes >= self.state_bytes() / 2;
        if is_worth_it && self.durable(durable_through) >= RELIEVE_AT {
            self.settle(durable_through);
        }
    }

    /// Joins the changes whose batches are durable. Leaves all as it is where the state is not known, or damaged.
    pub(crate) fn settle(&mut self, durable_through: u64) {
        let durable = self.durable(durable_through);
        let State::Known(row) = &mut self.state else { return };
        if durable == 0 {
            return;
        }
        let settled = {
            let mut settling = Settling::from(row.clone());
            let changes = &self.pending[..durable];
            changes.iter().try_for_each(|pending| settling.apply(pending)).map(|()| settling.finish())
        };
        match settled {
            Ok(settled) => {
                self.unfolded |= *row != settled;
                *row = settled;
                self.drop_durable(durable_through);
            }
            Err(damage) => self.state = State::Damaged(damage),
        }
    }

    /// The durable row; `None` when the base must be asked first.
    pub(crate) fn look(&mut self, durable_through: u64) -> Result<Option<Option<Row>>, FormatError> {
        self.recently_used = true;
        self.settle(durable_through);
        match &self.state {
            State::Unknown => Ok(None),
            State::Known(row) => Ok(Some(row.clone())),
            State::Damaged(damage) => Err(damage.clone()),
        }
    }

    /// As [`Self::look`], for whoever joins by himself: deltas are shown as they were written, and nothing is decoded.
    pub(crate) fn look_apart(&mut self, durable_through: u64) -> Result<Option<Apart>, FormatError> {
        let deltas: Option<Vec<NamedDelta>> =
            self.waiting(durable_through).iter().map(Pending::named).collect();
        match (&self.state, deltas) {
            (State::Known(row), Some(deltas)) => {
                self.recently_used = true;
                Ok(Some(Apart { row: row.clone(), deltas }))
            }
            // Something else than deltas, or deltas that came back from the journal and have no names.
            _ => Ok(self.look(durable_through)?.map(|row| Apart { row, deltas: Vec::new() })),
        }
    }

    /// Tells what [`Self::look_apart`] shows from all that it ever showed: changes join and become durable batch by batch,
    /// and no batch comes again. `None` where that would change something.
    pub(crate) fn edition(&mut self, durable_through: u64) -> Option<Edition> {
        let State::Known(row) = &self.state else { return None };
        let durable = self.waiting(durable_through);
        if !durable.iter().all(Pending::is_named) {
            return None;
        }
        let (version, through) = row.as_ref().map_or((0, 0), |row| (row.value.version, row.through));
        let last = durable.last().map_or(through, |pending| pending.batch);
        self.recently_used = true;
        Some(Edition([version, through, last]))
    }

    /// What [`Self::look_apart`] shows beyond what it showed as that edition: deltas of later batches, beside the same row.
    pub(crate) fn grown_since(
        &mut self,
        known: Edition,
        durable_through: u64,
    ) -> Option<(Vec<NamedDelta>, Edition)> {
        let Edition([version, through, last]) = known;
        // Whoever was told that edition may have looked a little later at what is durable.
        let durable_through = durable_through.max(last);
        let now = self.edition(durable_through)?;
        // Without a row nothing tells whether there was one in between but what waited then, and waits no longer.
        let waits = |batch| self.pending.binary_search_by_key(&batch, |pending| pending.batch).is_ok();
        if [version, through] != now.0[..2] || (last > through && !waits(last)) {
            return None;
        }
        let later = self.durable(last)..self.durable(durable_through);
        let deltas = self.pending[later].iter().map(Pending::named).collect::<Option<_>>()?;
        Some((deltas, now))
    }

    /// What shows without decoding, with all changes, durable or not; `None` when the base must be asked first. What
    /// cannot be told is taken for closed.
    pub(crate) fn glance(&mut self) -> Option<Glance> {
        self.recently_used = true;
        let closed = Glance { may_be_closed: true, bytes: 0 };
        let state = match &self.state {
            State::Unknown => return None,
            State::Damaged(_) => return Some(closed),
            State::Known(row) => row.iter().map(|row| &*row.value.bytes),
        };
        if !self.pending.iter().all(|pending| matches!(pending.change, Change::Delta { .. })) {
            return Some(closed);
        }
        Some(Glance::of(state.chain(self.pending.iter().map(|pending| pending.change.bytes()))))
    }

    /// The state, as far as it is joined.
    pub(crate) fn row(&self) -> Option<&Row> {
        match &self.state {
            State::Known(row) => row.as_ref(),
            State::Unknown | State::Damaged(_) => None,
        }
    }

    /// True when the base has been asked.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self.state, State::Unknown)
    }

    /// Why nothing may be written, where that is known.
    pub(crate) fn damage(&self) -> Option<FormatError> {
        match &self.state {
            State::Damaged(damage) => Some(damage.clone()),
            State::Unknown | State::Known(_) => None,
        }
    }

    /// The version that a write meets: with all changes, durable or not. `None` where there is nothing.
    ///
    /// The state is known.
    pub(crate) fn version(&self) -> Option<u64> {
        let State::Known(row) = &self.state else { return None };
        let through = row.as_ref().map_or(0, |row| row.through);
        let version = row.as_ref().map(|row| row.value.version);
        let pending = self.pending.iter().filter(|pending| pending.batch > through);
        pending.fold(version, |version, pending| pending.change.version_after(version))
    }

    /// The moment under which the order index has it, with all changes. The state is known.
    pub(crate) fn order(&self) -> Option<u64> {
        let State::Known(row) = &self.state else { return None };
        let order = row.as_ref().and_then(|row| row.value.order);
        self.pending.iter().fold(order, |order, pending| match &pending.change {
            Change::Put(value) => value.order,
            Change::Delta { .. } => order,
            Change::Remove => None,
        })
    }

    /// True while it holds what the base does not.
    pub(crate) fn is_dirty(&self) -> bool {
        self.unfolded || !self.pending.is_empty()
    }

    /// True when dropping it would lose nothing.
    pub(crate) fn is_evictable(&self) -> bool {
        !self.is_dirty() && self.loads == 0
    }

    /// Bytes of memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        ENTRY_BYTES + self.state_bytes() + self.pending_bytes
    }

    fn state_bytes(&self) -> usize {
        self.row().map_or(0, |row| SHARED_BYTES + row.value.bytes.len())
    }
}

/// A state while changes are joined to it; decoded at most once, and only if there are deltas.
struct Settling {
    row: Option<Row>,
    /// The cart that `row` stands for, further than its bytes.
    cart: Option<Cart>,
    /// Changes of batches up to this one are in the row already: they come again when a journal is replayed.
    known_through: u64,
}

impl Settling {
    fn from(row: Option<Row>) -> Self {
        let known_through = row.as_ref().map_or(0, |row| row.through);
        Self { row, cart: None, known_through }
    }

    fn apply(&mut self, pending: &Pending) -> Result<(), FormatError> {
        if pending.batch <= self.known_through {
            return Ok(());
        }
        match &pending.change {
            Change::Delta { owner, bytes, .. } => {
                let row = match self.row.take() {
                    // A delta is a state: nothing and a delta is the delta.
                    None => Row { through: 0, value: first_value(bytes.clone()) },
                    Some(row) => {
                        let cart = self.cart.take();
                        let mut cart = cart.map_or_else(|| format::decode(&row.value.bytes), Ok)?;
                        cart.join(&format::decode(bytes)?);
                        self.cart = Some(cart);
                        row
                    }
                };
                let value = Value { version: row.value.version + 1, owner: owner.clone(), ..row.value };
                self.row = Some(Row { through: pending.batch, value });
            }
            Change::Put(value) => {
                self.row = Some(Row { through: pending.batch, value: value.clone() });
                self.cart = None;
            }
            Change::Remove => {
                self.row = None;
                self.cart = None;
            }
        }
        Ok(())
    }

    fn finish(self) -> Option<Row> {
        let mut row = self.row?;
        if let Some(cart) = &self.cart {
            row.value.bytes = format::encode(cart).into();
        }
        Some(row)
    }
}

/// Of a cart that was not there, before its first write is counted.
fn first_value(bytes: Bytes) -> Value {
    Value { version: 0, order: None, owner: SmolStr::default(), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::conformance::sample;

    fn delta(seq: u32) -> Change {
        let bytes: Bytes = sample::stored(&sample::add(1, seq, "A"));
        Change::Delta { owner: "local.1".into(), bytes, name: None }
    }

    /// An entry whose base row is known to be absent, with deltas in these batches.
    fn entry(batches: &[u64]) -> Entry {
        let mut entry = Entry::default();
        entry.install(Ok(None));
        for (seq, batch) in (1..).zip(batches) {
            entry.push(*batch, delta(seq));
        }
        entry
    }

    fn dots(entry: &mut Entry, durable_through: u64) -> usize {
        let row = entry.look(durable_through).unwrap().unwrap();
        row.map_or(0, |row| format::decode(&row.value.bytes).unwrap().entries.len())
    }

    #[test]
    fn readers_see_only_what_is_durable() {
        let mut entry = entry(&[4, 4, 5, 6]);
        assert_eq!([3, 4, 5, 6].map(|durable| dots(&mut entry, durable)), [0, 2, 3, 4]);
    }

    #[test]
    fn deltas_stand_apart_until_one_has_no_name_or_all_are_joined() {
        let name = DeltaName {
            bucket: storage::Bucket(1),
            operation: storage::cart::Dot::new(storage::cart::WriterId(1), 9),
            value_hash: 7,
        };
        let mut entry = Entry::default();
        entry.install(Ok(None));
        let Change::Delta { owner, bytes, .. } = delta(9) else { unreachable!() };
        entry.push(5, Change::Delta { owner, bytes, name: Some(name) });
        let apart = entry.look_apart(5).unwrap().unwrap();
        assert_eq!(
            (apart.row, apart.deltas.iter().map(|delta| delta.name).collect::<Vec<_>>()),
            (None, vec![name])
        );
        assert_eq!(entry.look_apart(4).unwrap().unwrap().deltas, [], "not durable yet");
        entry.push(6, delta(10));
        let joined = entry.look_apart(6).unwrap().unwrap();
        assert_eq!((joined.row.map(|row| row.value.version), joined.deltas.len()), (Some(2), 0));
    }

    #[test]
    fn a_glance_sees_what_waits_and_takes_what_it_cannot_tell_for_closed() {
        assert_eq!(Entry::default().glance(), None, "the base has not been asked");
        let mut entry = entry(&[4]);
        let glance = entry.glance().unwrap();
        assert!(!glance.may_be_closed && glance.bytes > 0, "{glance:?}");
        entry.push(5, Change::Put(first_value(sample::stored(&sample::add(1, 2, "A")))));
        assert!(entry.glance().unwrap().may_be_closed);
        let mut damaged = Entry::default();
        damaged.install(Err(FormatError::Checksum));
        assert!(damaged.glance().unwrap().may_be_closed);
    }

    #[test]
    fn many_changes_join_the_state_before_they_are_a_mountain_beside_it() {
        let mut entry = entry(&[]);
        let mut longest = 0;
        for seq in 1..2_000 {
            entry.push(u64::from(seq), delta(seq));
            entry.relieve(u64::from(seq));
            longest = longest.max(entry.pending.len());
            let is_mountain = entry.pending_bytes >= entry.state_bytes() / 2;
            assert!(entry.pending.len() < RELIEVE_AT || !is_mountain, "after {seq}");
        }
        assert!(longest > 2 * RELIEVE_AT, "a large state is encoded for {longest} changes");
        assert_eq!(dots(&mut entry, 2_000), 1_999);
    }

    #[test]
    fn a_version_counts_writes_that_are_on_their_way() {
        let mut entry = entry(&[4, 5]);
        assert_eq!(entry.version(), Some(2));
        assert_eq!(entry.look(4).unwrap().unwrap().unwrap().value.version, 1);
        entry.push(6, Change::Remove);
        assert_eq!(entry.version(), None);
    }

    #[test]
    fn changes_that_the_base_has_are_not_counted_again_after_a_replay() {
        let mut folded = entry(&[4, 5]);
        let row = folded.look(5).unwrap().unwrap();
        let mut replayed = Entry::default();
        for (seq, batch) in [(1, 4), (2, 5), (3, 6)] {
            replayed.push(batch, delta(seq));
        }
        replayed.install(Ok(row));
        assert_eq!(replayed.version(), Some(3));
        assert_eq!(dots(&mut replayed, 6), 3);
        assert_eq!(replayed.version(), Some(3));
    }

    #[test]
    fn what_the_base_says_later_does_not_replace_what_is_known() {
        let mut entry = entry(&[4]);
        assert_eq!(dots(&mut entry, 4), 1);
        entry.install(Ok(None));
        assert_eq!(dots(&mut entry, 4), 1);
    }
}
