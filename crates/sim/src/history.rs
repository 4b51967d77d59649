//! What happened: who asked what, what nodes saw and wrote for it, and what was applied.

use crate::{executor::ExecutionId, request::Asked};
use bytes::Bytes;
use cart::{Cart, CartId, Delta, Dot, Join, Timestamp, format, operation::Merge};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};
use storage::{CartRows, DeltaKey};

/// Everything that was asked and done.
#[derive(Default)]
pub(crate) struct History {
    executions: Mutex<BTreeMap<ExecutionId, Execution>>,
}

/// One request at one node.
#[derive(Clone)]
pub(crate) struct Execution {
    pub(crate) asked: Arc<Asked>,
    /// When the request came, by the node's clock.
    pub(crate) at: Timestamp,
    /// What was read, in order; `None` where the read failed.
    loads: Vec<(CartId, Option<CartRows>)>,
    /// How much had been read before the first write of a cart.
    loads_before_write: BTreeMap<CartId, usize>,
    pub(crate) writes: Vec<Written>,
}

/// One attempt of a write.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) cart: CartId,
    /// The operation, where the engine is told.
    operation: Option<Dot>,
    bytes: Bytes,
    pub(crate) is_applied: bool,
}

impl Written {
    pub(crate) fn row(cart: CartId, bytes: &Bytes) -> Self {
        Self { cart, operation: None, bytes: bytes.clone(), is_applied: false }
    }

    pub(crate) fn delta(key: &DeltaKey, bytes: &Bytes) -> Self {
        Self { cart: key.cart, operation: Some(key.operation), bytes: bytes.clone(), is_applied: false }
    }

    /// What was written. The simulated engine keeps bytes as they are.
    pub(crate) fn state(&self) -> Cart {
        format::decode(&self.bytes).unwrap_or_else(|error| unreachable!("bytes of the service: {error}"))
    }
}

impl History {
    pub(crate) fn begin(&self, asked: Arc<Asked>, at: Timestamp) -> ExecutionId {
        let mut executions = self.executions.lock();
        let id = executions.len() as ExecutionId;
        let (loads, loads_before_write, writes) = (Vec::new(), BTreeMap::new(), Vec::new());
        executions.insert(id, Execution { asked, at, loads, loads_before_write, writes });
        id
    }

    pub(crate) fn loaded(&self, execution: Option<ExecutionId>, cart: CartId, rows: Option<CartRows>) {
        let mut executions = self.executions.lock();
        if let Some(execution) = execution.and_then(|id| executions.get_mut(&id)) {
            execution.loads.push((cart, rows));
        }
    }

    /// A write is on its way; the answer names it for [`History::applied`].
    pub(crate) fn writing(
        &self,
        execution: Option<ExecutionId>,
        written: Written,
    ) -> Option<(ExecutionId, usize)> {
        let mut executions = self.executions.lock();
        let id = execution?;
        let execution = executions.get_mut(&id)?;
        execution.loads_before_write.entry(written.cart).or_insert(execution.loads.len());
        execution.writes.push(written);
        Some((id, execution.writes.len() - 1))
    }

    pub(crate) fn applied(&self, written: Option<(ExecutionId, usize)>) {
        let mut executions = self.executions.lock();
        let Some((id, index)) = written else { return };
        if let Some(execution) = executions.get_mut(&id) {
            execution.writes[index].is_applied = true;
        }
    }

    pub(crate) fn execution(&self, id: ExecutionId) -> Option<Execution> {
        self.executions.lock().get(&id).cloned()
    }

    /// All executions, in the order in which they began.
    pub(crate) fn executions(&self) -> Vec<Execution> {
        self.executions.lock().values().cloned().collect()
    }
}

impl Execution {
    /// The carts on which it was executed, with what was written.
    pub(crate) fn applied(&self) -> impl Iterator<Item = &Written> {
        self.writes.iter().filter(|written| written.is_applied)
    }

    /// True when it was executed on any cart.
    pub(crate) fn is_applied(&self) -> bool {
        self.applied().next().is_some()
    }

    /// What the node knew of a cart when it planned its first write of it.
    pub(crate) fn planned_on(&self, cart: CartId) -> Cart {
        let loads = &self.loads[..self.loads_before_write.get(&cart).copied().unwrap_or(self.loads.len())];
        let starts = (0..loads.len()).rev().filter(|at| loads[*at].0 == cart);
        starts.into_iter().find_map(|at| joined(&loads[at..], self.at)).unwrap_or_default()
    }

    /// The dots of its first write of a cart that were new to the node: those of its own delta. Later attempts hold
    /// what others wrote meanwhile.
    pub(crate) fn new_dots(&self, cart: CartId) -> Vec<Dot> {
        let Some(first) = self.writes.iter().find(|written| written.cart == cart) else { return Vec::new() };
        if let Some(operation) = first.operation {
            return vec![operation];
        }
        let before = self.planned_on(cart);
        dots_of(&first.state()).into_iter().filter(|dot| !before.context.contains(*dot)).collect()
    }
}

/// The dots that a state names.
pub(crate) fn dots_of(state: &Cart) -> Vec<Dot> {
    let dots = state.context.writers().flat_map(|(writer, known)| {
        let seqs = known.seqs.iter().flat_map(|(first, last)| first..=last);
        seqs.map(|seq| Dot::new(*writer, seq))
    });
    dots.collect()
}

/// The join of a cart's rows with those of its merged guests, which are read behind it; `None` when a read failed.
fn joined(loads: &[(CartId, Option<CartRows>)], at: Timestamp) -> Option<Cart> {
    let ((cart, rows), behind) = loads.split_first()?;
    let mut state = join_rows(rows.as_ref()?);
    let merged = state.merged.clone();
    for (guest, rows) in behind.iter().take_while(|(other, _)| other != cart && merged.contains_key(other)) {
        let brought: Delta = Merge { guest: *guest, state: join_rows(rows.as_ref()?) }.brought(at.day());
        state.join(&brought);
    }
    Some(state)
}

fn join_rows(rows: &CartRows) -> Cart {
    let stored = rows.snapshots.iter().map(|row| &row.bytes).chain(rows.deltas.iter().map(|row| &row.bytes));
    stored.fold(Cart::default(), |mut state, bytes| {
        let row = format::decode(bytes);
        state.join(&row.unwrap_or_else(|error| unreachable!("bytes of the service: {error}")));
        state
    })
}
