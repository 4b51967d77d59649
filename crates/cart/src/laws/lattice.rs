//! C1: joining is associative, commutative and idempotent, and loses nothing.

use super::{cases, generators::*};
use crate::{
    Cart,
    context::Context,
    entry::Entry,
    lattice::{Join, Register, join_max, join_min},
};
use proptest::{option, prelude::*};

/// The laws of one lattice type; the arguments are its values' generator and its order, said apart from its join.
macro_rules! lattice {
    ($name:ident, $values:expr, $knows:expr) => {
        mod $name {
            use super::*;

            proptest! {
                #![proptest_config(cases(400))]

                #[test]
                fn is_associative(a in $values, b in $values, c in $values) {
                    prop_assert_eq!(a.joined(&b).joined(&c), a.joined(&b.joined(&c)));
                }

                #[test]
                fn is_commutative(a in $values, b in $values) {
                    prop_assert_eq!(a.joined(&b), b.joined(&a));
                }

                #[test]
                fn is_idempotent(a in $values, b in $values) {
                    prop_assert_eq!(&a.joined(&a), &a);
                    prop_assert_eq!(a.joined(&b).joined(&b), a.joined(&b));
                }

                #[test]
                fn knows_what_either_side_knew(a in $values, b in $values) {
                    let (knows, both) = ($knows, a.joined(&b));
                    prop_assert!(knows(&both, &a) && knows(&both, &b), "{:?}", both);
                }
            }
        }
    };
}

lattice!(a_register_of_the_greatest, greatest(), |more: &Greatest, less: &Greatest| more.0 >= less.0);
lattice!(a_register_of_the_least, least(), |more: &Least, less: &Least| {
    less.0.is_none() || more.0.is_some() && more.0 <= less.0
});
lattice!(an_entry, entry(), entry_knows);
lattice!(a_context, context(), context_knows);
lattice!(a_cart, cart(), cart_knows);

/// A register, absent or present.
#[derive(Clone, Debug, PartialEq)]
struct Greatest(Option<Register<u8>>);

#[derive(Clone, Debug, PartialEq)]
struct Least(Option<u32>);

impl Join for Greatest {
    fn join(&mut self, other: &Self) {
        join_max(&mut self.0, other.0.as_ref());
    }
}

impl Join for Least {
    fn join(&mut self, other: &Self) {
        join_min(&mut self.0, other.0.as_ref());
    }
}

fn greatest() -> impl Strategy<Value = Greatest> {
    option::of(register(0..3u8)).prop_map(Greatest)
}

fn least() -> impl Strategy<Value = Least> {
    option::of(0..4u32).prop_map(Least)
}

/// True when a value that is only ever lowered is known, and not as greater.
fn lowered<T: Ord>(more: &Option<T>, less: &Option<T>) -> bool {
    less.is_none() || (more.is_some() && more <= less)
}

fn entry_knows(more: &Entry, less: &Entry) -> bool {
    lowered(&more.line, &less.line)
        && lowered(&more.origin, &less.origin)
        && lowered(&more.n, &less.n)
        && more.group >= less.group
        && more.place >= less.place
        && more.attributes >= less.attributes
        && lowered(&more.added, &less.added)
        && more.latest >= less.latest
}

fn context_knows(more: &Context, less: &Context) -> bool {
    let days = |id, day| more.writer(id).is_some_and(|writer| writer.last_day >= day);
    more.covers(less) && less.writers().all(|(id, writer)| days(*id, writer.last_day))
}

/// What is gone stays gone (C4), and what is live is at least as known.
pub(super) fn cart_knows(more: &Cart, less: &Cart) -> bool {
    let still = |dot, entry: &Entry| match more.entries.get(dot) {
        Some(now) => entry_knows(now, entry),
        None => more.context.contains(*dot),
    };
    let not_back = |dot| less.entries.contains_key(dot) || !less.context.contains(*dot);
    more.erased
        || !less.erased
            && context_knows(&more.context, &less.context)
            && less.entries.iter().all(|(dot, entry)| still(dot, entry))
            && more.entries.keys().all(not_back)
            && more.entries.keys().all(|dot| more.context.contains(*dot))
            && more.touched >= less.touched
            && more.merged_into >= less.merged_into
            && less.fields.iter().all(|(name, field)| more.fields.get(name).is_some_and(|now| now >= field))
            && less.merged.iter().all(|(guest, day)| more.merged.get(guest).is_some_and(|now| now >= day))
}
