//! Undo of a merge: in any region, any number of times, whatever that region has heard of the merge.

use super::{ACCOUNT, Sent, Violation, World, login::Decided};
use crate::{
    meaning::{Meaning, Minted},
    random::Random,
    shown::{Broken, Shown},
    store::{CartIndex, Known},
};
use cart::{
    Cart, Dot, Join,
    operation::{Operation, Seal, Stamp, Undo},
};
use std::collections::{BTreeMap, BTreeSet};

impl World {
    pub(super) fn undo(&mut self, random: &mut Random) -> Result<(), Violation> {
        let is_open = |decided: &Decided| self.now <= decided.record.undo_until();
        let open = self.decided.iter().filter(|(_, decided)| is_open(decided));
        let open: Vec<CartIndex> = open.map(|(guest, _)| *guest).collect();
        let Some(&guest) = random.pick(&open) else { return Ok(()) };
        let region = self.random_region(random);
        let loaded = self.load(region, ACCOUNT, Some(random))?;
        let decided = self.decided[&guest].clone();
        if loaded.state.erased {
            return Ok(());
        }
        let is_replay = loaded.state.context.contains(decided.record.undo_dot());
        let undone = Undo { record: &decided.record, account: &loaded.state }.deltas(self.now);
        self.note(|| format!("region {region} undoes the merge of guest {guest}, known here: {is_replay}"));
        let returned = returned(&undone.guest);
        let meant = if is_replay { BTreeMap::new() } else { self.meant_to_return(&decided, &loaded.state) };
        if returned != meant {
            let what = format!("undo returns {returned:?}, meant {meant:?}");
            return Err(Violation { broken: Broken::Meaning, what });
        }
        let sent = self.undo_sent(guest, &decided);
        if let Some(decided) = self.decided.get_mut(&guest) {
            let given = decided.undone.get_or_insert_with(|| (sent, Cart::default()));
            given.1.join(&undone.guest);
        }
        self.write((region, ACCOUNT), &loaded, undone.account, Known::only(sent), sent, random).map(drop)
    }

    /// Undoing again is the same operation.
    fn undo_sent(&mut self, guest: CartIndex, decided: &Decided) -> usize {
        if let Some((sent, _)) = decided.undone {
            return sent;
        }
        let stamp = Stamp { dot: decided.record.undo_dot(), origin: Self::id(ACCOUNT), at: self.now };
        let meaning = self.meaning_of_undo(decided, &stamp);
        // Stands in the list for the undo; it is known by its meaning.
        let operation = Operation::Seal(Seal { account: Self::id(guest) });
        self.sent.push(Sent {
            cart: ACCOUNT,
            operation,
            stamp,
            meaning,
            executed_on: BTreeSet::from([ACCOUNT]),
        });
        self.sent.len() - 1
    }

    /// What was brought leaves; what the policy took of the account comes back under new dots.
    fn meaning_of_undo(&self, decided: &Decided, stamp: &Stamp) -> Meaning {
        let mut meaning = Meaning::default();
        meaning.killed.extend(decided.brought.keys());
        let taken = &self.sent[decided.policy].meaning.killed;
        let taken = decided
            .account
            .iter()
            .filter(|(dot, _)| taken.contains(*dot) && !decided.brought.contains_key(dot));
        for (seq, (dot, shown)) in (1..).zip(taken) {
            let again = Dot::new(stamp.dot.further(), seq);
            let minted = self.sent.iter().flat_map(|sent| &sent.meaning.minted);
            let wish = minted.filter(|minted| minted.dot == *dot).find_map(|minted| minted.wish.clone());
            meaning.killed.insert(*dot);
            meaning.refreshed.extend(shown.revision.map(|revision| (again, revision)));
            meaning.minted.push(Minted {
                dot: again,
                line: shown.place.0,
                list: shown.place.1,
                n: shown.n,
                wish,
                origin: stamp.origin,
                note: shown.note.clone(),
            });
        }
        meaning
    }

    /// Of each brought dot, what is live of it and what the policy took. Counted from 1 in the order of dots.
    fn meant_to_return(&self, decided: &Decided, account: &Cart) -> BTreeMap<u32, u32> {
        let policy = &self.sent[decided.policy].meaning;
        let now = Shown::of(account).dots;
        let units = (1..).zip(&decided.brought).map(|(seq, (dot, brought))| {
            let left = match policy.lowered.get(dot) {
                _ if policy.killed.contains(dot) => 0,
                Some(lowered) => *lowered,
                None => brought.n,
            };
            let live = match now.get(dot) {
                Some(shown) => shown.n,
                None if account.context.contains(*dot) && !account.entries.contains_key(dot) => 0,
                None => account.entries.get(dot).and_then(|part| part.n).unwrap_or(brought.n),
            };
            (seq, live.min(left) + brought.n - left)
        });
        units.filter(|(_, units)| *units > 0).collect()
    }

    /// What nobody took away from the account between merge and undo is in the new guest cart.
    pub(super) fn check_returned(&self) -> Result<(), Violation> {
        for decided in self.decided.values() {
            let Some((undo, guest)) = &decided.undone else { continue };
            let returned = returned(guest);
            for (seq, (dot, brought)) in (1..).zip(&decided.brought) {
                let is_other = |index: usize| index != *undo && index != decided.policy;
                let names =
                    |sent: &Sent| sent.meaning.killed.contains(dot) || sent.meaning.lowered.contains_key(dot);
                let touched =
                    self.sent.iter().enumerate().any(|(index, sent)| is_other(index) && names(sent));
                if !touched && returned.get(&seq) != Some(&brought.n) {
                    let what = format!("undo returned {returned:?} of {dot:?} {brought:?}");
                    return Err(Violation { broken: Broken::LostAdd, what });
                }
            }
        }
        Ok(())
    }
}

/// The units of each new dot, by its number.
fn returned(guest: &Cart) -> BTreeMap<u32, u32> {
    guest.entries.iter().map(|(dot, entry)| (dot.seq, entry.n.unwrap_or(0))).collect()
}
