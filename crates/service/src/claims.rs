//! Claims: a guest's cart goes to the account at login, and can be taken back for a day.
//!
//! A claim never blocks a login. The join is done at once; a policy other than `sum` is decided once, by the merge
//! record that is inserted first. What the stores refuse now is tried again behind the caller's back.

mod undo;

use crate::{
    Service,
    answer::{CartAnswer, CartNotice},
    error::ServiceError,
    identity::Presented,
    load::Loaded,
    read_path::Outcome,
    sessions::{CartAddress, Principal},
};
use bytes::Bytes;
use cart::{
    Cart, CartId, Join, Timestamp,
    format::{decode_merge_record, encode_merge_record},
    operation::{LineOutcome, Merge, MergeRecord, Policy, Seal, Stamp, preview},
    token::{GuestToken, Receipt},
};
use std::sync::Arc;
use storage::{Consistency, Inserted, LinearTable, StoreError};

/// Attempts to finish a claim behind a login.
const ATTEMPTS_BEHIND: u32 = 20;
/// Milliseconds between them, at first; doubled with each.
const PAUSE_BEHIND_MS: u64 = 250;

/// A claim as it was carried out.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The account's cart.
    pub answer: CartAnswer,
    /// What the shopper can read of it.
    pub receipt: MergeReceipt,
}

/// What a merge did, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeReceipt {
    /// Names the merge for its undo.
    pub id: String,
    /// How shared lines were settled.
    pub policy: Policy,
    /// The lines that the guest brought.
    pub lines: Vec<LineOutcome>,
    /// The last moment of an undo; `None` while there is nothing to undo.
    pub undo_until: Option<Timestamp>,
    /// True when the same guest's cart had been merged before.
    pub already_merged: bool,
}

/// What a claim asks for.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// Who is logged in.
    pub subject: String,
    /// Which of the account's carts takes the guest's in.
    pub name: String,
    /// Proof of possession of the guest's cart.
    pub guest: GuestToken,
    /// How lines that both have are settled.
    pub policy: Policy,
}

impl ClaimRequest {
    fn address(&self) -> CartAddress {
        let principal = Principal::Account { subject: self.subject.clone() };
        CartAddress::Own { principal, name: self.name.clone() }
    }

    /// The receipt of a claim into `account` of which nothing else is known yet.
    fn receipt(&self, account: &Cart) -> MergeReceipt {
        MergeReceipt {
            id: merge_id(self.guest.cart),
            policy: self.policy,
            lines: Vec::new(),
            undo_until: None,
            already_merged: account.merged.contains_key(&self.guest.cart),
        }
    }
}

impl MergeReceipt {
    /// The receipt of a merge that was decided.
    pub(crate) fn of(guest: CartId, record: MergeRecord) -> Self {
        let mut receipt = Self {
            id: merge_id(guest),
            policy: record.policy,
            lines: Vec::new(),
            undo_until: None,
            already_merged: true,
        };
        receipt.decided(record);
        receipt
    }

    /// The merge is as it was decided.
    fn decided(&mut self, record: MergeRecord) {
        self.undo_until = Some(record.undo_until());
        (self.policy, self.lines) = (record.policy, record.lines);
    }
}

impl Service {
    /// Shows what a claim would do, without doing it.
    pub async fn preview_claim(&self, request: &ClaimRequest) -> Result<Claimed, ServiceError> {
        if self.has_ended(&request.guest) {
            return self.claim_nothing(request).await;
        }
        let answer = self.read_own(&request.address(), &Presented::default()).await?;
        let mut receipt = request.receipt(&answer.state);
        let key = record_key(answer.cart, request.guest.cart);
        if receipt.already_merged
            && let Ok(Some(decided)) = self.stores.linear.read(LinearTable::Merge, &key).await
        {
            receipt.decided(decode_record(&decided.bytes, request.guest.cart)?);
        } else {
            let guest = self.load(request.guest.cart, Consistency::Eventual).await?.state;
            receipt.lines = preview(request.policy, &answer.state, &guest);
        }
        Ok(Claimed { answer, receipt })
    }

    /// What a claim with a token that has ended gives: nobody can reach the guest's cart any more.
    async fn claim_nothing(&self, request: &ClaimRequest) -> Result<Claimed, ServiceError> {
        let mut answer = self.read_own(&request.address(), &Presented::default()).await?;
        answer.notices.push(CartNotice::SessionExpired);
        let receipt = request.receipt(&answer.state);
        Ok(Claimed { answer, receipt })
    }

    /// Merges the guest's cart into the account's.
    pub async fn claim(self: &Arc<Self>, request: &ClaimRequest) -> Result<Claimed, ServiceError> {
        if self.has_ended(&request.guest) {
            return self.claim_nothing(request).await;
        }
        let address = request.address();
        let mut resolved = self.resolve(&address);
        loop {
            match self.claim_into(resolved.cart, request).await {
                Ok((mut claimed, finished)) => {
                    self.note_name(&address, &resolved, Ok(&claimed.answer.state));
                    if !finished {
                        self.claim_behind(request.clone());
                    }
                    claimed.answer = resolved.complete(claimed.answer);
                    return Ok(claimed);
                }
                Err(error) => resolved = self.resolve_again(&address, &resolved, error)?,
            }
        }
    }

    /// Merges as far as the stores allow; the flag says whether that was all.
    async fn claim_into(
        &self,
        account: CartId,
        request: &ClaimRequest,
    ) -> Result<(Claimed, bool), ServiceError> {
        let guest = request.guest.cart;
        // Guests are never accounts, so taking the guest's lane first cannot deadlock. While both are held
        // nobody of this node adds to the guest's cart between its reading and its sealing.
        let mut guest_lane = self.lanes.enter(guest, || self.environment.random()).await;
        let mut lane = self.lanes.enter(account, || self.environment.random()).await;
        let guest_loaded = self.load(guest, Consistency::Strong).await?;
        let mut loaded = self.load(account, Consistency::Strong).await?;
        if loaded.state.erased {
            return Err(ServiceError::Erased);
        }
        let guest_is_erased = guest_loaded.state.erased;
        let mut receipt = request.receipt(&loaded.state);
        let (mut dot, mut written, mut finished) = (None, None, true);
        let now = self.environment.now();
        let brings = !guest_loaded.state.is_untouched() && !guest_is_erased;
        if brings && loaded.state.takes_guest(guest, now.day()) {
            let stamp = Stamp { dot: Merge::dot(account, guest), origin: account, at: now };
            let record = self.decide(account, &loaded, guest, &guest_loaded, request.policy, now).await;
            let mut delta = Merge { guest, state: Cart::clone(&guest_loaded.state) }.delta(&stamp);
            match record {
                Ok(record) => {
                    delta.join(&record.delta);
                    receipt.decided(record);
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "merge is decided later");
                    receipt.lines = preview(Policy::Sum, &loaded.state, &guest_loaded.state);
                    finished = false;
                }
            }
            written = Some(Receipt::of(account, stamp.dot, now.day(), &delta));
            loaded = self.store(account, loaded, delta, stamp.dot, &mut lane).await?;
            if loaded.state.erased {
                return Err(ServiceError::Erased);
            }
            dot = Some(stamp.dot);
            if guest_loaded.state.merged_into != Some(account) {
                let counted = guest_lane.count();
                let seal = Seal { account }.delta(&Stamp { dot: counted, origin: guest, at: now });
                let sealed = self.store(guest, guest_loaded, seal, counted, &mut guest_lane).await;
                if let Err(error) = sealed {
                    tracing::warn!(error = &error as &dyn std::error::Error, "guest cart is sealed later");
                    finished = false;
                }
            }
        }
        drop((lane, guest_lane));
        let outcome = Outcome {
            cart: account,
            loaded,
            dot,
            lagging: false,
            replayed: receipt.already_merged,
            receipt: written,
        };
        let mut answer = self.answer(outcome).await;
        answer.notices.extend(guest_is_erased.then_some(CartNotice::SessionExpired));
        Ok((Claimed { answer, receipt }, finished))
    }

    /// The one decision on this merge: ours if we are first, else whoever was.
    async fn decide(
        &self,
        account: CartId,
        loaded: &Loaded,
        guest: CartId,
        guest_loaded: &Loaded,
        policy: Policy,
        now: Timestamp,
    ) -> Result<MergeRecord, StoreError> {
        let key = record_key(account, guest);
        let record = MergeRecord::decide(policy, (account, &loaded.state), (guest, &guest_loaded.state), now);
        let bytes = Bytes::from(encode_merge_record(&record));
        match self.stores.linear.insert_if_absent(LinearTable::Merge, &key, bytes, None).await? {
            Inserted::Inserted(_) => Ok(record),
            Inserted::Present(record) => decode_record(&record.bytes, guest),
        }
    }

    /// Goes on with a claim after its login was answered.
    fn claim_behind(self: &Arc<Self>, request: ClaimRequest) {
        let service = self.clone();
        let task = async move {
            for attempt in 0..ATTEMPTS_BEHIND {
                service.environment.sleep(PAUSE_BEHIND_MS << attempt.min(8)).await;
                let Ok(account) = service.read_own(&request.address(), &Presented::default()).await else {
                    continue;
                };
                if matches!(service.claim_into(account.cart, &request).await, Ok((_, true))) {
                    return;
                }
            }
            tracing::error!("claim could not be finished behind its login; the next login tries again");
        };
        self.environment.spawn(Box::pin(task));
    }
}

pub(crate) fn record_key(account: CartId, guest: CartId) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&account.0);
    key[16..].copy_from_slice(&guest.0);
    key
}

pub(crate) fn decode_record(bytes: &[u8], guest: CartId) -> Result<MergeRecord, StoreError> {
    decode_merge_record(bytes)
        .map_err(|source| StoreError::Corrupt { record: format!("merge of {guest}"), source })
}

/// The public name of a merge, within its account: the guest's cart.
fn merge_id(guest: CartId) -> String {
    guest.to_string().replacen("c_", "m_", 1)
}

fn parse_merge_id(id: &str) -> Option<CartId> {
    CartId::parse(&format!("c_{}", id.strip_prefix("m_")?))
}
