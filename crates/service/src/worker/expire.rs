//! Ends carts that have been left alone, by the rules of [`cart::lifetime`].
//!
//! Walks all carts of the store, page by page, for ever. A walk begins anywhere, so that a node that is started often
//! comes by every cart too. Rows are removed on condition of their version: a change that came between keeps them.
//! What an account's cart holds is expired as an operation on what the worker saw, so an add that it had not seen
//! survives; and only where no other process writes, until it can be known how far replication is behind.

use crate::{Service, error::ServiceError};
use cart::{
    Cart, CartId,
    lifetime::{Ending, Lifetimes},
    operation::{Expire, Stamp},
    seen::Seen,
};
use checkout::Ledger;
use std::sync::Weak;
use storage::{Consistency, LinearTable, Replaced, RowKey};

/// Carts of one page.
const PAGE: usize = 100;
/// Milliseconds after a start before the first page: nothing here is urgent.
const START_MS: u64 = 60_000;
/// Milliseconds between two walks.
const WALK_MS: u64 = 60 * 60 * 1000;
/// Milliseconds after a page that failed.
const FAILED_MS: u64 = 10_000;
const SECOND_MS: u64 = 1_000;
/// Deltas of the last days are never folded away here: an insert of one may still be under way.
const FOLD_BEHIND_DAYS: u32 = 2;

/// Carts that were looked at.
pub const SEEN: &str = "evercart_expiry_seen_total";
/// Carts that ended, by how.
pub const ENDED: &str = "evercart_expiry_ended_total";
/// Carts and pages that could not be looked at.
pub const FAILED: &str = "evercart_expiry_failed_total";
/// Walks over all carts that came to the end.
pub const WALKS: &str = "evercart_expiry_walks_total";

/// Walks for as long as the service is there, and not at all where its settings say so.
pub async fn run(service: Weak<Service>) {
    let Some(mut after) = service.upgrade().map(|service| Some(service.somewhere())) else { return };
    let mut pause = START_MS;
    loop {
        let Some(sleep) = service.upgrade().map(|service| service.environment.sleep(pause)) else { return };
        sleep.await;
        let Some(service) = service.upgrade() else { return };
        let per_second = u64::from(service.settings.expiry_per_second);
        if per_second == 0 {
            return;
        }
        pause = match service.expire_page(after).await {
            Ok(Some(last)) => {
                after = Some(last);
                PAGE as u64 * SECOND_MS / per_second
            }
            Ok(None) => {
                metrics::counter!(WALKS).increment(1);
                after = None;
                WALK_MS
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "expiry waits for the store");
                metrics::counter!(FAILED).increment(1);
                FAILED_MS
            }
        };
    }
}

impl Service {
    /// Looks at the carts behind `after`, one page of them; answers where it ended, or `None` at the end of all.
    pub async fn expire_page(&self, after: Option<CartId>) -> Result<Option<CartId>, ServiceError> {
        let page = self.stores.carts.scan(after, PAGE).await?;
        for cart in &page {
            match self.expire(*cart).await {
                Ok(None) => {}
                Ok(Some(ending)) => metrics::counter!(ENDED, "how" => name(ending)).increment(1),
                // One cart that cannot be read must not keep the others.
                Err(error) => {
                    metrics::counter!(FAILED).increment(1);
                    tracing::warn!(error = &error as &dyn std::error::Error, "cart is looked at again later");
                }
            }
        }
        metrics::counter!(SEEN).increment(page.len() as u64);
        Ok(page.last().copied().filter(|_| page.len() == PAGE))
    }

    /// Ends a cart if it is time; says how it ended.
    async fn expire(&self, cart: CartId) -> Result<Option<Ending>, ServiceError> {
        // Most carts stay: they are looked at without their lane.
        let seen = self.load(cart, Consistency::Eventual).await?;
        if self.ending(cart, &seen.state).is_none() {
            return Ok(None);
        }
        let mut lane = self.lanes.enter(cart, || self.environment.random()).await;
        let loaded = self.load(cart, Consistency::Strong).await?;
        let Some(ending) = self.ending(cart, &loaded.state) else { return Ok(None) };
        // A cart whose ledger has something open stays until that is decided.
        let ledger = self.books().read::<Ledger>(&cart).await?;
        if ledger.value.due(&self.checkout.settings).is_some() {
            return Ok(None);
        }
        match ending {
            Ending::Guest | Ending::Empty => {
                let is_gone = self.remove_rows(cart).await?;
                // A guest's ledger goes with its rows; an account's stays.
                if let (true, false, Some(version)) = (is_gone, cart.is_account(), ledger.version) {
                    let version = storage::Version(version.0);
                    self.stores.linear.remove(LinearTable::Ledger, &cart.0, version).await?;
                }
                if let Some(index) = self.index.get() {
                    index.note(cart);
                }
                Ok(is_gone.then_some(ending))
            }
            Ending::Idle => {
                let (at, dot) = (self.environment.now(), lane.count());
                let seen = Seen::of_cart(cart, &loaded.state, at.day());
                let delta = Expire { seen }.delta(&Stamp { dot, origin: cart, at });
                self.store(cart, loaded, delta, dot, &mut lane).await?;
                Ok(Some(ending))
            }
        }
    }

    /// What is to become of a cart, as far as this node may do it.
    fn ending(&self, cart: CartId, state: &Cart) -> Option<Ending> {
        let is_fresh = self.stores.carts.capabilities().single_writer;
        let lifetimes = Lifetimes {
            guest_days: self.settings.guest_days,
            account_idle_days: self.settings.account_idle_days.filter(|_| is_fresh),
        };
        state.ending(cart, &lifetimes, self.environment.now().day())
    }

    /// Removes the own row with the deltas in it, whose lane is held; other owners remove theirs. False when somebody
    /// wrote it meanwhile.
    async fn remove_rows(&self, cart: CartId) -> Result<bool, ServiceError> {
        let carts = &self.stores.carts;
        let key = RowKey { cart, owner: self.owner.clone() };
        let rows = carts.load(cart, Consistency::Strong).await?;
        let loaded = self.decode_rows(cart, &rows)?;
        let now = self.environment.now();
        if self.ending(cart, &loaded.state).is_none() {
            return Ok(false);
        }
        let mut version = loaded.own.as_ref().map(|own| own.version);
        let own_deltas = rows.deltas.iter().filter(|delta| delta.key.owner == self.owner);
        if let Some(newest) = own_deltas.map(|delta| delta.key.bucket).max() {
            let through = crate::write_path::bucket_at(now.minus_days(FOLD_BEHIND_DAYS));
            if newest > through {
                return Ok(false);
            }
            // First into the row, so that a crash in between leaves the cart as it was.
            let Some(folded) = self.fold_into_row(&key, &loaded, through).await? else { return Ok(false) };
            version = Some(folded);
            carts.remove_deltas(&key, through).await?;
        }
        match version {
            None => Ok(false),
            Some(version) => Ok(matches!(carts.remove(&key, version).await?, Replaced::Applied(_))),
        }
    }

    /// Where a walk begins.
    fn somewhere(&self) -> CartId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.environment.random().to_le_bytes());
        CartId(id)
    }
}

/// How a cart ended, as a label.
fn name(ending: Ending) -> &'static str {
    match ending {
        Ending::Guest => "guest",
        Ending::Empty => "empty",
        Ending::Idle => "idle",
    }
}
