//! The carts of one shopper, page by page.

use super::Current;
use crate::{
    Service,
    answer::Kind,
    error::ServiceError,
    identity::Presented,
    sessions::{ACTIVE, CartAddress, Principal},
};
use cart::{
    Cart, CartId, Timestamp,
    id::SubjectId,
    subject::Subject,
    token::GuestToken,
    view::{Surroundings, View},
};
use smol_str::SmolStr;
use storage::{Consistency, StoreError};

/// Carts that are loaded at once.
const LOADED_AT_ONCE: usize = 8;

/// A page of a shopper's carts.
#[derive(Clone, Debug)]
pub struct CartList {
    /// The active cart first, the others by name.
    pub carts: Vec<CartSummary>,
    /// The name to go on behind; `None` at the end.
    pub next: Option<SmolStr>,
    /// True when names that other nodes were told may be missing.
    pub lagging: bool,
    /// A guest token that was made or renewed on the way.
    pub session: Option<GuestToken>,
}

/// A cart without its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartSummary {
    /// Which.
    pub cart: CartId,
    /// Under which name its owner finds it.
    pub name: SmolStr,
    /// Whose.
    pub kind: Kind,
    /// Units in it, without those saved for later.
    pub quantity: u64,
    /// Lines in it.
    pub lines: usize,
    /// Lines saved for later.
    pub saved: usize,
    /// When it last changed; zero if never.
    pub updated_at: Timestamp,
    /// When it ends unless it is used; an account's stays.
    pub expires_at: Option<Timestamp>,
}

impl Service {
    /// The carts of a shopper behind a name, at most so many: a guest's one; of an account the active one, and every
    /// other that was ever changed and has not ended.
    pub async fn list_carts(
        &self,
        principal: &Principal,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CartList, ServiceError> {
        match principal {
            Principal::Account { subject } => self.list_carts_of(subject, after, limit).await,
            Principal::Guest(_) | Principal::Nobody => self.list_guests_cart(principal, after).await,
        }
    }

    async fn list_guests_cart(
        &self,
        principal: &Principal,
        after: Option<&str>,
    ) -> Result<CartList, ServiceError> {
        let address = CartAddress::Own { principal: principal.clone(), name: ACTIVE.to_owned() };
        let answer = self.read_own(&address, &Presented::default()).await?;
        let summary = CartSummary {
            expires_at: answer.expires_at,
            ..self.summary(answer.cart, ACTIVE.into(), Kind::Guest, &answer.state)
        };
        let carts = if after.is_none() { vec![summary] } else { Vec::new() };
        Ok(CartList { carts, next: None, lagging: answer.lagging, session: answer.session })
    }

    async fn list_carts_of(
        &self,
        subject: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CartList, ServiceError> {
        let id = SubjectId::of(&self.shop_key, subject);
        let waiting = self.waiting_names(id);
        let (remembered, lagging) = match self.subject(id).await {
            Ok(record) => (record, false),
            // What is known is shown: the active cart, and the names on their way from here.
            Err(StoreError::Unavailable(_) | StoreError::Overloaded) => (Subject::default(), true),
            Err(error) => return Err(error.into()),
        };
        let mut names: Vec<SmolStr> = self.names_of(id, waiting, &remembered).into_iter().collect();
        names.sort_by(|one, other| order(one).cmp(&order(other)));
        names.retain(|name| after.is_none_or(|after| order(name) > order(after)));
        let mut carts = Vec::new();
        for some in names.chunks(LOADED_AT_ONCE) {
            let found = some.iter().map(|name| self.current(subject, name, Consistency::Eventual));
            let found = futures::future::try_join_all(found).await?;
            for (name, Current { cart, loaded }) in some.iter().zip(found) {
                if name == ACTIVE || !loaded.state.is_untouched() {
                    carts.push(self.summary(cart, name.clone(), Kind::Account, &loaded.state));
                }
            }
            if carts.len() > limit {
                break;
            }
        }
        let is_last = carts.len() <= limit;
        carts.truncate(limit);
        let next = carts.last().filter(|_| !is_last).map(|last| last.name.clone());
        Ok(CartList { carts, next, lagging, session: None })
    }

    fn summary(&self, cart: CartId, name: SmolStr, kind: Kind, state: &Cart) -> CartSummary {
        // Neither quantity nor number of lines depends on what the catalogue says.
        let surroundings = Surroundings::of_catalog(&|_| None, self.settings.currency);
        let View { lines, saved, quantity, updated_at, .. } = View::of(state, &surroundings);
        let (lines, saved) = (lines.len(), saved.len());
        CartSummary { cart, name, kind, quantity, lines, saved, updated_at, expires_at: None }
    }
}

/// The active cart first, the others by name.
fn order(name: &str) -> (bool, &str) {
    (name != ACTIVE, name)
}
