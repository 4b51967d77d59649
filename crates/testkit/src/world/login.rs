//! Login and farewell: a guest's cart is merged into the account's under a policy that is decided once, and carts
//! are erased.

use super::{ACCOUNT, Loaded, MS_PER_DAY, SCRUB_DAYS, Sent, Violation, World};
use crate::{
    meaning::{Meaning, units},
    random::Random,
    shown::{Shown, ShownDot},
    store::{CartIndex, Known},
};
use cart::{
    Cart, Dot, Join, Timestamp,
    entry::Group,
    line::{LineKey, List},
    operation::{Erase, Merge, MergeRecord, Operation, Policy, Seal, Stamp},
    seen::SeenDot,
};
use std::collections::{BTreeMap, BTreeSet};

const POLICIES: [Policy; 4] = [Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest];

/// The one decision on a merge.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) record: MergeRecord,
    /// The number of the policy among what was sent.
    pub(super) policy: usize,
    /// What the guest brings, as it is shown.
    pub(super) brought: BTreeMap<Dot, ShownDot>,
    /// What the account shows.
    pub(super) account: BTreeMap<Dot, ShownDot>,
    /// The number of its undo among what was sent, and what the regions that undid it gave to the new guest cart.
    pub(super) undone: Option<(usize, Cart)>,
}

impl World {
    pub(super) fn log_in(&mut self, random: &mut Random) -> Result<(), Violation> {
        if self.climate.guests == 0 {
            return Ok(());
        }
        let (region, guest) = (self.random_region(random), 1 + random.index(self.climate.guests));
        let account_now = self.load(region, ACCOUNT, Some(random))?;
        let guest_now = self.load(region, guest, Some(random))?;
        if guest_now.state.erased || !account_now.state.takes_guest(Self::id(guest), self.now.day()) {
            return Ok(()); // a no-op
        }
        let policy = random.pick(&POLICIES).copied().unwrap_or_default();
        let Decided { record, policy: decided, .. } = self.decide(policy, guest, &account_now, &guest_now);
        let (policy, units) = (record.policy, Shown::of(&guest_now.state).units.into_values());
        self.note(|| {
            format!("region {region} merges guest {guest} under {policy:?}: {:?}", units.collect::<Vec<_>>())
        });
        let dot = Merge::dot(Self::id(ACCOUNT), Self::id(guest));
        let stamp = Stamp { dot, origin: Self::id(ACCOUNT), at: self.now };
        let merge = Merge { guest: Self::id(guest), state: guest_now.state.clone() };
        let mut delta = merge.delta(&stamp);
        delta.join(&record.delta);
        let sent = self.merge_sent(merge, stamp);
        let known = Known::only(sent).and(Known::only(decided)).and(guest_now.known());
        self.write((region, ACCOUNT), &account_now, delta, known, sent, random)?;
        self.scrubs.insert(guest, Timestamp(self.now.0 + u64::from(SCRUB_DAYS + 1) * MS_PER_DAY));
        self.seal(region, guest, &guest_now, random)
    }

    /// What the rows of a merged guest heard late comes into the account's own row, before they are no longer read.
    pub(super) fn scrub(&mut self, guest: CartIndex, random: &mut Random) -> Result<(), Violation> {
        let region = self.random_region(random);
        self.scrubs.remove(&guest);
        self.note(|| format!("region {region} scrubs guest {guest}"));
        self.rewrite_row((region, ACCOUNT), Some(random))
    }

    /// Merging again is the same operation.
    fn merge_sent(&mut self, merge: Merge, stamp: Stamp) -> usize {
        let before = self.sent.iter().position(|sent| sent.stamp.dot == stamp.dot);
        before.unwrap_or_else(|| self.send(ACCOUNT, Operation::Merge(Box::new(merge)), stamp))
    }

    fn seal(
        &mut self,
        region: usize,
        guest: CartIndex,
        now: &Loaded,
        random: &mut Random,
    ) -> Result<(), Violation> {
        let dot = self.lane_dot(region, guest, &now.state);
        let stamp = Stamp { dot, origin: Self::id(guest), at: self.now };
        let seal = Operation::Seal(Seal { account: Self::id(ACCOUNT) });
        let delta = seal.delta(&stamp);
        let sent = self.send(guest, seal, stamp);
        self.write((region, guest), now, delta, Known::only(sent), sent, random).map(drop)
    }

    /// The linear store's record: whoever is first decides.
    fn decide(
        &mut self,
        policy: Policy,
        guest: CartIndex,
        account_now: &Loaded,
        guest_now: &Loaded,
    ) -> Decided {
        if let Some(decided) = self.decided.get(&guest) {
            return decided.clone();
        }
        let account = (Self::id(ACCOUNT), &account_now.state);
        let record = MergeRecord::decide(policy, account, (Self::id(guest), &guest_now.state), self.now);
        // Stands in the list for the policy; it is known by its meaning and never executed itself.
        let operation = Operation::Seal(Seal { account: Self::id(ACCOUNT) });
        let stamp = Stamp { dot: Dot::new(self.new_writer(), 1), origin: Self::id(ACCOUNT), at: self.now };
        let meaning = self.meaning_of_policy(policy, account_now, guest_now);
        let executed_on = BTreeSet::from([ACCOUNT]);
        self.sent.push(Sent { cart: ACCOUNT, operation, stamp, meaning, executed_on });
        let decided = Decided {
            record,
            policy: self.sent.len() - 1,
            brought: Shown::of(&guest_now.state).dots,
            account: Shown::of(&account_now.state).dots,
            undone: None,
        };
        self.decided.insert(guest, decided.clone());
        decided
    }

    /// A policy in plain words: lines that both have are settled, by lowering or killing one side's dots.
    fn meaning_of_policy(&self, policy: Policy, account: &Loaded, guest: &Loaded) -> Meaning {
        let mut meaning = Meaning::default();
        if account.state.erased {
            return meaning;
        }
        for (ours, theirs) in self.sides(account, guest).values() {
            let (a, g) = (units_of(ours.iter()), units_of(theirs.iter()));
            if a == 0 || g == 0 {
                continue;
            }
            match policy {
                Policy::Sum => {}
                Policy::Max => meaning.lower(theirs, units_of(ours.iter().chain(theirs)) - a.max(g)),
                Policy::KeepAccount => meaning.killed.extend(theirs.iter().map(|seen| seen.dot)),
                Policy::KeepGuest => meaning.killed.extend(ours.iter().map(|seen| seen.dot)),
            }
        }
        meaning
    }

    /// What account and guest show together, by line: the account's dots and the guest's.
    fn sides(
        &self,
        account: &Loaded,
        guest: &Loaded,
    ) -> BTreeMap<(LineKey, List), (Vec<SeenDot>, Vec<SeenDot>)> {
        let known = account.known().and(guest.known());
        let operations = self.sent.iter().enumerate().filter(|(index, _)| known.has(*index));
        let together = Shown::meant(operations.map(|(_, sent)| (&sent.meaning, true)));
        let mut lines: BTreeMap<_, (Vec<_>, Vec<_>)> = BTreeMap::new();
        for (dot, shown) in &together.dots {
            let states = [&account.state, &guest.state];
            let entry = states.into_iter().find_map(|state| state.entries.get(dot));
            let group = entry.map_or(Group::NONE, |entry| entry.group);
            let seen = SeenDot { dot: *dot, n: shown.n, group, list: shown.place.1 };
            let (ours, theirs) = lines.entry(shown.place).or_default();
            if guest.state.entries.contains_key(dot) { theirs.push(seen) } else { ours.push(seen) }
        }
        lines
    }

    /// The subject of the account asks to be forgotten, its guests with it; or a guest throws its cart away.
    pub(super) fn erase(&mut self, random: &mut Random) -> Result<(), Violation> {
        let (region, cart) = (self.random_region(random), random.index(self.carts()));
        if self.sent.len() < 3 || random.percent(50) {
            return Ok(());
        }
        self.note(|| format!("region {region} erases cart {cart}"));
        let mut erased = vec![cart];
        if cart == ACCOUNT {
            let merged = self.load(region, ACCOUNT, Some(random))?.state.merged;
            erased.extend((1..self.carts()).filter(|guest| merged.contains_key(&Self::id(*guest))));
        }
        for cart in erased {
            let now = self.load(region, cart, Some(random))?;
            let stamp = Stamp { dot: Dot::new(self.new_writer(), 1), origin: Self::id(cart), at: self.now };
            let sent = self.send(cart, Operation::Erase(Erase), stamp);
            self.write((region, cart), &now, Cart::erased(), Known::only(sent), sent, random)?;
        }
        Ok(())
    }
}

fn units_of<'a>(dots: impl Iterator<Item = &'a SeenDot>) -> u64 {
    units(dots.map(|seen| (seen.n, (seen.group != Group::NONE).then_some(seen.group))))
}
