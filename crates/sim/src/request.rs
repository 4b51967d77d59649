//! What somebody asks of a node, and what it means if it is executed.

use cart::{
    Cart, CartId, Dot, WriterId,
    item::Item,
    line::{Line, LineKey, List, Sku, Texts},
    operation::{
        Add, AnnotateCart, AnnotateLine, Clear, Move, Operation, Remove, Replace, Set, Stamp, Wanted,
    },
    seen::Seen,
    token::Freshness,
};
use service::{
    AddRequest, CartAddress, Identity, LineChange, LineOperation, carts::Change, claims::ClaimRequest,
};
use std::sync::Arc;

/// What is sold.
pub(crate) const SKUS: [&str; 3] = ["book", "pen", "lamp"];

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) address: CartAddress,
    pub(crate) freshness: Option<Freshness>,
    /// Whether whoever asks for one change wants to see the cart after it.
    pub(crate) wants_to_see: bool,
    pub(crate) what: What,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// One change.
    Change(Identity, Change),
    /// Several, as one; all of them or none if the flag is set.
    ChangeAll(Identity, Vec<Change>, bool),
    /// To see the cart.
    Read,
    /// To take the guest's cart in.
    Claim(ClaimRequest),
    /// To take it out again.
    Undo {
        /// The merge, as its receipt named it.
        id: String,
        /// The guest's cart that was merged.
        guest: CartId,
    },
    /// A worker: to take away what it sees of a cart.
    Expire(CartId),
    /// An operator: to forget a cart and its guests.
    Erase(CartId),
}

impl Asked {
    /// How it names itself.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        match &self.what {
            What::Change(identity, _) | What::ChangeAll(identity, ..) => Some(identity),
            _ => None,
        }
    }
}

/// The dot of a request on a cart, as the specification derives it; `None` when the node counts.
pub(crate) fn dot_of(identity: &Identity, cart: CartId) -> Option<Dot> {
    match identity {
        Identity::Client(dot) => Some(*dot),
        Identity::Key { key, payload, first_addressed } => {
            Some(Dot::new(WriterId::one_shot(first_addressed.unwrap_or(cart), key, payload), 1))
        }
        Identity::Unnamed => None,
    }
}

/// The cart whose history a request on `cart` belongs to.
pub(crate) fn origin_of(identity: &Identity, cart: CartId) -> CartId {
    match identity {
        Identity::Key { first_addressed, .. } => first_addressed.unwrap_or(cart),
        Identity::Client(_) | Identity::Unnamed => cart,
    }
}

/// True for a change that says what it saw, or needs to see nothing: sent again, it is the same operation.
pub(crate) fn is_whole(change: &Change) -> bool {
    match change {
        Change::Add(_) | Change::Replace { .. } => true,
        Change::Line(LineChange { seen, .. }) | Change::Clear { seen, .. } => seen.is_some(),
        Change::Fields(_) => false,
    }
}

/// The operation that a change is on a cart of which the node knows `state`.
pub(crate) fn operation(change: &Change, cart: CartId, state: &Cart, stamp: &Stamp) -> Operation {
    let today = stamp.at.day();
    let item = || Arc::new(Item::unknown(stamp.at));
    match change {
        Change::Add(add) => Operation::Add(Add {
            line: Arc::new(add.line.clone()),
            list: List::Cart,
            quantity: add.quantity,
            attributes: add.attributes.clone().map(Arc::new),
            item: item(),
        }),
        Change::Line(LineChange { line: id, seen, operation }) => {
            let (key, list) = (id.key, id.list);
            let seen = seen.clone().unwrap_or_else(|| Seen::of_line(cart, state, key, today));
            match operation {
                LineOperation::Set(to) => {
                    Operation::Set(Set { line: Arc::new(line_of(key)), list, to: *to, item: item(), seen })
                }
                LineOperation::Remove => Operation::Remove(Remove { line: key, list, seen }),
                LineOperation::Move(to) => Operation::Move(Move { line: key, to: *to, seen }),
                LineOperation::Annotate(texts) => {
                    let attributes = Arc::new(texts.clone());
                    Operation::AnnotateLine(AnnotateLine { line: key, list, attributes, seen })
                }
            }
        }
        Change::Clear { list, seen } => {
            let seen = seen.clone().unwrap_or_else(|| Seen::of_cart(cart, state, today));
            Operation::Clear(Clear { list: *list, seen })
        }
        Change::Fields(fields) => {
            let lamport = state.lamport() + 1;
            Operation::AnnotateCart(AnnotateCart { fields: fields.clone(), lamport })
        }
        Change::Replace { lines, seen } => {
            let wanted = |request: &AddRequest| {
                let (line, to) = (Arc::new(request.line.clone()), request.quantity.into());
                Wanted { line, to, attributes: None, item: item() }
            };
            let lines = lines.iter().map(|(key, request)| (*key, wanted(request))).collect();
            Operation::Replace(Replace { lines, seen: seen.clone() })
        }
    }
}

/// The line of something that is sold.
pub(crate) fn line(sku: &str) -> Line {
    let line = Sku::parse(sku).and_then(|sku| Line::new(sku, Texts::default(), None).ok());
    line.unwrap_or_else(|| unreachable!("a plain name"))
}

fn line_of(key: LineKey) -> Line {
    let known = SKUS.iter().map(|sku| line(sku)).find(|line| line.key() == key);
    known.unwrap_or_else(|| unreachable!("only what is sold is asked for"))
}
