//! Undo of a merge: each side has again what it had, within a day, once.
//!
//! The ledger comes first: from the claim of the brought dots on no order can have them. What stops between the claim
//! and the carts is finished by whoever meets it: the undo itself when it is repeated, or a checkout that finds dots
//! taken by it. Killing such dots before they were given back would lose them.

use super::{decode_record, parse_merge_id, record_key};
use crate::{
    Service, answer::CartAnswer, error::ServiceError, identity::Presented, load::Loaded, read_path::Outcome,
    sessions::CartAddress,
};
use cart::{
    CartId, Dot,
    operation::{MergeRecord, Undo},
    token::Receipt,
};
use checkout::{Answer, Ledger, ledger::Taker, undo::ClaimUndo};
use std::collections::BTreeSet;
use storage::{Consistency, LinearTable, StoreError};

/// The account's cart after an undo.
struct GivenBack {
    loaded: Loaded,
    is_replayed: bool,
    receipt: Option<Receipt>,
}

impl Service {
    /// Undoes a merge within its day: the answer is the account's cart, with the token of the guest's new one.
    pub async fn undo_claim(&self, address: &CartAddress, id: &str) -> Result<CartAnswer, ServiceError> {
        let guest = parse_merge_id(id).ok_or(ServiceError::UnknownMerge)?;
        let account = self.read_own(address, &Presented::default()).await?.cart;
        let record = self.merge_record(account, guest).await?.ok_or(ServiceError::UnknownMerge)?;
        if self.environment.now() > record.undo_until() {
            return Err(ServiceError::UndoEnded);
        }
        self.claim_undo(account, guest, &record).await?;
        let GivenBack { loaded, is_replayed, receipt } = self.give_back(account, guest, &record).await?;
        let outcome = Outcome {
            cart: account,
            loaded,
            dot: Some(record.undo_dot()),
            lagging: false,
            replayed: is_replayed,
            receipt,
        };
        let mut answer = self.answer(outcome).await;
        answer.session = Some(self.guest_token(CartId::of_undo(account, guest)));
        Ok(answer)
    }

    async fn merge_record(
        &self,
        account: CartId,
        guest: CartId,
    ) -> Result<Option<MergeRecord>, ServiceError> {
        let record = self.stores.linear.read(LinearTable::Merge, &record_key(account, guest)).await?;
        Ok(record.map(|record| decode_record(&record.bytes, guest)).transpose()?)
    }

    /// Writes both carts, once the ledger has the dots.
    async fn give_back(
        &self,
        account: CartId,
        guest: CartId,
        record: &MergeRecord,
    ) -> Result<GivenBack, ServiceError> {
        // Guests before accounts, as in a claim: of what an undo returned, a claim may be under way already.
        let returned = CartId::of_undo(account, guest);
        let mut returned_lane = self.lanes.enter(returned, || self.environment.random()).await;
        let mut lane = self.lanes.enter(account, || self.environment.random()).await;
        let mut loaded = self.load(account, Consistency::Strong).await?;
        if loaded.state.erased {
            return Err(ServiceError::UnknownMerge);
        }
        let (now, dot) = (self.environment.now(), record.undo_dot());
        let undone = Undo { record, account: &loaded.state }.deltas(now);
        let is_replayed = loaded.state.context.contains(dot);
        let mut receipt = None;
        if !is_replayed {
            receipt = Some(Receipt::of(account, dot, now.day(), &undone.account));
            let before = self.load(returned, Consistency::Strong).await?;
            self.store(returned, before, undone.guest, record.return_dot(), &mut returned_lane).await?;
            loaded = self.store(account, loaded, undone.account, dot, &mut lane).await?;
        }
        if loaded.state.erased {
            // Another node erased the account meanwhile: what was returned goes the same way.
            drop(returned_lane);
            self.erase_cart(returned).await?;
            return Err(ServiceError::UnknownMerge);
        }
        Ok(GivenBack { loaded, is_replayed, receipt })
    }

    /// Finishes undos that have taken some of these dots in the ledger and not given them back yet.
    pub(crate) async fn finish_undos(
        &self,
        account: CartId,
        dots: &BTreeSet<Dot>,
    ) -> Result<(), ServiceError> {
        let ledger = self.books().read::<Ledger>(&account).await?.value;
        let takers: BTreeSet<CartId> = dots
            .iter()
            .filter_map(|dot| match ledger.consumed.get(dot) {
                Some(Taker::Undo(returned)) => Some(*returned),
                Some(Taker::Order(_)) | None => None,
            })
            .collect();
        if takers.is_empty() {
            return Ok(());
        }
        let merged = self.load(account, Consistency::Strong).await?.state;
        for guest in merged.merged.keys().filter(|guest| takers.contains(&CartId::of_undo(account, **guest)))
        {
            if let Some(record) = self.merge_record(account, *guest).await? {
                self.give_back(account, *guest, &record).await?;
            }
        }
        Ok(())
    }

    /// Takes the brought dots before any cart is touched: from then on no order can have them.
    async fn claim_undo(
        &self,
        account: CartId,
        guest: CartId,
        record: &MergeRecord,
    ) -> Result<(), ServiceError> {
        let dots = record.brought.keys().copied().collect();
        let mut machine = ClaimUndo::new(account, guest, dots, self.checkout.settings);
        let mut answer = Answer::Unavailable { tx: None };
        self.drive(&mut machine, &mut |told| answer = told).await;
        match answer {
            Answer::UndoClaimed => Ok(()),
            Answer::UndoRefused { .. } => Err(ServiceError::Bought),
            Answer::Busy { .. } => Err(ServiceError::CheckoutOpen),
            _ => Err(StoreError::Unavailable("the ledgers do not answer".into()).into()),
        }
    }
}
