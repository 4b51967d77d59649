//! From a change that was looked up to its delta in the state of the moment: pure, and done again when the state
//! has moved.

use super::{LineChange, LineOperation};
use crate::error::ServiceError;
use cart::{
    Cart, CartId, Day, Delta, Join,
    item::Item,
    line::{Line, LineId, LineKey, List},
    operation::{Add, AnnotateCart, AnnotateLine, Clear, Move, Operation, Remove, Replace, Set, Stamp},
    seen::{Extent, Seen},
};
use smol_str::SmolStr;
use std::{collections::BTreeMap, sync::Arc};

/// Days after which a token of what was seen is refused.
const SEEN_DAYS_MAX: u32 = 30;

/// A change with everything looked up that it needs from outside the cart.
pub(super) enum Prepared {
    Add(Add),
    Line { change: LineChange, item: Option<Arc<Item>> },
    Clear { list: List, seen: Option<Seen> },
    Fields(BTreeMap<SmolStr, Option<SmolStr>>),
    Replace(Replace),
}

/// What a change is in the current state.
pub(super) fn delta_of(
    prepared: &Prepared,
    cart: CartId,
    state: &Cart,
    stamp: &Stamp,
) -> Result<Delta, ServiceError> {
    let today = stamp.at.day();
    let operation = match prepared {
        Prepared::Add(add) => Operation::Add(add.clone()),
        Prepared::Clear { list, seen } => {
            let seen = seen.clone().map(|seen| checked_whole(seen, cart, state, today)).transpose()?;
            Operation::Clear(Clear { list: *list, seen: Seen::cart_or_now(seen, cart, state, today) })
        }
        Prepared::Fields(fields) => Operation::AnnotateCart(AnnotateCart {
            fields: fields.clone(),
            lamport: state.lamport().saturating_add(1),
        }),
        Prepared::Line { change, item } => line_operation(change, item.as_ref(), cart, state, stamp)?,
        Prepared::Replace(replace) => {
            let seen = checked_whole(replace.seen.clone(), cart, state, today)?;
            let replace = Replace { lines: replace.lines.clone(), seen };
            let notes = notes_of(&replace, state, stamp);
            return Ok(notes.fold(replace.delta(stamp), |delta, notes| delta.joined(&notes)));
        }
    };
    Ok(operation.delta(stamp))
}

/// The notes that a replacement changes on units that were shown; those that it adds come with theirs.
fn notes_of<'a>(replace: &'a Replace, state: &'a Cart, stamp: &'a Stamp) -> impl Iterator<Item = Delta> + 'a {
    let list = List::Cart;
    replace.lines.iter().enumerate().filter_map(move |(index, (key, wanted))| {
        let attributes = wanted.attributes.clone()?;
        let mut shown = state.shown_of(*key).filter(|(_, shown)| shown.list == list);
        let differs = shown.any(|(_, shown)| match &shown.entry.attributes {
            Some(noted) => noted.value != attributes,
            None => !attributes.is_empty(),
        });
        let stamp = Stamp { dot: stamp.dot.of_bulk(index), ..*stamp };
        let notes = AnnotateLine { line: *key, list, attributes, seen: replace.seen.clone() };
        differs.then(|| notes.delta(&stamp))
    })
}

fn line_operation(
    change: &LineChange,
    item: Option<&Arc<Item>>,
    cart: CartId,
    state: &Cart,
    stamp: &Stamp,
) -> Result<Operation, ServiceError> {
    let LineId { key, list } = change.line;
    let today = stamp.at.day();
    let presented = change.seen.clone().map(|seen| {
        let seen = checked(seen, cart, state, today)?;
        if seen.line(key).is_some() { Ok(seen) } else { Err(ServiceError::BadSeen) }
    });
    let is_shown = state.shown_of(key).any(|(_, shown)| shown.list == list);
    if change.seen.is_none() && !is_shown {
        return Err(ServiceError::UnknownLine);
    }
    let seen = Seen::line_or_now(presented.transpose()?, cart, state, key, today);
    Ok(match &change.operation {
        LineOperation::Remove => Operation::Remove(Remove { line: key, list, seen }),
        LineOperation::Move(to) => Operation::Move(Move { line: key, to: *to, seen }),
        LineOperation::Annotate(texts) => Operation::AnnotateLine(AnnotateLine {
            line: key,
            list,
            attributes: Arc::new(texts.clone()),
            seen,
        }),
        LineOperation::Set(to) => {
            let (line, item) = content(&seen, key, item, state, stamp)?;
            Operation::Set(Set { line, list, to: *to, item, seen })
        }
    })
}

/// What a line is, and its item: as the cart holds it, else as the token of what was seen says.
fn content(
    seen: &Seen,
    key: LineKey,
    looked_up: Option<&Arc<Item>>,
    state: &Cart,
    stamp: &Stamp,
) -> Result<(Arc<Line>, Arc<Item>), ServiceError> {
    let held = state.shown_of(key).next().map(|(_, shown)| shown);
    let line = held.map(|shown| shown.line.clone());
    let line = line.or_else(|| seen.line(key)?.line.clone()).ok_or(ServiceError::UnknownLine)?;
    let snapshot = held.and_then(|shown| shown.entry.latest.as_ref().or(shown.entry.added.as_ref()));
    let item = snapshot.map(|snapshot| snapshot.item.clone()).or_else(|| looked_up.cloned());
    Ok((line, item.unwrap_or_else(|| Arc::new(Item::unknown(stamp.at)))))
}

/// The same, and refuses a view of a line where the whole cart is meant.
fn checked_whole(seen: Seen, cart: CartId, state: &Cart, today: Day) -> Result<Seen, ServiceError> {
    if seen.extent == Extent::Cart { checked(seen, cart, state, today) } else { Err(ServiceError::BadSeen) }
}

/// Refuses a view of another cart, or one that is too old.
fn checked(seen: Seen, cart: CartId, state: &Cart, today: Day) -> Result<Seen, ServiceError> {
    let is_known = seen.cart == cart || state.merged.contains_key(&seen.cart);
    if is_known && today.since(seen.day) <= SEEN_DAYS_MAX { Ok(seen) } else { Err(ServiceError::BadSeen) }
}
