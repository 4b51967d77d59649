//! Annotate: the shopper's notes on a line, and what the cart as a whole carries.

use super::Stamp;
use crate::{
    entry::Entry,
    lattice::Register,
    line::{LineKey, List, Texts},
    seen::Seen,
    state::{Cart, Delta},
};
use smol_str::SmolStr;
use std::{collections::BTreeMap, sync::Arc};

/// Replaces the attributes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotateLine {
    /// Which line.
    pub line: LineKey,
    /// In which list.
    pub list: List,
    /// All attributes it shall have.
    pub attributes: Arc<Texts>,
    /// What the caller was shown of it.
    pub seen: Seen,
}

/// Sets fields of the cart, and removes those set to `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotateCart {
    /// The fields to change; others stay.
    pub fields: BTreeMap<SmolStr, Option<SmolStr>>,
    /// One more than the greatest logical time that the caller was shown.
    pub lamport: u64,
}

impl AnnotateLine {
    /// Writes the attributes into the dots that were seen.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        let register = Register {
            lamport: self.seen.next_lamport(),
            writer: stamp.dot.writer,
            value: self.attributes.clone(),
        };
        for dot in self.seen.line(self.line).into_iter().flat_map(|line| line.dots_in(self.list)) {
            let entry = Entry { attributes: Some(register.clone()), ..Entry::default() };
            delta.put(dot.dot, entry, stamp.at.day());
        }
        delta
    }
}

impl AnnotateCart {
    /// Writes the fields.
    pub fn delta(&self, stamp: &Stamp) -> Delta {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        for (name, value) in &self.fields {
            let register = Register { lamport: self.lamport, writer: stamp.dot.writer, value: value.clone() };
            delta.fields.insert(name.clone(), register);
        }
        delta
    }
}
