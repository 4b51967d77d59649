//! Join: the one way in which two pieces of knowledge about a cart become one.
//!
//! Laws, tested for every type that implements [`Join`]: joining is associative, commutative and idempotent,
//! and the result knows everything that either side knew. So it does not matter in which order, how often or
//! along which way knowledge arrives.
//!
//! An absent register is the bottom of its lattice: joining it changes nothing.

use crate::dot::WriterId;
use std::sync::Arc;

/// A join-semilattice.
pub trait Join {
    /// Takes in everything that `other` knows.
    fn join(&mut self, other: &Self);

    /// The join of two values, leaving both as they were.
    fn joined(&self, other: &Self) -> Self
    where
        Self: Clone,
    {
        let mut both = self.clone();
        both.join(other);
        both
    }
}

/// Joins a value that states share: what says the same already stays shared.
pub(crate) fn join_shared<T: Join + Clone + Eq>(mine: &mut Arc<T>, other: &Arc<T>) {
    if mine != other {
        Arc::make_mut(mine).join(other);
    }
}

/// Keeps the smaller of two present values.
pub(crate) fn join_min<T: Ord + Clone>(mine: &mut Option<T>, other: Option<&T>) {
    if let Some(other) = other
        && mine.as_ref().is_none_or(|mine| other < mine)
    {
        *mine = Some(other.clone());
    }
}

/// Keeps the greater of two present values.
pub(crate) fn join_max<T: Ord + Clone>(mine: &mut Option<T>, other: Option<&T>) {
    if let Some(other) = other
        && mine.as_ref().is_none_or(|mine| other > mine)
    {
        *mine = Some(other.clone());
    }
}

/// A value that the latest writer decides: greatest `(lamport, writer, value)` wins.
///
/// `lamport` is one more than the greatest that the writer had been shown, so whoever saw a value and then
/// changed it wins, and only concurrent changes are settled by the writer's number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Register<T> {
    /// Logical time: 0 for values given together with an add or taken over by a merge.
    pub lamport: u64,
    /// Who wrote it: settles concurrent writes.
    pub writer: WriterId,
    /// What was written.
    pub value: T,
}
