//! A cart's state, and its join. A delta is a state too: a small one.
//!
//! Always true: the dot of every entry is in the context, so a dot in the context without an entry is gone for
//! good (C4), and a dot in neither is not known yet. Literature: optimised OR-sets (arXiv 1210.3368) and
//! delta-state CRDTs (arXiv 1603.01529).
//!
//! A state does not know its own id: it is stored under it.

use crate::{
    context::Context,
    dot::{Dot, WriterId},
    entry::{Entry, Shown, quantity},
    id::CartId,
    lattice::{Join, Register, join_max, join_shared},
    line::{LineKey, List},
    time::{Day, Timestamp},
};
use smallvec::SmallVec;
use smol_str::SmolStr;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry as Slot},
    sync::Arc,
};

/// What is known of one cart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cart {
    /// Live dots and what they contribute. Shared between states: most of a state is that of before.
    pub entries: BTreeMap<Dot, Arc<Entry>>,
    /// Dots that are known, live or gone.
    pub context: Context,
    /// The latest mutation: read by the expiry worker, shown as `updated_at`.
    pub touched: Timestamp,
    /// Currency, e-mail, note and whatever else the cart as a whole carries; `None` is a removed field.
    pub fields: BTreeMap<SmolStr, Register<Option<SmolStr>>>,
    /// Guest carts that were merged into this one, each with the last day on which that was said.
    pub merged: BTreeMap<CartId, Day>,
    /// The account's cart that took this guest's cart in.
    pub merged_into: Option<CartId>,
    /// The subject asked to be forgotten: everything else is dropped.
    pub erased: bool,
}

/// A change, as a state to join.
pub type Delta = Cart;

/// A writer leaves the context when nothing was learned of it for this many days: twice the 30 days that a
/// region may be away, and the journal's week.
pub const CONTEXT_DAYS: u32 = 67;

impl Cart {
    /// The state that is left of an erased cart.
    pub fn erased() -> Self {
        Self { erased: true, ..Self::default() }
    }

    /// A change that so far only says that `dot` was executed at `at`.
    pub fn burning(dot: Dot, at: Timestamp) -> Delta {
        let mut delta = Self { touched: at, ..Self::default() };
        delta.context.insert(dot, at.day());
        delta
    }

    /// True when nothing was ever done to this cart.
    pub fn is_untouched(&self) -> bool {
        *self == Self::default()
    }

    /// Puts an entry in, and its dot into the context.
    pub fn put(&mut self, dot: Dot, entry: impl Into<Arc<Entry>>, day: Day) {
        self.context.insert(dot, day);
        self.entries.insert(dot, entry.into());
    }

    /// Kills a dot: it leaves the entries and stays in the context.
    pub fn kill(&mut self, dot: Dot, day: Day) {
        self.entries.remove(&dot);
        self.context.insert(dot, day);
    }

    /// The entries that can be shown, by dot.
    pub fn shown(&self) -> impl Iterator<Item = (Dot, Shown<'_>)> {
        self.entries.iter().filter_map(|(dot, entry)| Some((*dot, entry.shown()?)))
    }

    /// The entries of one line in both lists, by dot.
    pub fn shown_of(&self, line: LineKey) -> impl Iterator<Item = (Dot, Shown<'_>)> {
        self.shown().filter(move |(_, shown)| shown.line.key() == line)
    }

    /// How many units of a line are in a list.
    pub fn quantity(&self, line: LineKey, list: List) -> u64 {
        quantity(
            self.shown_of(line)
                .filter(|(_, shown)| shown.list == list)
                .map(|(_, shown)| (shown.n, shown.entry.group)),
        )
    }

    /// The greatest logical time of any register: whoever writes having seen this state writes one more.
    pub fn lamport(&self) -> u64 {
        let entries = self.entries.values().flat_map(|entry| {
            [
                entry.place.as_ref().map(|register| register.lamport),
                entry.attributes.as_ref().map(|register| register.lamport),
            ]
        });
        let fields = self.fields.values().map(|register| Some(register.lamport));
        entries.chain(fields).flatten().max().unwrap_or(0)
    }

    /// Marks with `today` every writer of which `previous` knew less, or knew other dots to be live: what the
    /// rule of [`Cart::forget_old_writers`] counts from. Called by whoever rewrites its own row.
    pub fn learned_since(&mut self, previous: &Cart, today: Day) {
        let mut liveness_changed = BTreeSet::new();
        for dot in previous.entries.keys().filter(|dot| !self.entries.contains_key(dot)) {
            liveness_changed.insert(dot.writer);
        }
        for dot in self.entries.keys().filter(|dot| !previous.entries.contains_key(dot)) {
            liveness_changed.insert(dot.writer);
        }
        self.context.learn_on(today, |id, mine| {
            liveness_changed.contains(&id)
                || previous.context.writer(id).is_none_or(|known| known.seqs != mine.seqs)
        });
    }

    /// Drops writers that nobody can speak of any more, so that the context does not grow for ever.
    ///
    /// A writer stays while any of `rows` (every row and every unfolded delta of this cart and of the carts
    /// merged into it, each as it is stored) holds a live entry of it, and for [`CONTEXT_DAYS`] after the last
    /// day on which any row learned something of it.
    pub fn forget_old_writers<'a>(&mut self, rows: impl IntoIterator<Item = &'a Cart>, today: Day) {
        let old = |day: Day| today.since(day) > context_days();
        if !self.context.writers().any(|(_, writer)| old(writer.last_day)) {
            return;
        }
        let mut live: BTreeSet<WriterId> = self.entries.keys().map(|dot| dot.writer).collect();
        for row in rows {
            live.extend(row.entries.keys().map(|dot| dot.writer));
        }
        self.context.retain(|id, writer| live.contains(&id) || !old(writer.last_day));
    }
}

impl Cart {
    /// Entries whose dots the other knows and does not hold leave. It asks for what the other knows, which of a delta is
    /// little, and not for each entry.
    fn bury_what_is_gone_from(&mut self, other: &Self) {
        for (writer, known) in other.context.writers() {
            for (first, last) in known.seqs.iter() {
                let dots = Dot::new(*writer, first)..=Dot::new(*writer, last);
                let gone = self.entries.range(dots).map(|(dot, _)| *dot);
                let gone: SmallVec<[Dot; 4]> = gone.filter(|dot| !other.entries.contains_key(dot)).collect();
                for dot in gone {
                    self.entries.remove(&dot);
                }
            }
        }
    }
}

fn context_days() -> u32 {
    if crate::planted::is_on(crate::planted::Bug::P7ContextDroppedEarly) { 37 } else { CONTEXT_DAYS }
}

impl Join for Cart {
    fn join(&mut self, other: &Self) {
        if self.erased || other.erased {
            *self = Self::erased();
            return;
        }
        // What the other knows to be gone leaves; what it holds and I have not buried comes in.
        self.bury_what_is_gone_from(other);
        for (dot, theirs) in &other.entries {
            match self.entries.entry(*dot) {
                Slot::Occupied(mut mine) => join_shared(mine.get_mut(), theirs),
                Slot::Vacant(place) if !self.context.contains(*dot) => {
                    place.insert(theirs.clone());
                }
                Slot::Vacant(_) => {}
            }
        }
        self.context.join(&other.context);
        self.touched = self.touched.max(other.touched);
        join_max(&mut self.merged_into, other.merged_into.as_ref());
        for (name, theirs) in &other.fields {
            let mut mine = self.fields.remove(name);
            join_max(&mut mine, Some(theirs));
            self.fields.extend(mine.map(|register| (name.clone(), register)));
        }
        for (guest, day) in &other.merged {
            let mine = self.merged.entry(*guest).or_default();
            *mine = (*day).max(*mine);
        }
    }
}
