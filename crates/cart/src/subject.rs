//! What is remembered of a subject: the names of their carts, and when they were last erased.
//!
//! The ids of an account's carts are computed from names, so a list of the carts needs the names. A name is said by
//! whoever changes its cart, some time behind the change and again later; to say it twice changes nothing. The active
//! cart's name is never among them.

use crate::{id::CartId, time::Timestamp};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The record of one subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Names of carts that were changed, each with the last moment that is known of such a change.
    pub names: BTreeMap<SmolStr, Timestamp>,
    /// How often the subject was erased.
    pub erasures: u32,
    /// When the subject was last erased; zero if never.
    pub erased_at: Timestamp,
}

/// A named cart that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedChange {
    /// Under which name.
    pub name: SmolStr,
    /// The cart that had this name then.
    pub cart: CartId,
    /// How many carts of this name were erased before.
    pub generation: u32,
    /// When.
    pub at: Timestamp,
}

impl Subject {
    /// Takes in that a named cart was changed, unless an erasure missed it.
    pub fn says(&mut self, change: &NamedChange) {
        if !self.missed(change) {
            // What is said after an erasure is not forgotten with it, though it were the same millisecond.
            let first = if self.erasures == 0 { 0 } else { self.erased_at.0.saturating_add(1) };
            let at = self.names.entry(change.name.clone()).or_default();
            *at = change.at.max(*at).max(Timestamp(first));
        }
    }

    /// True when a cart was changed before the last erasure, which may not have known its name: it has to go. A cart
    /// before which as many were erased as there were erasures came after them all, whatever clocks say.
    pub fn missed(&self, change: &NamedChange) -> bool {
        change.generation < self.erasures && change.at < self.erased_at
    }

    /// Forgets the names that were last said at this moment or before.
    pub fn forget_until(&mut self, at: Timestamp) {
        self.names.retain(|_, said| *said > at);
    }

    /// Forgets a name, unless it was said after this moment.
    pub fn forget(&mut self, name: &str, at: Timestamp) {
        if self.names.get(name).is_some_and(|said| *said <= at) {
            self.names.remove(name);
        }
    }

    /// Counts an erasure. The names stay until their carts are erased: an erasure that broke off is done again.
    pub fn erase(&mut self, at: Timestamp) {
        self.erasures = self.erasures.saturating_add(1);
        self.erased_at = self.erased_at.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, at: u64) -> NamedChange {
        NamedChange { name: name.into(), cart: CartId([1; 16]), generation: 0, at: Timestamp(at) }
    }

    #[test]
    fn saying_a_name_again_changes_nothing_but_its_moment() {
        let mut subject = Subject::default();
        for at in [5, 7, 6] {
            subject.says(&change("office", at));
        }
        assert_eq!(subject.names, BTreeMap::from([("office".into(), Timestamp(7))]));
    }

    #[test]
    fn a_name_from_before_an_erasure_is_not_taken_in_after_it() {
        let mut subject = Subject::default();
        subject.says(&change("office", 5));
        subject.erase(Timestamp(8));
        assert_eq!(subject.names.len(), 1, "until its cart is erased");
        subject.forget_until(Timestamp(8));
        assert!(subject.missed(&change("office", 7)));
        for said in [change("office", 7), change("home", 9)] {
            subject.says(&said);
        }
        assert_eq!(subject.names.keys().collect::<Vec<_>>(), ["home"]);
        let mut at_once = subject.clone();
        at_once.says(&change("office", 8));
        at_once.forget_until(Timestamp(8));
        assert_eq!(at_once.names.len(), 2, "said after the erasure, in its millisecond");
        let slow_clock = NamedChange { generation: 1, ..change("office", 7) };
        assert!(!subject.missed(&slow_clock), "its predecessor was erased");
        subject.forget("home", Timestamp(8));
        assert_eq!(subject.names.len(), 1, "said since");
    }
}
