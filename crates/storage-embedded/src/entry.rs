//! What the table knows of one key: the last durable state, and the changes that wait to join it.
//!
//! A write only adds a change. Changes join the state when somebody needs it, and only once their batch is durable:
//! so readers never see what a crash could take back, a write costs no decoding, and a cart that is not loaded is not
//! loaded to be written.

use smallvec::SmallVec;
use storage::cart::format::{self, FormatError};
use storage::cart::{Cart, Join};

use crate::change::{Change, Value};
use crate::row::Row;

/// Bytes that an entry costs in the table beside what it points to.
const ENTRY_BYTES: usize = 200;
/// Bytes that a waiting change costs beside its own.
const PENDING_BYTES: usize = 72;

/// So many durable changes join the state without being asked for: no reader and no fold finds a mountain of them.
const RELIEVE_AT: usize = 32;

/// A change that is in the journal, or on its way there.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) batch: u64,
    pub(crate) change: Change,
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
    pending: SmallVec<[Pending; 1]>,
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
        self.pending.push(Pending { batch, change });
    }

    /// Takes out the changes whose batches are durable.
    pub(crate) fn take_durable(&mut self, durable_through: u64) -> Vec<Pending> {
        let durable = self.durable(durable_through);
        let taken: Vec<Pending> = self.pending.drain(..durable).collect();
        let bytes = |pending: &Pending| PENDING_BYTES + pending.change.heap_bytes();
        self.pending_bytes -= taken.iter().map(bytes).sum::<usize>();
        taken
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
        if self.pending.len() >= RELIEVE_AT && self.durable(durable_through) >= RELIEVE_AT {
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
                self.take_durable(durable_through);
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
        let state = match &self.state {
            State::Known(Some(row)) => row.value.bytes.len(),
            State::Known(None) | State::Unknown | State::Damaged(_) => 0,
        };
        ENTRY_BYTES + state + self.pending_bytes
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
            Change::Delta { owner, bytes } => {
                let delta = format::decode(bytes)?;
                let mut cart = self.cart.take().map_or_else(|| self.decoded(), Ok)?;
                cart.join(&delta);
                self.cart = Some(cart);
                let row = self.row.get_or_insert_with(empty_row);
                row.value.version += 1;
                row.value.owner = owner.clone();
                row.through = pending.batch;
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

    fn decoded(&self) -> Result<Cart, FormatError> {
        self.row.as_ref().map_or_else(|| Ok(Cart::default()), |row| format::decode(&row.value.bytes))
    }

    fn finish(self) -> Option<Row> {
        let mut row = self.row?;
        if let Some(cart) = &self.cart {
            row.value.bytes = format::encode(cart).into();
        }
        Some(row)
    }
}

fn empty_row() -> Row {
    let value = Value { version: 0, order: None, owner: Default::default(), bytes: Default::default() };
    Row { through: 0, value }
}
