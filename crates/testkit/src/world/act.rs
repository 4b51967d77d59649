//! What shoppers do, and do again because nobody answered.

use super::{ACCOUNT, Given, Loaded, MS_PER_DAY, Sent, Violation, World, describe::describe};
use crate::{
    climate::Kind,
    meaning::Meaning,
    random::Random,
    shown::Broken,
    store::{CartIndex, Known},
};
use cart::{
    Cart, Delta, Dot, Join,
    item::{Item, Snapshot},
    line::{Line, LineKey, List, Sku, Texts},
    operation::{
        Add, AnnotateCart, AnnotateLine, Clear, Consume, Expire, Move, Operation, Refresh, Remove, Replace,
        Set, Stamp, Wanted,
    },
    planted::{self, Bug},
    quantity::{Quantity, Target},
    seen::Seen,
};
use smol_str::SmolStr;
use std::{collections::BTreeSet, sync::Arc};

impl World {
    pub(super) fn operate(&mut self, random: &mut Random) -> Result<(), Violation> {
        let region = self.random_region(random);
        let addressed = if random.percent(50) { ACCOUNT } else { random.index(self.carts()) };
        let mut loaded = self.load(region, addressed, Some(random))?;
        // A region that knows where a guest's cart went writes there.
        let cart = if loaded.state.merged_into.is_some() { ACCOUNT } else { addressed };
        if cart != addressed {
            loaded = self.load(region, cart, Some(random))?;
        }
        let presented = self.presented(cart, &loaded.state, random);
        let now = || self.view_of(cart, &loaded.state);
        let asked = self.some_operation(cart, &loaded.state, &presented.clone().unwrap_or_else(now), random);
        let operation = self.as_executed(&asked, presented, cart, &loaded.state);
        let dot = if random.percent(40) {
            Dot::new(self.new_writer(), 1)
        } else {
            self.lane_dot(region, cart, &loaded.state)
        };
        let stamp = Stamp { dot, origin: Self::id(addressed), at: self.now };
        let delta = operation.delta(&stamp);
        let words = self.log.is_some().then(|| describe(&asked));
        let sent = self.send(cart, operation, stamp);
        self.sent[sent].meaning = Meaning::of(&asked, &stamp);
        if !self.is_within_limits(sent, &loaded, &delta)? {
            return Ok(());
        }
        let path = self.write((region, cart), &loaded, delta, Known::only(sent), sent, random);
        let words = words.unwrap_or_default();
        let (writer, seq) = (dot.writer.0, dot.seq);
        self.note(|| format!("region {region} cart {cart} by {path:?}: {sent} = {writer}.{seq}: {words}"));
        path.map(drop)
    }

    /// False for an operation that is refused, which leaves no trace. What only takes away is never refused.
    fn is_within_limits(&mut self, sent: usize, loaded: &Loaded, delta: &Delta) -> Result<bool, Violation> {
        let before = &loaded.state;
        let Err(refused) = self.climate.limits.check(before, &before.joined(delta)) else { return Ok(true) };
        self.note(|| format!("{sent} is refused: {refused}"));
        let Sent { operation, meaning, .. } = &self.sent[sent];
        let adds = !meaning.minted.is_empty() || !meaning.fields.is_empty();
        if adds || planted::is_on(Bug::P4MoveAsRemoveAndAdd) || planted::is_on(Bug::P5SetDownMints) {
            return Ok(false);
        }
        Err(Violation { broken: Broken::Size, what: format!("refused with {refused}: {operation:?}") })
    }

    /// Writes down what was sent and what it means.
    pub(super) fn send(&mut self, cart: CartIndex, operation: Operation, stamp: Stamp) -> usize {
        let meaning = Meaning::of(&operation, &stamp);
        self.sent.push(Sent { cart, operation, stamp, meaning, executed_on: BTreeSet::from([cart]) });
        self.sent.len() - 1
    }

    /// The same operation once more, in any region, and after a login on the account's cart.
    pub(super) fn retry(&mut self, random: &mut Random) -> Result<(), Violation> {
        let oldest = self.now.0.saturating_sub(30 * MS_PER_DAY);
        let is_retried = |sent: &Sent| {
            use Operation::{Erase, Merge, Seal};
            sent.stamp.at.0 >= oldest && !matches!(sent.operation, Merge(_) | Seal(_) | Erase(_))
        };
        let recent: Vec<usize> =
            (0..self.sent.len()).filter(|index| is_retried(&self.sent[*index])).collect();
        let Some(&index) = random.pick(&recent) else { return Ok(()) };
        let region = self.random_region(random);
        let Sent { cart: addressed, operation, stamp, .. } = self.sent[index].clone();
        let mut cart = addressed;
        let mut loaded = self.load(region, addressed, Some(random))?;
        if loaded.state.merged_into.is_some() {
            cart = ACCOUNT;
            loaded = self.load(region, cart, Some(random))?;
        }
        // A field says something else on the account than on the guest's cart, so its retry stays with its cart.
        if cart != addressed && matches!(operation, Operation::AnnotateCart(_)) {
            return Ok(());
        }
        let is_replay = loaded.state.context.contains(stamp.dot);
        let known = if is_replay { ", where it is known" } else { "" };
        self.note(|| format!("region {region} cart {cart}: {index} once more{known}"));
        let mut stamp = Stamp { at: self.now, ..stamp };
        if planted::is_on(Bug::P1RetryGetsNewDot) {
            stamp.dot = Dot::new(self.new_writer(), 1);
        } else if is_replay {
            return Ok(());
        }
        let delta = operation.delta(&stamp);
        if !self.is_within_limits(index, &loaded, &delta)? {
            return Ok(());
        }
        self.sent[index].executed_on.insert(cart);
        self.write((region, cart), &loaded, delta, Known::only(index), index, random).map(drop)
    }

    /// What the caller presents: nothing, what it is shown now, or an older view.
    fn presented(&mut self, cart: CartIndex, state: &Cart, random: &mut Random) -> Option<Seen> {
        let now = self.view_of(cart, state);
        self.given.push(Given { at: self.now, seen: now.clone() });
        if random.percent(self.climate.stale_percent) {
            let oldest = self.now.0.saturating_sub(self.climate.seen_days_max * MS_PER_DAY);
            let is_of = |seen: &Seen| seen.cart == now.cart || state.merged.contains_key(&seen.cart);
            let honoured = |given: &&Given| given.at.0 >= oldest && is_of(&given.seen);
            let given: Vec<&Given> = self.given.iter().filter(honoured).collect();
            return random.pick(&given).map(|given| given.seen.clone());
        }
        random.percent(70).then_some(now)
    }

    /// What is executed: with what the product takes for seen where the caller presents `presented`.
    fn as_executed(
        &self,
        asked: &Operation,
        presented: Option<Seen>,
        cart: CartIndex,
        state: &Cart,
    ) -> Operation {
        let (id, day) = (Self::id(cart), self.now.day());
        let line = match asked {
            Operation::Set(set) => set.line.key(),
            Operation::Remove(Remove { line, .. })
            | Operation::Move(Move { line, .. })
            | Operation::AnnotateLine(AnnotateLine { line, .. }) => *line,
            Operation::Clear(_) | Operation::Replace(_) => {
                return seeing(asked, Seen::cart_or_now(presented, id, state, day));
            }
            _ => return asked.clone(),
        };
        seeing(asked, Seen::line_or_now(presented, id, state, line, day))
    }

    fn some_operation(&self, cart: CartIndex, state: &Cart, seen: &Seen, random: &mut Random) -> Operation {
        let line = some_line(random);
        let key = line.key();
        let list = if random.percent(75) { List::Cart } else { List::Saved };
        let item = Arc::new(Item::unknown(self.now));
        let seen = seen.clone();
        match random.weighted(self.climate.kinds, Kind::Add) {
            Kind::Add => {
                let quantity = some_quantity(random);
                let attributes = random.percent(10).then(|| some_note(random));
                Operation::Add(Add { line, list, quantity, attributes, item })
            }
            Kind::Set => {
                let to = some_target(&seen, key, list, random);
                Operation::Set(Set { line, list, to, item, seen })
            }
            Kind::Remove => Operation::Remove(Remove { line: key, list, seen }),
            Kind::Clear => Operation::Clear(Clear { list, seen }),
            Kind::Move => Operation::Move(Move { line: key, to: list.other(), seen }),
            Kind::AnnotateLine => {
                let attributes = some_note(random);
                Operation::AnnotateLine(AnnotateLine { line: key, list, attributes, seen })
            }
            Kind::AnnotateCart => {
                // A guest's fields keep no order among themselves when they are merged: each is written once.
                let name = if cart == ACCOUNT { "note".into() } else { format!("of {}", self.sent.len()) };
                let value = random.percent(80).then(|| SmolStr::from(random.below(3).to_string()));
                let fields = [(SmolStr::from(name), value)].into();
                Operation::AnnotateCart(AnnotateCart { fields, lamport: seen.next_lamport() })
            }
            Kind::Replace => {
                let lines = (0..random.below(3)).map(|_| some_wanted(&seen, &item, random)).collect();
                Operation::Replace(Replace { lines, seen })
            }
            // A worker and a checkout go by what they load.
            Kind::Expire => Operation::Expire(Expire { seen: self.view_of(cart, state) }),
            Kind::Consume => {
                let dots = self.view_of(cart, state).dots_in(List::Cart).collect();
                Operation::Consume(Consume { dots })
            }
            Kind::Refresh => {
                let dots = state.shown().map(|(dot, _)| dot).collect();
                let latest = Snapshot::new(1 + random.below(4), item);
                Operation::Refresh(Refresh { dots, latest })
            }
        }
    }

    fn view_of(&self, cart: CartIndex, state: &Cart) -> Seen {
        Seen::of_cart(Self::id(cart), state, self.now.day())
    }
}

/// The same operation by somebody who is shown something else: the planted bug P11.
pub(super) fn seeing(operation: &Operation, now: Seen) -> Operation {
    let mut operation = operation.clone();
    match &mut operation {
        Operation::Set(Set { seen, .. })
        | Operation::Remove(Remove { seen, .. })
        | Operation::Clear(Clear { seen, .. })
        | Operation::Move(Move { seen, .. })
        | Operation::AnnotateLine(AnnotateLine { seen, .. })
        | Operation::Replace(Replace { seen, .. })
        | Operation::Expire(Expire { seen }) => *seen = now,
        _ => {}
    }
    operation
}

/// One of two lines.
fn some_line(random: &mut Random) -> Arc<Line> {
    let name = if random.percent(75) { "book" } else { "pen" };
    let line = Sku::parse(name).and_then(|sku| Line::new(sku, Texts::default(), None).ok());
    Arc::new(line.unwrap_or_else(|| unreachable!("a plain name")))
}

fn some_quantity(random: &mut Random) -> Quantity {
    Quantity::new(random.between(1, 4)).unwrap_or_else(|| unreachable!("a small number"))
}

/// Somewhere around what was shown.
fn some_target(seen: &Seen, key: LineKey, list: List, random: &mut Random) -> Target {
    let shown = seen.line(key).map_or(0, |line| line.quantity(list));
    let most = u32::try_from(shown).unwrap_or(u32::MAX).saturating_add(3).min(12);
    Target::new(random.between(0, most)).unwrap_or_else(|| unreachable!("a small number"))
}

fn some_note(random: &mut Random) -> Arc<Texts> {
    Arc::new(Texts::from([("note".into(), random.below(3).to_string().into())]))
}

fn some_wanted(seen: &Seen, item: &Arc<Item>, random: &mut Random) -> (LineKey, Wanted) {
    let line = some_line(random);
    let to = some_target(seen, line.key(), List::Cart, random);
    (line.key(), Wanted { line, to, attributes: None, item: item.clone() })
}
