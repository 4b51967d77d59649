//! The orders of one customer or cart, newest last: a list of names, in pages that fill up and are never changed again.

use crate::id::TxId;
use cart::Timestamp;

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrderList {
    /// In the order in which they were listed.
    pub orders: Vec<Listed>,
    /// Full pages before this one.
    pub pages: u32,
}

/// An order in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listed {
    /// Which.
    pub tx: TxId,
    /// When it was drafted.
    pub at: Timestamp,
}

/// Orders of a page.
pub const PAGE_ORDERS: usize = 256;

impl OrderList {
    /// Lists an order, unless it is there; false when it is.
    pub fn list(&mut self, listed: Listed) -> bool {
        let is_new = !self.orders.iter().any(|other| other.tx == listed.tx);
        if is_new {
            self.orders.push(listed);
        }
        is_new
    }

    /// True when the next order goes on a page of its own.
    pub fn is_full(&self) -> bool {
        self.orders.len() >= PAGE_ORDERS
    }
}
