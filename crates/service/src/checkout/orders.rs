//! Orders: listed by customer or guest, and read.
//!
//! The ledger decides whether there is an order; the list follows it, by the checkout itself or by the sweeper, and
//! remembers it when the ledger has forgotten.

use super::{
    books::{Book, Books, Written},
    refusal::{CheckoutError, Refusal},
};
use crate::{CartAddress, Service, error::ServiceError, identity::Presented};
use bytes::Bytes;
use cart::{CartId, Timestamp, id::SubjectId};
use checkout::{
    Order, Settings, TxId,
    format::{FormatError, decode_order_list, encode_order_list},
    order_list::{Listed, OrderList},
};
use std::sync::Arc;
use storage::{LinearTable, StoreError};

/// Some of the orders of a caller, newest first.
#[derive(Clone, Debug)]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<Arc<Order>>,
    /// Where to go on; `None` at the end.
    pub next: Option<TxId>,
}

/// Whose list, and which page of it.
pub(crate) struct ListKey {
    of: [u8; 16],
    /// Full pages count from 1; the page that grows is 0.
    page: u32,
}

impl Book for OrderList {
    type Key = ListKey;
    const TABLE: LinearTable = LinearTable::OrderList;

    fn key(key: &ListKey) -> Bytes {
        [&key.of[..], &key.page.to_be_bytes()].concat().into()
    }

    fn encode(&self) -> Vec<u8> {
        encode_order_list(self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        decode_order_list(bytes)
    }

    fn due(&self, _: &Settings) -> Option<Timestamp> {
        None
    }
}

/// Whose list an order is in.
fn list_of(order: &Order) -> [u8; 16] {
    order.customer.unwrap_or(order.cart.0)
}

impl Service {
    /// Puts an order into the list of its customer, once.
    pub(crate) async fn publish_order(&self, tx: TxId) -> Result<(), StoreError> {
        let books = self.books();
        let Some(order) = books.order(tx).await? else { return Ok(()) };
        let of = list_of(&order);
        let growing = ListKey { of, page: 0 };
        let mut list = books.read::<OrderList>(&growing).await?;
        loop {
            let is_there = list.value.orders.iter().any(|listed| listed.tx == tx);
            if is_there || in_full_page(books, of, list.value.pages, tx).await? {
                return Ok(());
            }
            let mut longer = (*list.value).clone();
            if longer.is_full() {
                self.keep_page(of, &longer).await?;
                longer = OrderList { orders: Vec::new(), pages: longer.pages + 1 };
            }
            longer.list(Listed { tx, at: order.created_at });
            match books.write(&growing, list.version, &longer).await? {
                Written::Applied(_) => {
                    metrics::counter!("evercart_orders_total").increment(1);
                    return Ok(());
                }
                Written::Newer(newer) => list = newer,
            }
        }
    }

    /// Copies a full page before it begins anew, so that no reader misses it.
    async fn keep_page(&self, of: [u8; 16], full: &OrderList) -> Result<(), StoreError> {
        let key = ListKey { of, page: full.pages + 1 };
        self.books().write(&key, None, full).await.map(drop)
    }

    /// True of an order that is in its list: whatever its ledger has forgotten since.
    pub(crate) async fn is_listed(&self, order: &Order) -> Result<bool, ServiceError> {
        let (books, of) = (self.books(), list_of(order));
        let growing = books.read::<OrderList>(&ListKey { of, page: 0 }).await?;
        let is_there = growing.value.orders.iter().any(|listed| listed.tx == order.tx);
        Ok(is_there || in_full_page(books, of, growing.value.pages, order.tx).await?)
    }

    /// The caller's orders, newest first, behind `after`, at most `limit`; with those of guests that were merged in.
    pub async fn orders(
        &self,
        address: &CartAddress,
        after: Option<TxId>,
        limit: usize,
    ) -> Result<OrderPage, CheckoutError> {
        let own = self.read_own(address, &Presented::default()).await?;
        let mut lists: Vec<[u8; 16]> = vec![own.cart.0];
        lists.extend(self.customer(address));
        lists.extend(own.state.merged.keys().map(|guest: &CartId| guest.0));
        let listed = self.listed(lists).await?;
        let behind = after.and_then(|after| listed.iter().position(|listed| listed.tx == after));
        let rest = &listed[behind.map_or(0, |at| at + 1)..];
        let mut orders = Vec::new();
        for listed in rest.iter().take(limit) {
            orders.extend(self.books().order(listed.tx).await.map_err(ServiceError::from)?);
        }
        let next = rest.get(limit).and_then(|_| rest.get(limit.checked_sub(1)?)).map(|listed| listed.tx);
        Ok(OrderPage { orders, next })
    }

    /// All orders of a subject, newest first: of its carts, of those that were erased, and of the guests' `carts`.
    pub(crate) async fn orders_of_subject(
        &self,
        id: SubjectId,
        carts: impl Iterator<Item = CartId> + Send,
    ) -> Result<Vec<Arc<Order>>, ServiceError> {
        let listed = self.listed(std::iter::once(id.0).chain(carts.map(|cart| cart.0)).collect()).await?;
        let mut orders = Vec::new();
        for listed in listed {
            orders.extend(self.books().order(listed.tx).await?);
        }
        Ok(orders)
    }

    /// What stands in some lists, newest first.
    async fn listed(&self, lists: Vec<[u8; 16]>) -> Result<Vec<Listed>, ServiceError> {
        let mut listed = Vec::new();
        for of in lists {
            listed.extend(self.list(of).await?);
        }
        listed.sort_by_key(|listed| std::cmp::Reverse((listed.at, listed.tx)));
        listed.dedup();
        Ok(listed)
    }

    async fn list(&self, of: [u8; 16]) -> Result<Vec<Listed>, ServiceError> {
        let books = self.books();
        let growing = books.read::<OrderList>(&ListKey { of, page: 0 }).await?;
        let mut listed = growing.value.orders.clone();
        for page in 1..=growing.value.pages {
            listed.extend(&books.read::<OrderList>(&ListKey { of, page }).await?.value.orders);
        }
        Ok(listed)
    }

    /// An order of the caller: one that happened.
    pub async fn order(&self, address: &CartAddress, tx: TxId) -> Result<Arc<Order>, CheckoutError> {
        let order = self.order_of(address, tx).await?;
        self.happened(order).await
    }

    /// Any order, for the shop's services.
    pub async fn any_order(&self, tx: TxId) -> Result<Arc<Order>, CheckoutError> {
        let order = self.books().order(tx).await.map_err(ServiceError::from)?;
        self.happened(order.ok_or_else(|| CheckoutError::of(Refusal::Unknown, None))?).await
    }

    async fn happened(&self, order: Arc<Order>) -> Result<Arc<Order>, CheckoutError> {
        use checkout::ledger::State;
        let ledger = self.books().read::<checkout::Ledger>(&order.cart).await.map_err(ServiceError::from)?;
        let is_order = matches!(ledger.value.state(order.tx), State::Open(_) | State::Closed);
        if is_order || self.is_listed(&order).await? {
            return Ok(order);
        }
        Err(CheckoutError::of(Refusal::Unknown, None))
    }
}

/// True of an order that stands in a page that is full: asked where the sweeper repeats what was done long ago.
async fn in_full_page(books: Books<'_>, of: [u8; 16], pages: u32, tx: TxId) -> Result<bool, StoreError> {
    for page in (1..=pages).rev() {
        let full = books.read::<OrderList>(&ListKey { of, page }).await?;
        if full.value.orders.iter().any(|listed| listed.tx == tx) {
            return Ok(true);
        }
    }
    Ok(false)
}
