//! The claim: the whole decision of the third step, on one record.
//!
//! What is asked first matters. A key that is known wins over everything, so that a repeated request is answered
//! with its own attempt whatever happened to the cart since.

use super::{Joined, KnownKey, Ledger, Pending, Taker};
use crate::{
    id::{BodyHash, KeyHash, TxId},
    planted::{self, Bug},
    settings::{Clock, Settings},
};
use cart::{CartId, Dot, line::Sku};
use std::collections::{BTreeMap, BTreeSet};

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The attempt.
    pub tx: TxId,
    /// What it would buy, by dot.
    pub dots: BTreeSet<Dot>,
    /// The same, by SKU.
    pub lines: BTreeMap<Sku, u64>,
    /// The request's key and body.
    pub key: Option<(KeyHash, BodyHash)>,
}

/// What became of a claim. Nothing changed unless it was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The attempt has the cart.
    Claimed,
    /// The key named an attempt before.
    Known(TxId, KeyState),
    /// The key came with another body before.
    KeyReused,
    /// The ledger of this guest's cart goes on in an account's.
    Moved(CartId),
    /// One order bought all of it.
    Bought(TxId),
    /// Some of it was taken, by these.
    Taken(BTreeMap<Dot, Taker>),
    /// Another attempt has the cart.
    Busy(TxId),
    /// Another attempt has the cart and is past its deadline: to be aborted first.
    PastDeadline(TxId),
}

/// What is known of the attempt of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Somebody drives it.
    Driven,
    /// Nobody drives it: it waits for the shopper, or its coordinator is late.
    Resumable,
    /// It is an order.
    Order,
    /// It was aborted.
    Aborted,
}

impl Ledger {
    /// Gives the cart to an attempt, or says why not.
    pub fn claim(&mut self, claim: &Claim, joined: &Joined, clock: Clock, settings: &Settings) -> Claimed {
        if let Some(known) = self.find_key(claim.key, joined, clock) {
            return known;
        }
        if let Some(account) = self.moved_to {
            return Claimed::Moved(account);
        }
        let is_claimed = !planted::is_on(Bug::P17CartIsNotClaimed);
        if let Some(taken) = self.find_taken(&claim.dots, joined).filter(|_| is_claimed) {
            return taken;
        }
        if let Some(other) = self.pending.as_ref().filter(|_| is_claimed) {
            let is_past = clock.is_past(other.deadline);
            return if is_past { Claimed::PastDeadline(other.tx) } else { Claimed::Busy(other.tx) };
        }
        self.grant(claim, joined, clock, settings);
        Claimed::Claimed
    }

    /// What is known of a request's key: in this ledger, and in those that are about to be absorbed.
    pub fn find_key(
        &self,
        key: Option<(KeyHash, BodyHash)>,
        joined: &Joined,
        clock: Clock,
    ) -> Option<Claimed> {
        let (key, body) = key?;
        let known = self.keys.get(&key).or_else(|| joined.keys.get(&key))?;
        if known.body != body {
            return Some(Claimed::KeyReused);
        }
        let pending = self.pending.as_ref().filter(|pending| pending.tx == known.tx);
        let state = match pending {
            Some(pending) => pending.key_state(clock),
            None if known.is_order => KeyState::Order,
            None => KeyState::Aborted,
        };
        Some(Claimed::Known(known.tx, state))
    }

    fn find_taken(&self, dots: &BTreeSet<Dot>, joined: &Joined) -> Option<Claimed> {
        let taker = |dot: &Dot| self.consumed.get(dot).or_else(|| joined.consumed.get(dot)).copied();
        let taken: BTreeMap<Dot, Taker> =
            dots.iter().filter_map(|dot| taker(dot).map(|taker| (*dot, taker))).collect();
        let takers: BTreeSet<Taker> = taken.values().copied().collect();
        match (takers.first(), takers.len()) {
            (None, _) => None,
            (Some(Taker::Order(tx)), 1) if taken.len() == dots.len() => Some(Claimed::Bought(*tx)),
            _ => Some(Claimed::Taken(taken)),
        }
    }

    fn grant(&mut self, claim: &Claim, joined: &Joined, clock: Clock, settings: &Settings) {
        self.absorb(joined);
        self.prune(clock);
        if let Some((key, body)) = claim.key {
            self.keys.insert(key, KnownKey { tx: claim.tx, body, at: clock.now, is_order: false });
        }
        let for_skus = settings.prepare_ms_per_sku.saturating_mul(claim.lines.len() as u64);
        self.pending = Some(Pending {
            tx: claim.tx,
            dots: claim.dots.clone(),
            lines: claim.lines.clone(),
            claimed_at: clock.now,
            prepare_by: clock.plus(settings.prepare_ms.saturating_add(for_skus)),
            deadline: clock.plus(settings.claim_ms),
            awaits_shopper: false,
        });
    }
}

impl Pending {
    /// Whether somebody drives this attempt.
    pub fn key_state(&self, clock: Clock) -> KeyState {
        if self.awaits_shopper || clock.is_past(self.deadline) {
            KeyState::Resumable
        } else {
            KeyState::Driven
        }
    }
}
