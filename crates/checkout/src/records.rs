//! What a machine knows of ledgers and stock: each record as it last saw it, with the version to write against.
//!
//! A write that came too late brings the newer record; a write whose outcome is unknown takes away what was known,
//! so that the next look reads again. So a machine only ever decides on a record, and the store says whether that
//! record was still the newest.

use crate::{
    effect::{Found, Reply, Request},
    id::TxId,
    ledger::Ledger,
    settings::Clock,
    stock::{Stock, StockKey},
};
use cart::CartId;
use std::{collections::BTreeMap, sync::Arc};

/// Records as last seen, and how often asking failed in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Records {
    ledgers: BTreeMap<CartId, Found<Ledger>>,
    stocks: BTreeMap<StockKey, Found<Stock>>,
    failures: u32,
}

impl Records {
    /// A ledger that the caller has read.
    pub(crate) fn know_ledger(&mut self, cart: CartId, ledger: Found<Ledger>) {
        self.ledgers.insert(cart, ledger);
    }

    /// A stock record that the caller has read.
    pub(crate) fn know_stock(&mut self, key: StockKey, stock: Found<Stock>) {
        self.stocks.insert(key, stock);
    }

    /// The ledger as last seen, or the request to read it.
    pub(crate) fn ledger(&self, cart: CartId) -> Result<&Ledger, Request> {
        self.ledgers.get(&cart).map(|found| &*found.value).ok_or(Request::ReadLedger(cart))
    }

    /// Stock as last seen, or the request to read it. No record is no stock.
    pub(crate) fn stock(&self, key: &StockKey) -> Result<Option<&Stock>, Request> {
        let found = self.stocks.get(key).ok_or_else(|| Request::ReadStock(key.clone()))?;
        Ok(found.version.map(|_| &*found.value))
    }

    /// Forgets a ledger, so that the next look reads it.
    pub(crate) fn forget_ledger(&mut self, cart: CartId) {
        self.ledgers.remove(&cart);
    }

    /// Forgets a stock record, so that the next look reads it.
    pub(crate) fn forget_stock(&mut self, key: &StockKey) {
        self.stocks.remove(key);
    }

    /// The request to write a ledger over the one last seen.
    pub(crate) fn write_ledger(&self, cart: CartId, ledger: Ledger) -> Request {
        let expected = self.ledgers.get(&cart).and_then(|found| found.version);
        Request::WriteLedger { cart, expected, ledger: Arc::new(ledger) }
    }

    /// The first half of aborting an attempt that is not the machine's own; the sweeper does the rest.
    pub(crate) fn abort(&self, cart: CartId, tx: TxId, clock: Clock) -> Request {
        let mut ledger = self.ledger(cart).cloned().unwrap_or_default();
        ledger.abort(tx, clock.now);
        self.write_ledger(cart, ledger)
    }

    /// The request to write a stock record over the one last seen.
    pub(crate) fn write_stock(&self, key: &StockKey, stock: Stock) -> Request {
        let expected = self.stocks.get(key).and_then(|found| found.version);
        Request::WriteStock { key: key.clone(), expected, stock: Arc::new(stock) }
    }

    /// Learns from a reply.
    pub(crate) fn take(&mut self, request: &Request, reply: &Reply) {
        match reply {
            Reply::Unknown | Reply::Unavailable => self.failures += 1,
            _ => self.failures = 0,
        }
        match (request, reply) {
            (Request::WriteLedger { cart, ledger, .. }, Reply::Written(version)) => {
                let found = Found { version: Some(*version), value: ledger.clone() };
                self.ledgers.insert(*cart, found);
            }
            (Request::WriteStock { key, stock, .. }, Reply::Written(version)) => {
                let found = Found { version: Some(*version), value: stock.clone() };
                self.stocks.insert(key.clone(), found);
            }
            (Request::WriteLedger { cart, .. } | Request::ReadLedger(cart), Reply::Ledger(found)) => {
                self.ledgers.insert(*cart, found.clone());
            }
            #[cfg(feature = "planted-bugs")]
            (Request::ReadStaleLedger(cart), Reply::Ledger(found)) => {
                self.ledgers.insert(*cart, found.clone());
            }
            (Request::WriteStock { key, .. } | Request::ReadStock(key), Reply::Stock(found)) => {
                self.stocks.insert(key.clone(), found.clone());
            }
            (Request::WriteLedger { cart, .. }, Reply::Unknown) => self.forget_ledger(*cart),
            (Request::WriteStock { key, .. }, Reply::Unknown) => self.forget_stock(key),
            _ => {}
        }
    }

    /// True when asking has failed so often in a row that it is time to give up; asking again starts anew.
    pub(crate) fn gives_up(&mut self, attempts_max: u32) -> bool {
        let gives_up = self.failures >= attempts_max;
        if gives_up {
            self.failures = 0;
        }
        gives_up
    }
}
