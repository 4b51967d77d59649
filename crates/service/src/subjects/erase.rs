//! Erasure of a subject: everything that is stored of it goes, and nothing of it comes back.
//!
//! Done in an order that can break off anywhere and be done again: guests and merge records before the cart that names
//! them, carts before the names that lead to them. What is left is an erased cart, which absorbs whatever still
//! arrives; the subject shops on in the next generation.

use crate::{Service, error::ServiceError};
use cart::{
    Cart, CartId,
    id::SubjectId,
    operation::{Erase, Stamp},
};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use storage::{Consistency, LinearTable, RecordReplaced, StoreError};

/// What an erasure took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasedSubject {
    /// The account's carts, with the names that they had.
    pub carts: BTreeSet<(SmolStr, CartId)>,
    /// Carts of guests that were merged into them.
    pub guests: BTreeSet<CartId>,
    /// Records of merges.
    pub merges: usize,
}

/// What the erasure of one cart took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasedCart {
    /// False when there was nothing to erase.
    pub is_erased: bool,
    /// Carts of guests that were merged into it.
    pub guests: BTreeSet<CartId>,
    /// Records of merges.
    pub merges: usize,
}

impl Service {
    /// Erases all carts of a subject, and what they lead to. Doing it again finds nothing.
    pub async fn erase_subject(&self, subject: &str) -> Result<ErasedSubject, ServiceError> {
        let id = SubjectId::of(&self.shop_key, subject);
        let waiting = self.waiting_names(id);
        let remembered = self.subject(id).await?;
        let mut erased = ErasedSubject::default();
        // What is there now counts as erased even where somebody who says its name late is faster than this.
        for name in self.names_of(id, waiting.clone(), &remembered) {
            let current = self.current(subject, &name, Consistency::Strong).await?;
            if !current.loaded.state.is_untouched() {
                erased.carts.insert((name, current.cart));
            }
        }
        if erased.carts.is_empty() && remembered.names.is_empty() {
            return Ok(erased);
        }
        // Before any cart is erased: who changed a cart before this moment, and is about to say its name, learns from
        // it that the cart has to go. A millisecond passes first: a change that was answered before this was asked for
        // is older than the erasure, and not of the same moment.
        self.environment.sleep(1).await;
        let at = self.environment.now();
        let remembered = self.change_subject(id, |record| record.erase(at)).await?;
        for name in self.names_of(id, waiting, &remembered) {
            let current = self.current(subject, &name, Consistency::Strong).await?;
            let ErasedCart { is_erased, guests, merges } = self.erase_cart(current.cart).await?;
            if is_erased {
                erased.carts.insert((name, current.cart));
            }
            erased.guests.extend(guests);
            erased.merges += merges;
        }
        self.change_subject(id, |record| record.forget_until(at)).await?;
        self.names.forget(id);
        metrics::counter!("evercart_subjects_erased_total").increment(1);
        Ok(erased)
    }

    /// Erases an account's cart, with the guests that were merged into it.
    pub async fn erase_cart(&self, cart: CartId) -> Result<ErasedCart, ServiceError> {
        let mut erased = ErasedCart::default();
        let mut done = BTreeSet::new();
        loop {
            let state = self.load(cart, Consistency::Strong).await?.state;
            for guest in
                state.merged.keys().copied().filter(|guest| !done.contains(guest)).collect::<Vec<_>>()
            {
                if self.erase_one(guest, |_: &Cart| true).await? {
                    erased.guests.insert(guest);
                }
                erased.merges += usize::from(self.remove_merge(cart, guest).await?);
                done.insert(guest);
            }
            // A claim may have brought another guest by now; the account's lane is not held while a guest's is
            // waited for, because claims take them in the other order.
            if self
                .erase_one(cart, |state: &Cart| state.merged.keys().all(|guest| done.contains(guest)))
                .await?
            {
                return Ok(ErasedCart { is_erased: true, ..erased });
            }
            let state = self.load(cart, Consistency::Strong).await?.state;
            if state.erased || state.is_untouched() {
                return Ok(erased);
            }
        }
    }

    /// Erases one cart unless nothing is there, or `may` does not agree.
    async fn erase_one(
        &self,
        cart: CartId,
        may: impl FnOnce(&Cart) -> bool + Send,
    ) -> Result<bool, ServiceError> {
        let mut lane = self.lanes.enter(cart, || self.environment.random()).await;
        let loaded = self.load(cart, Consistency::Strong).await?;
        let is_there = !loaded.state.erased && !loaded.state.is_untouched();
        if !is_there || !may(&loaded.state) {
            return Ok(false);
        }
        let dot = lane.count();
        let delta = Erase.delta(&Stamp { dot, origin: cart, at: self.environment.now() });
        self.store(cart, loaded, delta, dot, &mut lane).await?;
        Ok(true)
    }

    /// Removes the record of a merge; false when there is none.
    async fn remove_merge(&self, account: CartId, guest: CartId) -> Result<bool, StoreError> {
        let (linear, key) = (&self.stores.linear, crate::claims::record_key(account, guest));
        while let Some(record) = linear.read(LinearTable::Merge, &key).await? {
            let removed = linear.remove(LinearTable::Merge, &key, record.version).await?;
            if matches!(removed, RecordReplaced::Applied(_)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
