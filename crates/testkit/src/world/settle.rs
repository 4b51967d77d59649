//! What owners and operators do: rewriting, folding, restarting, restoring; and the end, when everything has arrived
//! and has to be what was meant.

use super::{ACCOUNT, Lane, MS_PER_DAY, Violation, World};
use crate::{
    random::Random,
    shown::Broken,
    store::{CartIndex, Known, bucket},
};
use cart::{
    Cart, Timestamp, WriterId,
    planted::{self, Bug},
};
use std::collections::BTreeSet;

impl World {
    fn random_cart(&self, random: &mut Random) -> CartIndex {
        if random.percent(50) { ACCOUNT } else { random.index(self.carts()) }
    }

    pub(super) fn rewrite(&mut self, random: &mut Random) -> Result<(), Violation> {
        let at = (self.random_region(random), self.random_cart(random));
        self.note(|| format!("region {} rewrites its row of cart {}", at.0, at.1));
        self.rewrite_row(at, Some(random))
    }

    pub(super) fn rewrite_row(
        &mut self,
        at: (usize, CartIndex),
        chance: Option<&mut Random>,
    ) -> Result<(), Violation> {
        let loaded = self.load(at.0, at.1, chance)?;
        self.put(at, &loaded, &Cart::default(), Known::default(), None);
        Ok(())
    }

    pub(super) fn fold(&mut self, random: &mut Random) -> Result<(), Violation> {
        let at = (self.random_region(random), self.random_cart(random));
        self.note(|| format!("region {} folds the deltas of cart {}", at.0, at.1));
        self.fold_deltas(at, Some(random))
    }

    /// The pointer stays a day behind, as far as an insert may take.
    fn fold_deltas(&mut self, at: (usize, CartIndex), chance: Option<&mut Random>) -> Result<(), Violation> {
        let through = bucket(self.now).saturating_sub(1);
        let loaded = self.load(at.0, at.1, chance)?;
        self.put(at, &loaded, &Cart::default(), Known::default(), Some(through));
        let days = self.climate.lag_days.max(10);
        let removed_at = Timestamp(self.now.0 + days * MS_PER_DAY);
        self.store.remove_folded(at.1, self.regions[at.0].owner, through, removed_at);
        Ok(())
    }

    /// A node restarts: its lanes close, and the next ones have new writers.
    pub(super) fn restart(&mut self, random: &mut Random) {
        let region = self.random_region(random);
        self.note(|| format!("region {region} restarts"));
        self.close_lanes(region);
    }

    fn close_lanes(&mut self, region: usize) {
        let lanes = &mut self.regions[region].lanes;
        if planted::is_on(Bug::P10LaneWriterReused) {
            lanes.values_mut().for_each(|lane| *lane = Lane { next: 0, ..*lane });
        } else {
            lanes.clear();
        }
    }

    /// A region goes back to a backup of at most a month. Its new incarnation joins and rewrites every cart at once.
    pub(super) fn restore(&mut self, random: &mut Random) -> Result<(), Violation> {
        let region = self.random_region(random);
        let backup = Timestamp(self.now.0 - random.below(30 * MS_PER_DAY));
        let before = self.regions[region].owner;
        let age = (self.now.0 - backup.0) / MS_PER_DAY;
        self.note(|| format!("region {region} is restored from a backup of {age} days"));
        self.close_lanes(region);
        self.store.restored.insert(before, backup);
        self.regions[region].owner = self.owners;
        self.owners += 1;
        for cart in 0..self.carts() {
            self.rewrite_row((region, cart), Some(random))?;
        }
        self.store.restored.clear();
        Ok(())
    }

    /// Faults stop, everything arrives, and everybody shows what was meant. Then months pass, and what nobody can
    /// speak of any more has to go.
    pub fn settle(&mut self) -> Result<(), Violation> {
        let mut random = Random::new(0);
        self.pass(8 * MS_PER_DAY, &mut random)?;
        self.pass((self.climate.lag_days + 1) * MS_PER_DAY, &mut random)?;
        self.note(|| "everything has arrived".into());
        for cart in 0..self.carts() {
            self.check_settled(cart)?;
        }
        self.check_returned()?;
        for _ in 0..self.climate.quiet_rounds {
            self.pass(31 * MS_PER_DAY, &mut random)?;
            for cart in 0..self.carts() {
                for region in 0..self.regions.len() {
                    self.fold_deltas((region, cart), None)?;
                }
            }
        }
        if self.climate.quiet_rounds > 0 {
            self.note(|| "months have passed".into());
            for cart in 0..self.carts() {
                self.check_settled(cart)?;
                self.check_forgotten(cart)?;
            }
        }
        Ok(())
    }

    /// Every acknowledged operation is known, and nothing waits for an add that never comes.
    fn check_settled(&mut self, cart: CartIndex) -> Result<(), Violation> {
        let loaded = self.load(0, cart, None)?;
        let acknowledged = self.acknowledged.get(&cart).copied().unwrap_or_default();
        if loaded.known().and(acknowledged) != loaded.known() && !loaded.state.erased {
            let what =
                format!("cart {cart}: known {:x}, acknowledged {:x}", loaded.known().0, acknowledged.0);
            return Err(Violation { broken: Broken::LostAdd, what });
        }
        // An account may keep the refresh of a late write whose guest was erased before the add was brought in.
        let erasures = self.sent.iter().any(|sent| sent.meaning.erased);
        match loaded.state.entries.iter().find(|(_, entry)| entry.shown().is_none()) {
            None => Ok(()),
            Some(_) if erasures => Ok(()),
            Some((dot, part)) => {
                let what = format!("cart {cart}: only a part of {dot:?} is known: {part:?}");
                Err(Violation { broken: Broken::Size, what })
            }
        }
    }

    fn check_forgotten(&mut self, cart: CartIndex) -> Result<(), Violation> {
        let state = self.load(0, cart, None)?.state;
        let live: BTreeSet<WriterId> = state.entries.keys().map(|dot| dot.writer).collect();
        match state.context.writers().find(|(writer, _)| !live.contains(writer)) {
            None => Ok(()),
            Some((writer, known)) => {
                let what = format!("cart {cart}: still remembers {writer:?} of {:?}", known.last_day);
                Err(Violation { broken: Broken::Size, what })
            }
        }
    }
}
