//! What a tab does next.

use super::{CLAIMS_MAX, MS_PER_DAY, Tab};
use crate::{
    climate::Kind,
    request::{Asked, SKUS, What, line},
};
use cart::{
    line::{LineId, LineKey, List, Texts},
    operation::Policy,
    quantity::{Quantity, Target},
    seen::{Extent, Seen},
};
use service::{
    AddRequest, CartAddress, Identity, LineChange, LineOperation, Principal, carts::Change,
    claims::ClaimRequest, sessions::ACTIVE,
};
use std::collections::BTreeMap;

/// Days that a device presents what it was shown: contexts do not remember for ever.
const FRESHNESS_DAYS_MAX: u64 = 3;

#[derive(Clone, Copy)]
enum Act {
    Change,
    ChangeAll,
    Read,
    Claim,
    Undo,
    LogOut,
}

const ACTS: &[(u64, Act)] = &[(70, Act::Change), (12, Act::ChangeAll), (18, Act::Read)];
const ACTS_WITH_LOGINS: &[(u64, Act)] = &[
    (52, Act::Change),
    (8, Act::ChangeAll),
    (12, Act::Read),
    (18, Act::Claim),
    (5, Act::Undo),
    (5, Act::LogOut),
];
const POLICIES: [Policy; 4] = [Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest];

impl Tab {
    pub(super) fn choose(&mut self) -> Asked {
        let acts = if self.world.climate.logins { ACTS_WITH_LOGINS } else { ACTS };
        let what = match self.random.weighted(acts, Act::Change) {
            Act::Change => None,
            Act::ChangeAll => Some(self.change_all()),
            Act::Read => Some(What::Read),
            Act::Claim => self.claim(),
            Act::Undo => self.undo(),
            Act::LogOut => Some(self.log_out()),
        };
        let what = what.unwrap_or_else(|| self.change());
        // Now and then a tab that has not noticed that another one logged in.
        let (is_stale_tab, is_fresh) = (self.random.percent(15), self.random.percent(80));
        let is_in_a_hurry = self.random.percent(50);
        let device = self.device.lock();
        let principal = match &what {
            What::Undo { .. } | What::Claim(_) | What::Change(_, Change::Fields(_)) => {
                Principal::Account { subject: device.subject.clone() }
            }
            _ => device.principal(is_stale_tab),
        };
        // Claims and their undoing read strongly and take no token.
        let takes_token = is_fresh && !matches!(what, What::Undo { .. } | What::Claim(_));
        let oldest = self.world.executor.now().saturating_sub(FRESHNESS_DAYS_MAX * MS_PER_DAY);
        let fresh = device.freshness.as_ref().filter(|(_, at)| takes_token && at.0 >= oldest);
        let freshness = fresh.map(|(token, _)| token.clone());
        let address = CartAddress::Own { principal, name: ACTIVE.into() };
        Asked { address, freshness, wants_to_see: !is_in_a_hurry, what }
    }

    fn claim(&mut self) -> Option<What> {
        let policy = self.random.pick(&POLICIES).copied().unwrap_or_default();
        let mut device = self.device.lock();
        let guest = device.token?;
        if device.claims >= CLAIMS_MAX {
            return None;
        }
        device.claims += 1;
        let (subject, name) = (device.subject.clone(), ACTIVE.into());
        Some(What::Claim(ClaimRequest { subject, name, guest, policy }))
    }

    fn undo(&mut self) -> Option<What> {
        let receipts = self.device.lock().receipts.clone();
        let (id, guest) = self.random.pick(&receipts)?.clone();
        Some(What::Undo { id, guest })
    }

    /// The next visitor of this device is somebody else, or nobody yet.
    fn log_out(&mut self) -> What {
        let token = self.node().service.open_session();
        let mut device = self.device.lock();
        device.is_logged_in = false;
        device.token = Some(token);
        What::Read
    }

    fn change(&mut self) -> What {
        let kind = self.random.weighted(self.world.climate.kinds, Kind::Add);
        let change = self.of_kind(kind, 85);
        let identity = self.identity(&change);
        What::Change(identity, change)
    }

    /// Several changes; those that need to see something say what.
    fn change_all(&mut self) -> What {
        let mut changes = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            let kind = match self.random.weighted(self.world.climate.kinds, Kind::Add) {
                Kind::Fields => Kind::Add,
                kind => kind,
            };
            changes.push(self.of_kind(kind, 100));
        }
        let identity = Identity::Client(self.count());
        let whole = changes.into_iter().filter(crate::request::is_whole);
        What::ChangeAll(identity, whole.collect(), self.random.percent(30))
    }

    fn identity(&mut self, change: &Change) -> Identity {
        let is_add = matches!(change, Change::Add(_));
        match self.random.below(100) {
            55..85 => {
                let payload = format!("{change:?}").into_bytes();
                let key = format!("{:08x}", self.random.bits() >> 32);
                Identity::Key { key, payload, first_addressed: None }
            }
            85.. if is_add => Identity::Unnamed,
            _ => Identity::Client(self.count()),
        }
    }

    fn of_kind(&mut self, kind: Kind, seeing_percent: u64) -> Change {
        let sku = SKUS[self.random.weighted(&[(65, 0), (25, 1), (10, 2)], 0)];
        let list = if self.random.percent(80) { List::Cart } else { List::Saved };
        let key = line(sku).key();
        let of_line = |operation: LineOperation, seen: Option<Seen>| {
            Change::Line(LineChange { line: LineId { key, list }, seen, operation })
        };
        match kind {
            Kind::Add => self.add(sku),
            Kind::Set => {
                let seen = self.seen(key, seeing_percent);
                let shown =
                    seen.as_ref().and_then(|seen| seen.line(key)).map_or(1, |line| line.quantity(list));
                let most = u32::try_from(shown).unwrap_or(6).min(6) + 3;
                let to =
                    Target::new(self.random.between(0, most)).unwrap_or_else(|| unreachable!("at most 9"));
                of_line(LineOperation::Set(to), seen)
            }
            Kind::Remove => of_line(LineOperation::Remove, self.seen(key, seeing_percent)),
            Kind::Move => of_line(LineOperation::Move(list.other()), self.seen(key, seeing_percent)),
            Kind::Annotate => {
                let texts = Texts::from([("note".into(), self.random.below(3).to_string().into())]);
                of_line(LineOperation::Annotate(texts), self.seen(key, seeing_percent))
            }
            Kind::Replace => self.replace(sku),
            Kind::Clear => Change::Clear { list, seen: self.view(seeing_percent, |_| true) },
            Kind::Fields => {
                let value = self.random.percent(80).then(|| self.random.below(3).to_string().into());
                Change::Fields([("note".into(), value)].into())
            }
        }
    }

    fn add(&mut self, sku: &str) -> Change {
        let quantity = self.some_units();
        let note = self.random.percent(10).then(|| self.random.below(3).to_string().into());
        let attributes = note.map(|note| Texts::from([("note".into(), note)]));
        Change::Add(AddRequest { line: line(sku), quantity, attributes, quote: None })
    }

    /// Puts back what a device was shown, with changes; an add of `sku` where it was shown nothing yet.
    fn replace(&mut self, sku: &str) -> Change {
        let Some(seen) = self.view(100, |seen| seen.extent == Extent::Cart) else { return self.add(sku) };
        let mut lines = BTreeMap::new();
        for sku in SKUS {
            let line = line(sku);
            let shown = seen.line(line.key()).map_or(0, |shown| shown.quantity(List::Cart));
            let shown = u32::try_from(shown).ok().and_then(Quantity::new);
            let wanted = match self.random.below(10) {
                0..5 => shown,
                5..8 => Some(self.some_units()),
                _ => None,
            };
            if let Some(quantity) = wanted {
                lines.insert(line.key(), AddRequest { line, quantity, attributes: None, quote: None });
            }
        }
        Change::Replace { lines, seen }
    }

    fn some_units(&mut self) -> Quantity {
        Quantity::new(self.random.between(1, 4)).unwrap_or_else(|| unreachable!("a small number"))
    }

    fn seen(&mut self, key: LineKey, percent: u64) -> Option<Seen> {
        self.view(percent, |seen| seen.line(key).is_some())
    }

    /// What the device was shown: mostly last, sometimes long ago, sometimes it does not say.
    fn view(&mut self, percent: u64, is_of_use: impl Fn(&Seen) -> bool) -> Option<Seen> {
        if !self.random.percent(percent) {
            return None;
        }
        let device = self.device.lock();
        let of_use: Vec<&Seen> = device.views.iter().filter(|seen| is_of_use(seen)).collect();
        let last = of_use.last().copied().filter(|_| self.random.percent(60));
        last.or_else(|| self.random.pick(&of_use).copied()).cloned()
    }
}
