//! Whose cart a request means.
//!
//! A guest holds a token for a random cart; nothing is stored for it. An account's cart is computed from the
//! subject, so it is there before anybody made it. An expired token, or one of a cart that an account took in,
//! does not break the shop: the caller gets a fresh cart, a token for it and a notice.

use crate::{
    Service,
    answer::{CartAnswer, CartNotice, Kind},
    error::ServiceError,
    identity::Presented,
    load::Loaded,
};
use cart::{CartId, Timestamp, token::GuestToken};
use storage::Consistency;

/// The cart that is meant where none is named.
pub const ACTIVE: &str = "active";
/// A subject erased this often must be a fault.
pub(crate) const GENERATIONS_MAX: u32 = 1_000;
/// A token is renewed when it is older than this many days, as long as its cart lets it: see [`cart::lifetime`].
const RENEW_AFTER_DAYS: u32 = 1;

/// Who asks, as the edge has made sure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Whoever holds this guest token.
    Guest(GuestToken),
    /// A shopper who is logged in.
    Account {
        /// As the identity provider names them.
        subject: String,
    },
    /// Nobody yet: a change opens a guest session.
    Nobody,
}

/// The cart that a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CartAddress {
    /// One of the caller's own.
    Own {
        /// Who asks.
        principal: Principal,
        /// Which of theirs; guests have one.
        name: String,
    },
    /// Any cart, by a service.
    Id(CartId),
}

/// An address made concrete for one attempt.
pub(crate) struct Resolved {
    pub(crate) cart: CartId,
    pub(crate) kind: Option<Kind>,
    pub(crate) session: Option<GuestToken>,
    /// A token for longer, if the cart lets it be renewed.
    renewal: Option<GuestToken>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) notices: Vec<CartNotice>,
    pub(crate) generation: u32,
}

impl Service {
    /// A new guest session. An empty cart costs no row.
    pub fn open_session(&self) -> GuestToken {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.environment.random().to_le_bytes());
        id[8..].copy_from_slice(&self.environment.random().to_le_bytes());
        self.guest_token(CartId::guest(id))
    }

    /// A guest token for a cart, valid from now.
    pub(crate) fn guest_token(&self, cart: CartId) -> GuestToken {
        let now = self.environment.now();
        GuestToken { cart, issued_at: now, expires_at: now.plus_days(self.settings.guest_days) }
    }

    /// True of a token that no longer opens its cart: by what it says, and by what the shop says now, because rows
    /// are kept for tokens of today's length.
    pub(crate) fn has_ended(&self, token: &GuestToken) -> bool {
        let now = self.environment.now();
        token.is_expired(now) || now >= token.issued_at.plus_days(self.settings.guest_days)
    }

    /// Reads the cart that is meant.
    pub async fn read_own(
        &self,
        address: &CartAddress,
        presented: &Presented,
    ) -> Result<CartAnswer, ServiceError> {
        let resolved = self.resolve(address);
        let decoded = self.load_alone(resolved.cart, Consistency::Eventual).await?;
        self.read_resolved(address, resolved, decoded, presented).await
    }

    /// The same of the cart that an address may mean, whose own rows were just decoded, or of the next one.
    pub(crate) async fn read_resolved(
        &self,
        address: &CartAddress,
        mut resolved: Resolved,
        mut decoded: Loaded,
        presented: &Presented,
    ) -> Result<CartAnswer, ServiceError> {
        loop {
            let read = match self.read_of(resolved.cart, decoded, presented).await {
                Ok(answer) if answer.state.merged_into.is_some() => {
                    Err(ServiceError::MergedInto(answer.cart))
                }
                other => other,
            };
            match read {
                Ok(answer) => return Ok(resolved.complete(answer)),
                Err(error) => resolved = self.resolve_again(address, &resolved, error)?,
            }
            decoded = self.load_alone(resolved.cart, Consistency::Eventual).await?;
        }
    }

    /// The first cart that an address may mean.
    pub(crate) fn resolve(&self, address: &CartAddress) -> Resolved {
        match address {
            CartAddress::Id(cart) => Resolved::of(*cart, None),
            CartAddress::Own { principal: Principal::Account { subject }, name } => {
                Resolved::of(CartId::account(&self.shop_key, subject, name, 0), Some(Kind::Account))
            }
            CartAddress::Own { principal: Principal::Nobody, .. } => self.fresh_guest(None),
            CartAddress::Own { principal: Principal::Guest(token), .. } => {
                let now = self.environment.now();
                if self.has_ended(token) {
                    return self.fresh_guest(Some(CartNotice::SessionExpired));
                }
                let mut resolved = Resolved::of(token.cart, Some(Kind::Guest));
                resolved.expires_at = Some(token.expires_at);
                if now.day().since(token.issued_at.day()) >= RENEW_AFTER_DAYS {
                    resolved.renewal = Some(self.guest_token(token.cart));
                }
                resolved
            }
        }
    }

    /// The next cart that an address may mean, after `error`: the next generation of an erased account's, a
    /// fresh one for a guest whose cart is gone.
    pub(crate) fn resolve_again(
        &self,
        address: &CartAddress,
        last: &Resolved,
        error: ServiceError,
    ) -> Result<Resolved, ServiceError> {
        let CartAddress::Own { principal, name } = address else { return Err(error) };
        match (principal, &error) {
            (Principal::Account { subject }, ServiceError::Erased) if last.generation < GENERATIONS_MAX => {
                let generation = last.generation + 1;
                let cart = CartId::account(&self.shop_key, subject, name, generation);
                Ok(Resolved { generation, ..Resolved::of(cart, Some(Kind::Account)) })
            }
            (Principal::Guest(_), ServiceError::MergedInto(_)) => {
                Ok(self.fresh_guest(Some(CartNotice::CartMerged)))
            }
            (Principal::Guest(_), ServiceError::Erased) => {
                Ok(self.fresh_guest(Some(CartNotice::SessionExpired)))
            }
            _ => Err(error),
        }
    }

    fn fresh_guest(&self, notice: Option<CartNotice>) -> Resolved {
        let token = self.open_session();
        let mut resolved = Resolved::of(token.cart, Some(Kind::Guest));
        resolved.give(token);
        resolved.notices.extend(notice);
        resolved
    }
}

impl Resolved {
    fn of(cart: CartId, kind: Option<Kind>) -> Self {
        Self {
            cart,
            kind,
            session: None,
            renewal: None,
            expires_at: None,
            notices: Vec::new(),
            generation: 0,
        }
    }

    fn give(&mut self, token: GuestToken) {
        self.session = Some(token);
        self.expires_at = Some(token.expires_at);
    }

    /// True where the cart says whether its token is renewed.
    pub(crate) fn may_be_renewed(&self) -> bool {
        self.renewal.is_some()
    }

    /// Says with an answer whose cart it is and what happened on the way.
    pub(crate) fn complete(mut self, mut answer: CartAnswer) -> CartAnswer {
        if let Some(token) = self.renewal.filter(|_| answer.state.renews_token(answer.now.day())) {
            self.give(token);
        }
        answer.kind = self.kind;
        answer.session = self.session;
        answer.expires_at = self.expires_at;
        answer.notices.extend(self.notices);
        answer
    }
}
