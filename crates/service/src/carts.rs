//! What can be done to a cart: from a request to an operation of the pure crate.
//!
//! Every method resolves whose cart is meant, looks items up before the lane is entered, and leaves the rest to
//! the write path.

mod plan;

use self::plan::{Prepared, delta_of};
use crate::{
    Service,
    answer::CartAnswer,
    catalog::Found,
    error::ServiceError,
    identity::{Conditions, Identity},
    sessions::CartAddress,
    settings::UnknownSku,
    write_path::unseen::Changed,
};
use cart::{
    Cart, CartId, Delta, Join,
    item::Item,
    line::{Line, LineId, LineKey, List, Texts},
    operation::{Add, Replace, Stamp, Wanted},
    quantity::{Quantity, Target},
    seen::Seen,
};
use smol_str::SmolStr;
use std::{collections::BTreeMap, sync::Arc};

/// An add as the edge understood it.
#[derive(Clone, Debug)]
pub struct AddRequest {
    /// What.
    pub line: Line,
    /// How many more.
    pub quantity: Quantity,
    /// The shopper's notes; of a line that is there already, what they say stays where this says nothing.
    pub attributes: Option<Texts>,
    /// What the shop's own service says of the item for this cart.
    pub quote: Option<Quote>,
}

/// A price, and more, that the shop's service names for one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// The price of one unit.
    pub price: Option<cart::money::Money>,
    /// Overrides the catalogue's.
    pub title: Option<SmolStr>,
    /// Overrides the catalogue's.
    pub image: Option<SmolStr>,
    /// Overrides the catalogue's.
    pub url: Option<SmolStr>,
}

/// A change of one line that the caller was shown.
#[derive(Clone, Debug)]
pub struct LineChange {
    /// Which line, in which list.
    pub line: LineId,
    /// What the caller was shown; what is seen now where it does not say.
    pub seen: Option<Seen>,
    /// What to do.
    pub operation: LineOperation,
}

/// What can be done to a line.
#[derive(Clone, Debug)]
pub enum LineOperation {
    /// Make it so many.
    Set(Target),
    /// Take it out.
    Remove,
    /// Put it into this list.
    Move(List),
    /// Replace its attributes.
    Annotate(Texts),
}

/// A change as the edge understood it, in a bulk request or by itself.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds to the cart list.
    Add(AddRequest),
    /// Changes one line.
    Line(LineChange),
    /// Empties a list of what was seen.
    Clear {
        /// Which list.
        list: List,
        /// What the caller was shown; what is seen now where it does not say.
        seen: Option<Seen>,
    },
    /// Sets and removes fields of the cart.
    Fields(BTreeMap<SmolStr, Option<SmolStr>>),
    /// Puts the whole cart list back, as a three-way merge: what others did since it was shown stays.
    Replace {
        /// What the list is to hold.
        lines: BTreeMap<LineKey, AddRequest>,
        /// What the caller was shown of the whole cart.
        seen: Seen,
    },
}

/// What became of one change of a bulk request.
pub type ChangeOutcome = Result<(), Arc<ServiceError>>;

/// One cart's change under one identity.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Whose cart.
    pub address: &'a CartAddress,
    /// Which operation.
    pub identity: &'a Identity,
    /// What must hold before.
    pub conditions: &'a Conditions,
}

impl Service {
    /// Executes one change.
    pub async fn change(&self, request: &Request<'_>, change: Change) -> Result<CartAnswer, ServiceError> {
        let prepared = self.prepare(change).await?;
        self.write_prepared(request, &prepared).await
    }

    /// The same for a caller who does not want to see the cart.
    pub async fn change_unseen(
        &self,
        request: &Request<'_>,
        change: Change,
    ) -> Result<Changed, ServiceError> {
        let prepared = self.prepare(change).await?;
        if let Prepared::Add(add) = &prepared
            && let Some(acknowledged) = self.add_unseen(request, add).await?
        {
            return Ok(Changed::Unseen(acknowledged));
        }
        // In a box of its own: it is much larger than what adds need that nobody looks at.
        let answer = Box::pin(self.write_prepared(request, &prepared)).await?;
        Ok(Changed::Seen(Box::new(answer)))
    }

    async fn write_prepared(
        &self,
        request: &Request<'_>,
        prepared: &Prepared,
    ) -> Result<CartAnswer, ServiceError> {
        self.write_own(request, |cart, state, stamp| delta_of(prepared, cart, state, stamp)).await
    }

    /// Executes changes in order, each standing alone, as one write; `atomic` makes it all or nothing.
    pub async fn change_all(
        &self,
        request: &Request<'_>,
        changes: Vec<Result<Change, ServiceError>>,
        atomic: bool,
    ) -> Result<(CartAnswer, Vec<ChangeOutcome>), ServiceError> {
        // All at once, so that a slow catalogue holds up the request and not each change of it.
        let prepared = futures::future::join_all(changes.into_iter().map(|change| async {
            match change {
                Ok(change) => self.prepare(change).await.map_err(Arc::new),
                Err(error) => Err(Arc::new(error)),
            }
        }))
        .await;
        let mut outcomes = Vec::new();
        let answer = self
            .write_own(request, |cart, state, stamp| {
                let (delta, results) = self.bulk(&prepared, cart, state, stamp);
                let refused = results.iter().any(Result::is_err);
                outcomes = results;
                // A request of which nothing was applied leaves no trace either.
                let nothing = outcomes.iter().all(Result::is_err);
                Ok(if nothing || (atomic && refused) { Cart::default() } else { delta })
            })
            .await?;
        Ok((answer, outcomes))
    }

    /// Writes to whatever cart the address means, trying the next one where the first is gone.
    async fn write_own(
        &self,
        request: &Request<'_>,
        mut plan: impl FnMut(CartId, &Cart, &Stamp) -> Result<Delta, ServiceError> + Send,
    ) -> Result<CartAnswer, ServiceError> {
        let mut resolved = self.resolve(request.address);
        loop {
            let cart = resolved.cart;
            let written = self
                .write(cart, request.identity, request.conditions, |state, stamp| {
                    self.admit_name(request.address, state)?;
                    plan(cart, state, stamp)
                })
                .await;
            self.note_name(request.address, &resolved, written.as_ref().map(|answer| &*answer.state));
            match written {
                Ok(answer) => return Ok(resolved.complete(answer)),
                Err(ServiceError::PreconditionFailed(current)) => {
                    let current = resolved.complete(*current);
                    return Err(ServiceError::PreconditionFailed(Box::new(current)));
                }
                Err(error) => resolved = self.resolve_again(request.address, &resolved, error)?,
            }
        }
    }

    fn bulk(
        &self,
        changes: &[Result<Prepared, Arc<ServiceError>>],
        cart: CartId,
        state: &Cart,
        stamp: &Stamp,
    ) -> (Delta, Vec<ChangeOutcome>) {
        let mut delta = Cart::burning(stamp.dot, stamp.at);
        let mut outcomes = Vec::with_capacity(changes.len());
        let mut current = state.clone();
        for (index, change) in changes.iter().enumerate() {
            let stamp = Stamp { dot: stamp.dot.of_bulk(index), ..*stamp };
            let step = change.as_ref().map_err(Arc::clone).and_then(|change| {
                let step = delta_of(change, cart, &current, &stamp)?;
                self.settings.limits.check(&current, &current.joined(&step)).map_err(ServiceError::from)?;
                Ok(step)
            });
            outcomes.push(step.map(|step| {
                current.join(&step);
                delta.join(&step);
            }));
        }
        (delta, outcomes)
    }

    async fn prepare(&self, change: Change) -> Result<Prepared, ServiceError> {
        Ok(match change {
            Change::Add(add) => Prepared::Add(self.prepare_add(add).await?),
            Change::Line(change) => {
                self.check_texts(&change.operation)?;
                let line = change.seen.as_ref().and_then(|seen| seen.line(change.line.key));
                let raises = matches!(&change.operation, LineOperation::Set(to) if to.get() > 0);
                let item = match line.and_then(|line| line.line.as_ref()).filter(|_| raises) {
                    Some(line) => Some(self.item(line, None, UnknownSku::AcceptUnpriced).await?),
                    None => None,
                };
                Prepared::Line { change, item }
            }
            Change::Clear { list, seen } => Prepared::Clear { list, seen },
            Change::Fields(fields) => {
                for (name, value) in &fields {
                    let field = (name.clone(), value.clone().unwrap_or_default());
                    self.settings.limits.check_texts(&Texts::from([field]))?;
                }
                Prepared::Fields(fields)
            }
            Change::Replace { lines, seen } => {
                let wanted = lines.into_iter().map(|(key, line)| self.prepare_wanted(key, line, &seen));
                let lines = futures::future::try_join_all(wanted).await?.into_iter().collect();
                Prepared::Replace(Replace { lines, seen })
            }
        })
    }

    async fn prepare_wanted(
        &self,
        key: LineKey,
        request: AddRequest,
        seen: &Seen,
    ) -> Result<(LineKey, Wanted), ServiceError> {
        let AddRequest { line, quantity, attributes, quote } = request;
        attributes.iter().try_for_each(|texts| self.settings.limits.check_texts(texts))?;
        // What was shown may stay, whatever has become of its item.
        let was_shown = seen.line(key).is_some();
        let unknown = if was_shown { UnknownSku::AcceptUnpriced } else { self.settings.unknown_sku };
        let item = self.item(&line, quote.as_ref(), unknown).await?;
        let (line, attributes) = (Arc::new(line), attributes.map(Arc::new));
        Ok((key, Wanted { line, to: quantity.into(), attributes, item }))
    }

    async fn prepare_add(&self, request: AddRequest) -> Result<Add, ServiceError> {
        let attributes = request.attributes.filter(|texts| !texts.is_empty());
        attributes.iter().try_for_each(|texts| self.settings.limits.check_texts(texts))?;
        let item = self.item(&request.line, request.quote.as_ref(), self.settings.unknown_sku).await?;
        let (line, attributes) = (Arc::new(request.line), attributes.map(Arc::new));
        Ok(Add { line, list: List::Cart, quantity: request.quantity, attributes, item })
    }

    fn check_texts(&self, operation: &LineOperation) -> Result<(), ServiceError> {
        match operation {
            LineOperation::Annotate(texts) => Ok(self.settings.limits.check_texts(texts)?),
            LineOperation::Set(_) | LineOperation::Remove | LineOperation::Move(_) => Ok(()),
        }
    }

    /// The item of a line as it is now.
    async fn item(
        &self,
        line: &Line,
        quote: Option<&Quote>,
        unknown: UnknownSku,
    ) -> Result<Arc<Item>, ServiceError> {
        let now = self.environment.now();
        let known = match self.catalog.find(line.sku()).await {
            Found::Item(item) => item.snapshot.item,
            Found::Unknown if quote.is_none() && unknown == UnknownSku::Refuse => {
                return Err(ServiceError::UnknownSku(line.sku().to_string()));
            }
            Found::Unknown | Found::Away => Arc::new(Item::unknown(now)),
        };
        let Some(quote) = quote else { return Ok(known) };
        Ok(Arc::new(Item {
            title: quote.title.clone().unwrap_or_else(|| known.title.clone()),
            image: quote.image.clone().or_else(|| known.image.clone()),
            url: quote.url.clone().or_else(|| known.url.clone()),
            price: quote.price.or(known.price),
            quoted: quote.price.is_some(),
            captured_at: now,
            ..(*known).clone()
        }))
    }
}
