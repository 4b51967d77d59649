//! What all executions mean, cart by cart: the executable model of `testkit` applied to a history.

use crate::{
    history::{Execution, History, dots_of},
    request::{What, dot_of, operation, origin_of},
};
use cart::{
    Cart, CartId, Dot,
    entry::{Entry, Group},
    format::decode_merge_record,
    operation::{Erase, Expire, MergeRecord, Operation, Stamp, Undo},
    seen::Seen,
};
use std::collections::{BTreeMap, BTreeSet};
use storage::{LinearTable, Stores};
use testkit::meaning::{Meaning, Minted, Wish};

/// What is known of all carts.
#[derive(Default)]
pub(super) struct Meanings {
    /// What was executed on each cart.
    pub(super) by_cart: BTreeMap<CartId, Vec<Meaning>>,
    /// Which guests were merged into which account's cart.
    pub(super) merged: BTreeMap<CartId, BTreeSet<CartId>>,
    /// The dots of every cart that anybody ever wrote, applied or not, decided by wish.
    wishes: BTreeMap<Dot, Wish>,
}

impl Meanings {
    /// What the history means. `stores` hold the decisions on merges.
    pub(super) async fn of(history: &History, stores: &Stores) -> Self {
        let mut meanings = Self::default();
        let executions = history.executions();
        let mut undone = Vec::new();
        for execution in &executions {
            match &execution.asked.what {
                What::Undo { guest, .. } => undone.push((execution, *guest)),
                _ => meanings.take(execution),
            }
        }
        let mut records = BTreeMap::new();
        let claims: BTreeSet<(CartId, CartId)> = executions.iter().flat_map(claims_of).collect();
        for (account, guest) in claims {
            if let Some(record) = find_record(stores, account, guest).await {
                records.insert((account, guest), record);
            }
        }
        for ((account, _), record) in &records {
            meanings.take_policy(*account, record, &executions);
        }
        for (execution, guest) in undone {
            meanings.take_undo(execution, guest, &records);
        }
        meanings
    }

    /// Every cart of which anything is known.
    pub(super) fn carts(&self) -> BTreeSet<CartId> {
        let accounts = self.merged.keys().copied();
        self.by_cart.keys().copied().chain(accounts).collect()
    }

    /// What is known on a cart, each with whether it was executed there, no dot minted twice: of one that was, on a
    /// guest's cart and again on the account's, the fewest units and the smallest origin count.
    pub(super) fn known(&self, cart: CartId) -> Vec<(Meaning, bool)> {
        let own = self.by_cart.get(&cart).into_iter().flatten().map(|meaning| (meaning, true));
        let guests = self.merged.get(&cart).into_iter().flatten();
        let brought = guests.filter_map(|guest| self.by_cart.get(guest)).flatten();
        let mut known: Vec<(Meaning, bool)> =
            own.chain(brought.map(|meaning| (meaning, false))).map(|(it, here)| (it.clone(), here)).collect();
        let mut least: BTreeMap<Dot, (u32, CartId)> = BTreeMap::new();
        for minted in known.iter().flat_map(|(meaning, _)| &meaning.minted) {
            let (n, origin) = least.entry(minted.dot).or_insert((minted.n, minted.origin));
            (*n, *origin) = (minted.n.min(*n), minted.origin.min(*origin));
        }
        for minted in known.iter_mut().flat_map(|(meaning, _)| &mut meaning.minted) {
            if let Some((n, origin)) = least.get(&minted.dot) {
                (minted.n, minted.origin) = (*n, *origin);
            }
        }
        let mut minted = BTreeSet::new();
        for (meaning, _) in &mut known {
            meaning.minted.retain(|dot| minted.insert(dot.dot));
        }
        known
    }

    fn add(&mut self, cart: CartId, meaning: Meaning) {
        for minted in &meaning.minted {
            if let Some(wish) = &minted.wish {
                self.wishes.insert(minted.dot, wish.clone());
            }
        }
        self.by_cart.entry(cart).or_default().push(meaning);
    }

    fn take(&mut self, execution: &Execution) {
        let mut carts = BTreeSet::new();
        for written in execution.applied() {
            if !carts.insert(written.cart) {
                continue;
            }
            let cart = written.cart;
            match &execution.asked.what {
                What::Change(identity, change) => {
                    let counted = || execution.new_dots(cart).first().copied();
                    let Some(dot) = dot_of(identity, cart).or_else(counted) else { continue };
                    let stamp = Stamp { dot, origin: origin_of(identity, cart), at: execution.at };
                    let operation = operation(change, cart, &execution.planned_on(cart), &stamp);
                    self.add(cart, Meaning::of(&operation, &stamp));
                }
                What::ChangeAll(identity, changes, _) => {
                    let (stored, planned_on) = (written.state(), execution.planned_on(cart));
                    let Some(dot) = dot_of(identity, cart) else { continue };
                    for (index, change) in changes.iter().enumerate() {
                        let stamp = Stamp {
                            dot: dot.of_bulk(index),
                            origin: origin_of(identity, cart),
                            at: execution.at,
                        };
                        if stored.context.contains(stamp.dot) {
                            let operation = operation(change, cart, &planned_on, &stamp);
                            self.add(cart, Meaning::of(&operation, &stamp));
                        }
                    }
                }
                What::Claim(request) => {
                    if written.state().merged.contains_key(&request.guest.cart) {
                        self.merged.entry(cart).or_default().insert(request.guest.cart);
                    }
                    self.by_cart.entry(cart).or_default();
                }
                What::Expire(_) => {
                    let seen = Seen::of_cart(cart, &execution.planned_on(cart), execution.at.day());
                    self.add(cart, of_operator(&Operation::Expire(Expire { seen }), cart, execution));
                }
                What::Erase(_) => self.add(cart, of_operator(&Operation::Erase(Erase), cart, execution)),
                What::Read | What::Undo { .. } => {}
            }
        }
    }

    /// A policy means what its decision says, once anybody has written it down.
    fn take_policy(&mut self, account: CartId, record: &MergeRecord, executions: &[Execution]) {
        // What the policy's delta names beside the dots of both sides is its own dot.
        let is_own = |dot: &Dot| {
            let of_sides = record.brought.contains_key(dot) || record.taken.contains_key(dot);
            !of_sides && !record.delta.entries.contains_key(dot)
        };
        let own: Vec<Dot> = dots_of(&record.delta).into_iter().filter(is_own).collect();
        let mut writes = executions.iter().flat_map(Execution::applied).filter(|it| it.cart == account);
        if writes.any(|written| own.iter().any(|dot| written.state().context.contains(*dot))) {
            let meaning = self.of_delta(&record.delta, &BTreeMap::new());
            self.add(account, meaning);
        }
    }

    /// An undo means what it writes on what the node knew; it is derived from the record.
    fn take_undo(
        &mut self,
        execution: &Execution,
        guest: CartId,
        records: &BTreeMap<(CartId, CartId), MergeRecord>,
    ) {
        let written: BTreeSet<CartId> = execution.applied().map(|written| written.cart).collect();
        for ((account, _), record) in records.iter().filter(|((_, of), _)| *of == guest) {
            let known = execution.planned_on(*account);
            let undone = Undo { record, account: &known }.deltas(execution.at);
            let groups = record.taken.iter().chain(&record.brought);
            let groups: BTreeMap<Group, Wish> = groups
                .filter_map(|(dot, entry)| Some((entry.group, self.wishes.get(dot)?.clone())))
                .collect();
            for (cart, delta) in [(undone.guest_id, undone.guest), (*account, undone.account)] {
                if written.contains(&cart) {
                    let meaning = self.of_delta(&delta, &groups);
                    self.add(cart, meaning);
                }
            }
        }
    }

    /// What a delta of whole entries says.
    fn of_delta(&self, delta: &Cart, groups: &BTreeMap<Group, Wish>) -> Meaning {
        let mut meaning = Meaning::default();
        for dot in dots_of(delta) {
            match delta.entries.get(&dot) {
                None => drop(meaning.killed.insert(dot)),
                Some(entry) => match minted(dot, entry, groups) {
                    Some(minted) => meaning.minted.push(minted),
                    None => drop(entry.n.map(|n| meaning.lowered.insert(dot, n))),
                },
            }
        }
        meaning
    }
}

fn minted(dot: Dot, entry: &Entry, groups: &BTreeMap<Group, Wish>) -> Option<Minted> {
    let shown = entry.shown()?;
    Some(Minted {
        dot,
        line: shown.line.key(),
        list: shown.list,
        n: shown.n,
        wish: groups.get(&entry.group).cloned(),
        origin: entry.origin?,
        note: entry.attributes.as_ref().map(|texts| (*texts.value).clone()),
    })
}

fn of_operator(operation: &Operation, cart: CartId, execution: &Execution) -> Meaning {
    // Neither mints, so the dot does not matter.
    let stamp = Stamp { dot: Dot::new(cart::WriterId(0), 1), origin: cart, at: execution.at };
    Meaning::of(operation, &stamp)
}

fn claims_of(execution: &Execution) -> Vec<(CartId, CartId)> {
    let What::Claim(request) = &execution.asked.what else { return Vec::new() };
    let guest = request.guest.cart;
    execution.writes.iter().map(|written| (written.cart, guest)).filter(|(cart, _)| *cart != guest).collect()
}

async fn find_record(stores: &Stores, account: CartId, guest: CartId) -> Option<MergeRecord> {
    let key = [account.0, guest.0].concat();
    let record = stores.linear.read(LinearTable::Merge, &key).await.ok()??;
    decode_merge_record(&record.bytes).ok()
}
