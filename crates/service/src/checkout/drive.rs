//! The driver: what a machine of the protocol asks is asked of the stores and hooks, and the reply goes back in.
//!
//! What always holds: a write whose outcome is not known is said to be unknown, and one that was certainly not applied
//! to be unavailable; everything else is the machine's. A machine that is dropped at any point leaves nothing behind
//! that the sweeper does not find.

use super::{
    books::{Book, Books, Written},
    hooks::{Authorisation, HookError},
    turns::Turn,
};
use crate::{Service, error::ServiceError};
use cart::{
    CartId, Dot, WriterId,
    operation::{Consume, Stamp},
};
use checkout::{
    Answer, Effect, Input, Machine, Reply, Request,
    effect::{Found, KillReason, Payment, Placement},
    settings::Clock,
};
use std::collections::{BTreeMap, BTreeSet};
use storage::{Consistency, StoreError};

/// Milliseconds before the next try after a store or hook has failed.
const PAUSE_MS: u64 = 40;

impl Service {
    /// Drives a machine to its end. `tell` hears its answers, the first of which may come before the end.
    pub(crate) async fn drive(
        &self,
        machine: &mut (dyn Machine + Send),
        tell: &mut (dyn FnMut(Answer) + Send),
    ) {
        let mut turn = None;
        let mut effects = machine.step(self.clock(), Input::Start);
        loop {
            let mut asked = None;
            for effect in effects {
                match effect {
                    Effect::Ask(ticket, request) => asked = Some((ticket, request)),
                    Effect::Answer(answer) => tell(answer),
                }
            }
            let Some((ticket, request)) = asked else { return };
            self.checkout.turns.take(&mut turn, &request).await;
            let reply = self.ask(&request, turn.as_mut()).await;
            if matches!(reply, Reply::Unknown | Reply::Unavailable) {
                // Nobody waits for one whom the store does not answer.
                turn = None;
                self.environment.sleep(self.environment.random() % PAUSE_MS + PAUSE_MS).await;
            }
            effects = machine.step(self.clock(), Input::Reply(ticket, reply));
        }
    }

    /// What this node knows of the time: where it has the store to itself, its clock is the store's.
    pub(crate) fn clock(&self) -> Clock {
        Clock::at(self.environment.now())
    }

    pub(crate) fn books(&self) -> Books<'_> {
        Books { linear: &*self.stores.linear, settings: &self.checkout.settings }
    }

    async fn ask(&self, request: &Request, turn: Option<&mut Turn>) -> Reply {
        match self.reply(request, turn).await {
            Ok(reply) => reply,
            Err(error) if error.may_be_applied() => Reply::Unknown,
            Err(error) => {
                if matches!(error, StoreError::Corrupt { .. }) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a checkout met a damaged record"
                    );
                }
                Reply::Unavailable
            }
        }
    }

    async fn reply(&self, request: &Request, turn: Option<&mut Turn>) -> Result<Reply, StoreError> {
        let books = self.books();
        Ok(match request {
            Request::ReadLedger(cart) => Reply::Ledger(books.read(cart).await?),
            Request::WriteLedger { cart, expected, ledger } => {
                let written = books.write(cart, *expected, &**ledger).await?;
                self.checkout.note_claim(*cart, ledger);
                replied(written, Reply::Ledger)
            }
            Request::ReadStock(key) => Reply::Stock(match turn {
                Some(turn) => turn.read(books).await?,
                None => books.read(key).await?,
            }),
            Request::WriteStock { key, expected, stock } => {
                let (written, more) = match turn {
                    Some(turn) => turn.write(books, *expected, stock).await?,
                    None => (books.write(key, *expected, &**stock).await?, None),
                };
                self.checkout.levels.shift(&key.sku, more);
                replied(written, Reply::Stock)
            }
            Request::PutOrder(order) => match books.put_order(order).await? {
                None => Reply::Done,
                Some(found) => Reply::Order(Some(found)),
            },
            Request::ReadOrder(tx) => Reply::Order(books.order(*tx).await?),
            Request::FindOwners { cart, tx, skus } => {
                let mut placements: BTreeMap<_, Placement> = BTreeMap::new();
                for sku in skus {
                    if let Some(placement) = self.placement(*cart, *tx, sku).await? {
                        placements.insert(sku.clone(), placement);
                    }
                }
                Reply::Owners(placements)
            }
            Request::Authorise { tx, total } => {
                let Some(cart) = books.order(*tx).await?.map(|order| order.cart) else {
                    return Ok(Reply::Payment(Payment::Declined));
                };
                self.authorise(&Authorisation { tx: *tx, cart, total: *total }).await
            }
            Request::Void(tx) => match &self.checkout.payments {
                Some(payments) => {
                    payments.void(*tx).await.map_or_else(|error| hook_failed(&error), |()| Reply::Done)
                }
                None => Reply::Done,
            },
            Request::KillDots { cart, dots, why } => match self.kill(*cart, dots, *why).await {
                // An erased cart holds nothing that could be bought again.
                Ok(()) | Err(ServiceError::Erased) => Reply::Done,
                Err(ServiceError::Store(error)) => return Err(error),
                Err(_) => Reply::Unavailable,
            },
            Request::PublishOrder(tx) => {
                self.publish_order(*tx).await?;
                Reply::Done
            }
            // What a planted bug asks of a replica: there is none here.
            #[allow(unreachable_patterns, reason = "builds without planted bugs have no such request")]
            _ => Reply::Unavailable,
        })
    }

    async fn authorise(&self, request: &Authorisation) -> Reply {
        let Some(payments) = &self.checkout.payments else { return Reply::Payment(Payment::Authorised) };
        match payments.authorise(request).await {
            Ok(authorised) => {
                self.checkout.actions.note(request.tx, authorised.action);
                Reply::Payment(authorised.verdict)
            }
            Err(error) => hook_failed(&error),
        }
    }

    /// Takes dots out of the own row. The operation is named by the attempt, so that it is one however often it is done.
    async fn kill(&self, cart: CartId, dots: &BTreeSet<Dot>, why: KillReason) -> Result<(), ServiceError> {
        if why == KillReason::TakenElsewhere {
            self.finish_undos(cart, dots).await?;
        }
        let mut lane = self.lanes.enter(cart, || self.environment.random()).await;
        let loaded = self.load(cart, Consistency::Strong).await?;
        if loaded.state.erased {
            return Err(ServiceError::Erased);
        }
        let is_gone =
            |dot: &Dot| loaded.state.context.contains(*dot) && !loaded.state.entries.contains_key(dot);
        if dots.iter().all(is_gone) {
            return Ok(());
        }
        let dot = match why {
            KillReason::Bought(tx) => Dot::new(WriterId::of_order(&tx.0), 1),
            KillReason::TakenElsewhere => lane.count(),
        };
        let at = self.environment.now();
        let delta = Consume { dots: dots.iter().copied().collect() }.delta(&Stamp { dot, origin: cart, at });
        self.store(cart, loaded, delta, dot, &mut lane).await?;
        Ok(())
    }
}

fn replied<R: Book>(written: Written<R>, newer: fn(Found<R>) -> Reply) -> Reply {
    match written {
        Written::Applied(version) => Reply::Written(version),
        Written::Newer(found) => newer(found),
    }
}

fn hook_failed(error: &HookError) -> Reply {
    metrics::counter!(super::HOOKS_FAILED).increment(1);
    tracing::warn!(error = error as &dyn std::error::Error, "a hook of the checkout did not answer");
    match error {
        HookError::Unavailable(_) => Reply::Unavailable,
        HookError::Unknown(_) => Reply::Unknown,
    }
}
