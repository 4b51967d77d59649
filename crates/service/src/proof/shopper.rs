//! Shoppers with few words: what they ask of one node, and what they are shown, as text.
//!
//! Always holds: whoever says that something must succeed panics where it does not.

use crate::{
    AddRequest, CartAddress, CartAnswer, Changed, Claimed, Conditions, Identity, LineChange, LineOperation,
    Principal, Service, ServiceError,
    carts::{Change, Request},
    claims::ClaimRequest,
};
use cart::{
    CartId, Dot, WriterId,
    line::{Line, LineId, List, Sku, Texts},
    operation::Policy,
    quantity::{Quantity, Target},
    seen::Seen,
    token::GuestToken,
};
use std::{collections::BTreeMap, sync::Arc};

use super::environment::TODAY;

/// Somebody who shops through one node.
#[derive(Clone)]
pub struct Shopper {
    /// The node that is asked.
    pub service: Arc<Service>,
    /// Whose cart.
    pub address: CartAddress,
    /// What is demanded of every change.
    pub conditions: Conditions,
}

/// What becomes of a change.
pub type Answered = Result<CartAnswer, ServiceError>;

impl Shopper {
    pub(super) fn of(service: &Arc<Service>, principal: Principal) -> Self {
        let address = CartAddress::Own { principal, name: crate::sessions::ACTIVE.into() };
        Self { service: service.clone(), address, conditions: Conditions::default() }
    }

    /// The same shopper at another node.
    pub fn at(&self, service: &Arc<Service>) -> Self {
        Self { service: service.clone(), ..self.clone() }
    }

    /// The same shopper, demanding something.
    pub fn demanding(&self, conditions: Conditions) -> Self {
        Self { conditions, ..self.clone() }
    }

    /// The same shopper with another guest token.
    pub fn holding(&self, token: GuestToken) -> Self {
        let address =
            CartAddress::Own { principal: Principal::Guest(token), name: crate::sessions::ACTIVE.into() };
        Self { address, ..self.clone() }
    }

    /// The guest's token.
    pub fn token(&self) -> GuestToken {
        match &self.address {
            CartAddress::Own { principal: Principal::Guest(token), .. } => *token,
            other => panic!("no guest: {other:?}"),
        }
    }

    /// The cart; it must be there to read.
    pub async fn read(&self) -> CartAnswer {
        self.service.read_own(&self.address, &self.conditions.presented).await.unwrap()
    }

    /// The request that brings a guest's cart to this account.
    pub fn claim_request(&self, guest: GuestToken, policy: Policy) -> ClaimRequest {
        let CartAddress::Own { principal: Principal::Account { subject }, name } = &self.address else {
            panic!("no account: {:?}", self.address)
        };
        ClaimRequest { subject: subject.clone(), name: name.clone(), guest, policy }
    }

    /// Claims a guest's cart.
    pub async fn claim(&self, guest: &Self, policy: Policy) -> Result<Claimed, ServiceError> {
        self.service.claim(&self.claim_request(guest.token(), policy)).await
    }

    /// The cart's id.
    pub async fn cart(&self) -> CartId {
        self.read().await.cart
    }

    /// Changes the cart under an identity.
    pub async fn change_as(&self, identity: &Identity, change: Change) -> Answered {
        let request = Request { address: &self.address, identity, conditions: &self.conditions };
        self.service.change(&request, change).await
    }

    /// Changes the cart without wanting to see it.
    pub async fn change_unseen_as(
        &self,
        identity: &Identity,
        change: Change,
    ) -> Result<Changed, ServiceError> {
        let request = Request { address: &self.address, identity, conditions: &self.conditions };
        self.service.change_unseen(&request, change).await
    }

    /// Adds units of a SKU without wanting to see the cart; true where nobody looked at it.
    pub async fn add_unseen(&self, sku: &str, quantity: u32) -> bool {
        let changed = self.change_unseen_as(&Identity::Unnamed, add(sku, quantity)).await;
        matches!(changed.unwrap(), Changed::Unseen(_))
    }

    /// Changes the cart.
    pub async fn change(&self, change: Change) -> Answered {
        self.change_as(&Identity::Unnamed, change).await
    }

    /// Adds units of a SKU; must succeed.
    pub async fn add(&self, sku: &str, quantity: u32) -> CartAnswer {
        self.change(add(sku, quantity)).await.unwrap()
    }

    /// What the shopper sees now.
    pub async fn shows(&self) -> String {
        shown(&self.read().await)
    }
}

/// The change that adds units of a SKU.
pub fn add(sku: &str, quantity: u32) -> Change {
    let quantity = Quantity::new(quantity).unwrap();
    Change::Add(AddRequest { line: line(sku), quantity, attributes: None, quote: None })
}

/// The line of a SKU without options.
pub fn line(sku: &str) -> Line {
    Line::new(Sku::parse(sku).unwrap(), Texts::default(), None).unwrap()
}

/// The public id of a SKU's line in the cart.
pub fn in_cart(sku: &str) -> LineId {
    LineId { key: line(sku).key(), list: List::Cart }
}

/// A change of a SKU's line in the cart list.
pub fn line_change(sku: &str, operation: LineOperation, seen: Option<Seen>) -> Change {
    Change::Line(LineChange { line: in_cart(sku), seen, operation })
}

/// The change that makes a line have so many units.
pub fn set(sku: &str, to: u32, seen: Option<Seen>) -> Change {
    line_change(sku, LineOperation::Set(Target::new(to).unwrap()), seen)
}

/// The change that takes a line out.
pub fn remove(sku: &str, seen: Option<Seen>) -> Change {
    line_change(sku, LineOperation::Remove, seen)
}

/// The change that puts a line aside.
pub fn save_for_later(sku: &str, seen: Option<Seen>) -> Change {
    line_change(sku, LineOperation::Move(List::Saved), seen)
}

/// What an answer showed of a line, as its token says it.
pub fn seen(answer: &CartAnswer, sku: &str) -> Option<Seen> {
    let key = line(sku).key();
    Some(Seen::of_line(answer.cart, &answer.state, key, answer.now.day()))
}

/// What an answer shows of the whole cart.
pub fn seen_whole(answer: &CartAnswer) -> Option<Seen> {
    Some(Seen::of_cart(answer.cart, &answer.state, answer.now.day()))
}

/// An idempotency key with a payload.
pub fn key(key: &str, payload: &str) -> Identity {
    Identity::Key { key: key.into(), payload: payload.into(), first_addressed: None }
}

/// The number that a client counted to, on its writer drawn today.
pub fn client(random: u64, seq: u32) -> Identity {
    Identity::Client(Dot::new(WriterId::client(TODAY, random), seq))
}

/// An answer's cart as text: `A 2, B 1 | saved C 1`.
pub fn shown(answer: &CartAnswer) -> String {
    let view = answer.view();
    let list = |lines: &[cart::view::ViewLine]| {
        let lines: BTreeMap<_, _> =
            lines.iter().map(|line| (line.line.sku().to_string(), line.quantity)).collect();
        lines.iter().map(|(sku, units)| format!("{sku} {units}")).collect::<Vec<_>>().join(", ")
    };
    let saved = list(&view.saved);
    if saved.is_empty() { list(&view.lines) } else { format!("{} | saved {saved}", list(&view.lines)) }
}
