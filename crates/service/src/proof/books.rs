//! All records of a shop at one moment, and what must hold of them: at every moment (K1, K2, K4, K5, K6), and once
//! nothing is under way any more (K3, K6).

use super::bank::Bank;
use cart::{CartId, Dot, line::Sku};
use checkout::{
    Ledger, Order, Stock, TxId,
    format::{decode_ledger, decode_order, decode_shelf, decode_stock, encode_stock_key},
    ledger::Taker,
    stock::{Owner, StockKey},
};
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use storage::{LinearTable, Stores};

/// The records.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) ledgers: BTreeMap<CartId, Ledger>,
    pub(super) stocks: BTreeMap<StockKey, Stock>,
    pub(super) orders: BTreeMap<TxId, Order>,
}

/// A record of stores that answer at once: in memory, or whoever asks them waits.
fn read(stores: &Stores, table: LinearTable, key: &[u8]) -> Option<bytes::Bytes> {
    stores.linear.read(table, key).now_or_never().unwrap().unwrap().map(|record| record.bytes)
}

impl Books {
    /// What is stored below faults and gate.
    pub(super) fn read(stores: &Stores, carts: &BTreeSet<CartId>, skus: &[&str]) -> Self {
        let mut books = Self::default();
        for cart in carts {
            let Some(bytes) = read(stores, LinearTable::Ledger, &cart.0) else { continue };
            books.ledgers.insert(*cart, decode_ledger(&bytes).unwrap());
        }
        let named = books.ledgers.values().flat_map(|ledger| {
            let pending = ledger.pending.iter().map(|pending| pending.tx);
            pending.chain(ledger.aborting.keys().copied()).chain(ledger.committed.keys().copied())
        });
        for tx in named.collect::<BTreeSet<TxId>>() {
            let Some(bytes) = read(stores, LinearTable::Order, &tx.0) else {
                panic!("K4: {tx} has no draft")
            };
            books.orders.insert(tx, decode_order(&bytes).unwrap());
        }
        for sku in skus {
            books.read_stock(stores, &Sku::parse(sku).unwrap());
        }
        books
    }

    fn read_stock(&mut self, stores: &Stores, sku: &Sku) {
        let Some(shelf) = read(stores, LinearTable::Shelf, sku.as_bytes()) else { return };
        let customers =
            self.orders.values().map(|order| Owner::Customer(order.customer.unwrap_or(order.cart.0)));
        let owners = decode_shelf(&shelf).unwrap().owners.into_iter().chain(customers);
        for key in owners.map(|owner| StockKey::new(sku.clone(), owner)).collect::<BTreeSet<_>>() {
            let Some(bytes) = read(stores, LinearTable::Stock, &encode_stock_key(&key)) else { continue };
            self.stocks.insert(key, decode_stock(&bytes).unwrap());
        }
    }

    /// What holds whatever is under way.
    pub(super) fn always_hold(&self, bank: Option<&Bank>) {
        for (key, stock) in &self.stocks {
            assert!(stock.keeps_k1(), "K1 at {key:?}: {stock:?}");
        }
        for (sku, sums) in self.sums() {
            assert!(sums.sold + sums.held <= sums.restocked, "K1 of {sku}: {sums:?}");
        }
        let mut takers: BTreeMap<Dot, Taker> = BTreeMap::new();
        for (cart, ledger) in &self.ledgers {
            for (dot, taker) in &ledger.consumed {
                let other = *takers.entry(*dot).or_insert(*taker);
                assert_eq!(other, *taker, "K5: {dot:?} of {cart} is taken twice");
            }
            self.orders_hold(ledger, bank);
        }
    }

    fn orders_hold(&self, ledger: &Ledger, bank: Option<&Bank>) {
        for (tx, order) in &ledger.committed {
            for (key, listed) in &order.holds {
                let stock = &self.stocks[key];
                let is_held = stock.holds.get(tx).is_some_and(|hold| hold.quantity == *listed);
                assert!(is_held || stock.done.contains_key(tx), "K2: {tx} lists {listed} of {key:?}");
            }
            let dots = &self.orders[tx].dots;
            assert_eq!(ledger.bought_by(*tx), *dots, "K4: the dots of {tx}");
            assert!(bank.is_none_or(|bank| bank.has_money(*tx)), "K6: {tx} is not paid");
        }
    }

    /// What holds once nothing is under way.
    pub(super) fn are_at_rest(&self, bank: Option<&Bank>) {
        for (key, stock) in &self.stocks {
            assert!(stock.holds.is_empty(), "K3: {key:?} holds {:?}", stock.holds);
        }
        for (cart, ledger) in &self.ledgers {
            assert!(ledger.pending.is_none() && ledger.aborting.is_empty(), "K3: {cart}: {ledger:?}");
            assert!(ledger.committed.values().all(|order| order.is_closed), "K3: {cart}: {ledger:?}");
        }
        let sums = self.sums();
        let bought = self.bought();
        for (sku, sums) in sums {
            assert_eq!(sums.sold, bought.get(&sku).copied().unwrap_or(0), "K4: {sku} sold and ordered");
            assert_eq!(sums.sold + sums.available, sums.restocked, "{sku}: {sums:?}");
        }
        let happened: BTreeSet<TxId> = self.happened().map(|order| order.tx).collect();
        let paid = bank.map_or_else(|| happened.clone(), Bank::set_aside);
        assert_eq!(paid, happened, "K6: money is set aside for orders, and for nothing else");
    }

    /// Orders that were committed.
    pub(super) fn happened(&self) -> impl Iterator<Item = &Order> {
        let committed = self.ledgers.values().flat_map(|ledger| ledger.committed.keys());
        committed.map(|tx| &self.orders[tx])
    }

    /// Units of all orders, by SKU.
    pub(super) fn bought(&self) -> BTreeMap<Sku, u64> {
        let mut bought = BTreeMap::new();
        for (sku, units) in self.happened().flat_map(Order::demand) {
            *bought.entry(sku).or_default() += units;
        }
        bought
    }

    fn sums(&self) -> BTreeMap<Sku, Sums> {
        let mut sums: BTreeMap<Sku, Sums> = BTreeMap::new();
        for (key, stock) in self.stocks.iter().filter(|(key, _)| key.owner.is_rights()) {
            let of = sums.entry(key.sku.clone()).or_default();
            of.restocked += stock.restocked;
            of.sold += stock.sold;
            of.held += stock.held();
            of.available += stock.available();
        }
        sums
    }
}

/// Units of a SKU, over its owners.
#[derive(Debug, Default)]
struct Sums {
    restocked: u64,
    sold: u64,
    held: u64,
    available: u64,
}
