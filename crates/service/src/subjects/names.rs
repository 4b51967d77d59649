//! Names of carts on their way into the subject's record.
//!
//! A named cart's first change on a node, and again its first on each later day, is followed by a write of its name,
//! behind the caller's back and for as long as it takes. What waits is listed from here. A name whose change turns out
//! to be older than the subject's last erasure is not written: its cart is erased instead.
//!
//! The limit on named carts is enforced from what this node knows, so it may lag: a node that has not looked at a
//! subject's record yet lets new names in, at most as many as the limit. It only ever refuses the first change of a
//! cart that is not there: what was acknowledged stays writable. A subject that is at the limit frees names by itself,
//! because those whose carts have ended are forgotten then.

use crate::{
    Service,
    error::ServiceError,
    sessions::{ACTIVE, CartAddress, Principal, Resolved},
};
use cart::{Cart, CartId, Day, Timestamp, id::SubjectId, subject::NamedChange};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use smol_str::SmolStr;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use storage::Consistency;

/// Carts whose names are known to be remembered.
const TOLD_MAX: usize = 100_000;
/// Subjects whose names are known.
const KNOWN_MAX: usize = 10_000;
/// Subjects whose names wait; further ones are taken up at the next change of their carts.
const WAITING_MAX: usize = 100_000;
/// Attempts to tell the store, until the next change of a named cart begins anew.
const ATTEMPTS_MAX: u32 = 20;
/// Milliseconds between them, at first; doubled with each.
const PAUSE_MS: u64 = 250;
/// Milliseconds after which names are looked at again before a subject stays refused.
const KNOWN_MS: u64 = 10_000;
/// A name said within so many days is not forgotten for want of a cart: its cart's change may be on its way.
const SAID_DAYS: u32 = 2;

/// What this node knows of names.
pub(crate) struct Names {
    /// Carts whose names the store has, with the day on which it was told.
    told: Cache<CartId, Day>,
    known: Cache<SubjectId, Arc<Known>>,
    waiting: Mutex<HashMap<SubjectId, Waiting>>,
}

/// The names in a subject's record when it was last looked at.
struct Known {
    names: BTreeSet<SmolStr>,
    at: Timestamp,
}

/// A subject some of whose names the store does not have yet.
#[derive(Default)]
struct Waiting {
    changes: Vec<NamedChange>,
    /// A task is telling the store.
    is_told: bool,
}

impl Names {
    pub(crate) fn new() -> Self {
        let (told, known) = (Cache::new(TOLD_MAX), Cache::new(KNOWN_MAX));
        Self { told, known, waiting: Mutex::default() }
    }

    /// The changes of a subject's carts whose names are on their way.
    pub(super) fn waiting(&self, id: SubjectId) -> Vec<NamedChange> {
        self.waiting.lock().get(&id).map(|waiting| waiting.changes.clone()).unwrap_or_default()
    }

    /// True when no name is on its way.
    fn are_told(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// The names that are known of a subject no longer hold.
    pub(super) fn forget(&self, id: SubjectId) {
        self.known.remove(&id);
    }

    pub(super) fn learn(&self, id: SubjectId, names: impl Iterator<Item = SmolStr>, at: Timestamp) {
        self.known.insert(id, Arc::new(Known { names: names.collect(), at }));
    }

    /// Takes up a change, or with none just the subject. True when a task has to be started for it.
    fn wait(&self, id: SubjectId, change: Option<NamedChange>) -> bool {
        let mut all = self.waiting.lock();
        if all.len() >= WAITING_MAX && !all.contains_key(&id) {
            return false;
        }
        let waiting = all.entry(id).or_default();
        // The earliest change counts: an erasure that came after it may have missed the cart.
        waiting.changes.extend(change.filter(|new| waiting.changes.iter().all(|old| old.cart != new.cart)));
        !std::mem::replace(&mut waiting.is_told, true)
    }

    /// The subject's names that the store was told leave. True when none is left.
    fn told(&self, id: SubjectId, told: &[NamedChange]) -> bool {
        let mut all = self.waiting.lock();
        let Some(waiting) = all.get_mut(&id) else { return true };
        waiting.changes.retain(|change| !told.contains(change));
        let is_done = waiting.changes.is_empty();
        if is_done {
            all.remove(&id);
        }
        is_done
    }

    /// The store was not reached for long: the next change begins anew.
    fn give_up(&self, id: SubjectId) {
        self.waiting.lock().entry(id).and_modify(|waiting| waiting.is_told = false);
    }

    /// When a subject was last known to have so many carts that this would be one too many.
    fn full_since(&self, id: SubjectId, name: &str, max: usize) -> Option<Timestamp> {
        let known = self.known.get(&id);
        let mut names: BTreeSet<SmolStr> = self.waiting(id).into_iter().map(|change| change.name).collect();
        names.extend(known.iter().flat_map(|known| known.names.iter().cloned()));
        let is_full = names.len() >= max && !names.contains(name);
        is_full.then(|| known.map_or(Timestamp::default(), |known| known.at))
    }
}

impl Service {
    /// True when everything that was to be remembered of subjects is: a node that stops waits for it.
    pub fn has_told_names(&self) -> bool {
        self.names.are_told()
    }

    /// Refuses the first change of a named cart that would be one too many.
    pub(crate) fn admit_name(&self, address: &CartAddress, state: &Cart) -> Result<(), ServiceError> {
        let Some((subject, name)) = named(address).filter(|_| state.is_untouched()) else { return Ok(()) };
        let (id, max) = (SubjectId::of(&self.shop_key, subject), self.settings.named_carts_max);
        let full = self.names.full_since(id, name, usize::try_from(max).unwrap_or(usize::MAX));
        let Some(known_at) = full else { return Ok(()) };
        if self.environment.now().0.saturating_sub(known_at.0) > KNOWN_MS {
            self.tell_behind(id, subject, None);
        }
        Err(ServiceError::TooManyCarts { max })
    }

    /// Sees to it that the name of a cart is remembered, if it has one and was, or may have been, changed.
    pub(crate) fn note_name(
        &self,
        address: &CartAddress,
        resolved: &Resolved,
        written: Result<&Cart, &ServiceError>,
    ) {
        let Some((subject, name)) = named(address) else { return };
        let is_changed = match written {
            Ok(state) => !state.is_untouched(),
            Err(ServiceError::Store(error)) => error.may_be_applied(),
            Err(_) => false,
        };
        let at = self.environment.now();
        if is_changed && self.names.told.get(&resolved.cart) != Some(at.day()) {
            let id = SubjectId::of(&self.shop_key, subject);
            self.tell_behind(
                id,
                subject,
                Some(NamedChange {
                    name: name.into(),
                    cart: resolved.cart,
                    generation: resolved.generation,
                    at,
                }),
            );
        }
    }

    fn tell_behind(&self, id: SubjectId, subject: &str, change: Option<NamedChange>) {
        if let Some(service) = self.me.upgrade()
            && self.names.wait(id, change)
        {
            let subject = subject.to_owned();
            self.environment.spawn(Box::pin(async move { service.tell(id, &subject).await }));
        }
    }

    /// Tells the store until no name of the subject waits.
    async fn tell(&self, id: SubjectId, subject: &str) {
        let mut failed = 0;
        while failed < ATTEMPTS_MAX {
            let changes = self.names.waiting(id);
            match self.tell_once(id, subject, &changes).await {
                Ok(()) if self.names.told(id, &changes) => return,
                Ok(()) => failed = 0,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "names of carts are remembered later"
                    );
                    self.environment.sleep(PAUSE_MS << failed.min(8)).await;
                    failed += 1;
                }
            }
        }
        tracing::error!("names of carts could not be remembered; the next change of them tries again");
        self.names.give_up(id);
    }

    async fn tell_once(
        &self,
        id: SubjectId,
        subject: &str,
        changes: &[NamedChange],
    ) -> Result<(), ServiceError> {
        let mut record = self
            .change_subject(id, |record| {
                for change in changes {
                    record.says(change);
                }
            })
            .await?;
        for change in changes {
            if record.missed(change) {
                self.erase_cart(change.cart).await?;
            } else {
                self.names.told.insert(change.cart, self.environment.now().day());
            }
        }
        if record.names.len() as u64 >= u64::from(self.settings.named_carts_max) {
            for (name, said) in record.names.clone() {
                if self.is_over(subject, &name, said).await? {
                    record = self.change_subject(id, |record| record.forget(&name, said)).await?;
                }
            }
        }
        self.names.learn(id, record.names.into_keys(), self.environment.now());
        Ok(())
    }

    /// True when the cart of a name has ended, its rows gone or none written since the last erasure.
    async fn is_over(&self, subject: &str, name: &str, said: Timestamp) -> Result<bool, ServiceError> {
        if self.environment.now().day().since(said.day()) <= SAID_DAYS {
            return Ok(false);
        }
        Ok(self.current(subject, name, Consistency::Strong).await?.loaded.state.is_untouched())
    }
}

/// The subject and the name, of an account's cart that is not the active one.
pub(crate) fn named(address: &CartAddress) -> Option<(&str, &str)> {
    match address {
        CartAddress::Own { principal: Principal::Account { subject }, name } if name != ACTIVE => {
            Some((subject, name))
        }
        _ => None,
    }
}
