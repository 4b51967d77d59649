//! Erase: the subject asked to be forgotten.

use super::Stamp;
use crate::state::{Cart, Delta};

/// Drops everything but the cart's id, for good. The guests in `merged` are erased with it, each by an
/// operation of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erase;

impl Erase {
    /// The erased state absorbs every other.
    pub fn delta(&self, _: &Stamp) -> Delta {
        Cart::erased()
    }
}
