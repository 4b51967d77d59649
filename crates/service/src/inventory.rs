//! The shop's stock: where it is, what the shop does to it, and who holds what.
//!
//! A SKU is tracked from its first count or delivery on; others sell freely. Each change is once by its key, kept in the
//! very record that it changes. Units come and go at the home of a SKU; from there they are split over buckets, where
//! many sell at once, and come home for a correction.

mod holds;
pub(crate) mod levels;
mod recount;

pub use holds::{HeldUnits, HoldPage};

use crate::{Service, checkout::books::Book, error::ServiceError};
use bytes::Bytes;
use cart::{CartId, Timestamp, line::Sku};
use checkout::{
    Machine, Settings, Stock, TxId,
    effect::{Limit, Placement},
    format::{FormatError, decode_shelf, encode_shelf},
    grant::Grant,
    id::KeyHash,
    resolver::{Reach, Resolver},
    shelf::Shelf,
    stock::{Change, Outcome, Owner, Rights, StockKey, collapse, refill},
};
use std::sync::Arc;
use storage::{LinearTable, StoreError};

/// Units of a SKU, over all its owners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// That can be bought now.
    pub available: u64,
    /// Put aside for checkouts under way.
    pub held: u64,
    /// Sold, ever.
    pub sold: u64,
    /// Put here by the shop, ever, less corrections.
    pub restocked: u64,
    /// That corrections should have taken and were held or sold.
    pub short: u64,
    /// Parts that sell at once.
    pub buckets: usize,
    /// Units that one customer may buy in all.
    pub limit: Option<u64>,
}

/// A change by the shop.
#[derive(Clone, Debug)]
pub struct StockChange {
    /// Of what.
    pub sku: Sku,
    /// What.
    pub change: Change,
    /// Why.
    pub reason: String,
    /// Names it, so that it happens once.
    pub key: String,
}

/// What the shop decides on a SKU; what is not named stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShelfChange {
    /// Parts that sell at once, at least.
    pub buckets: Option<u16>,
    /// Units that one customer may buy in all; `Some(None)` for as many as there are.
    pub limit: Option<Option<u64>>,
}

impl Book for Shelf {
    type Key = Sku;
    const TABLE: LinearTable = LinearTable::Shelf;

    fn key(key: &Sku) -> Bytes {
        Bytes::copy_from_slice(key.as_bytes())
    }

    fn encode(&self) -> Vec<u8> {
        encode_shelf(self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        decode_shelf(bytes)
    }

    fn due(&self, _: &Settings) -> Option<Timestamp> {
        None
    }
}

impl Service {
    /// Units of a SKU now; `None` where it is not tracked.
    pub async fn stock_level(&self, sku: &Sku) -> Result<Option<Level>, StoreError> {
        let Some(shelf) = self.shelf(sku).await? else { return Ok(None) };
        let selling = self.selling(&shelf);
        let mut level = Level { buckets: selling.len(), limit: shelf.limit, ..Level::default() };
        for owner in &selling {
            let stock = self.books().read::<Stock>(&StockKey::new(sku.clone(), owner.clone())).await?.value;
            level.available += stock.available();
            level.held += stock.held();
            level.sold += stock.sold;
            level.restocked += stock.restocked;
            level.short += stock.short;
        }
        Ok(Some(level))
    }

    /// Changes the stock of a SKU, which is tracked from then on; done before, it says what it came to.
    pub async fn change_stock(&self, change: &StockChange) -> Result<Outcome, ServiceError> {
        let shelf = self.shelve(&change.sku, ShelfChange::default()).await?;
        let home = self.home(&change.sku);
        let selling = self.selling(&shelf);
        let takes = matches!(change.change, Change::Remove(_) | Change::Count(_));
        if takes && selling.len() > 1 {
            self.gather(&change.sku, &selling).await?;
        }
        // What other owners have is counted by whoever counts.
        let elsewhere = self.elsewhere(&change.sku, &selling).await?;
        let at_home = match change.change {
            Change::Count(quantity) => Change::Count(quantity.saturating_sub(elsewhere)),
            other => other,
        };
        let (key, clock) = (KeyHash::of(&change.key), self.clock());
        let apply = |stock: &mut Stock| {
            let outcome = stock.change(key, at_home, &change.reason, clock);
            stock.prune(clock);
            Some(outcome)
        };
        let outcome = self.books().change(&home, apply).await?.unwrap_or(NOTHING);
        self.spread(&change.sku, &selling).await?;
        self.checkout.levels.forget(&change.sku);
        Ok(outcome)
    }

    /// What the shop decides on a SKU, which is tracked from then on.
    pub async fn change_shelf(&self, sku: &Sku, change: ShelfChange) -> Result<(), ServiceError> {
        let shelf = self.shelve(sku, change).await?;
        self.spread(sku, &self.selling(&shelf)).await?;
        self.checkout.levels.forget(sku);
        Ok(())
    }

    async fn shelve(&self, sku: &Sku, change: ShelfChange) -> Result<Shelf, StoreError> {
        let (region, incarnation) = (&self.settings.region, self.checkout.incarnation);
        let shelf = self.books().read::<Shelf>(sku).await?;
        let put = |shelf: &mut Shelf| {
            let before = shelf.clone();
            shelf.split(region, incarnation, change.buckets.unwrap_or(1));
            shelf.limit = change.limit.unwrap_or(shelf.limit);
            (before != *shelf).then(|| shelf.clone())
        };
        self.note_tracking().await?;
        let changed = self.books().change(sku, put).await?;
        Ok(changed.unwrap_or_else(|| (*shelf.value).clone()))
    }

    pub(crate) async fn shelf(&self, sku: &Sku) -> Result<Option<Arc<Shelf>>, StoreError> {
        let found = self.books().read::<Shelf>(sku).await?;
        Ok(found.version.map(|_| found.value))
    }

    fn selling(&self, shelf: &Shelf) -> Vec<Owner> {
        shelf.selling(&self.settings.region, self.checkout.incarnation)
    }

    fn home(&self, sku: &Sku) -> StockKey {
        StockKey::new(sku.clone(), Owner::home(&self.settings.region, self.checkout.incarnation))
    }

    /// Where a SKU may be held for an attempt: its buckets, each attempt beginning at another one; `None` where it is
    /// not tracked. Holds whose time is over are resolved on the way.
    pub(crate) async fn placement(
        &self,
        cart: CartId,
        tx: TxId,
        sku: &Sku,
    ) -> Result<Option<Placement>, StoreError> {
        let Some(shelf) = self.shelf(sku).await? else { return Ok(None) };
        let mut owners = self.selling(&shelf);
        if owners.is_empty() {
            // Stock of another life: frozen until it was counted, and not free for all.
            owners.push(Owner::home(&self.settings.region, self.checkout.incarnation));
            self.books()
                .change(&self.home(sku), |stock: &mut Stock| (*stock == Stock::default()).then_some(()))
                .await?;
        }
        if self.checkout.levels.may_look(sku) {
            self.resolve_due(sku, &owners).await?;
        }
        let first = usize::from(tx.0[0]) % owners.len();
        owners.rotate_left(first);
        let Some(bound) = shelf.limit else { return Ok(Some(Placement { owners, limit: None })) };
        let customer = self.books().order(tx).await?.and_then(|order| order.customer).unwrap_or(cart.0);
        let limit = Limit { owner: Owner::Customer(customer), bound };
        Ok(Some(Placement { owners, limit: Some(limit) }))
    }

    async fn resolve_due(&self, sku: &Sku, owners: &[Owner]) -> Result<(), StoreError> {
        for owner in owners {
            let key = StockKey::new(sku.clone(), owner.clone());
            let found = self.books().read::<Stock>(&key).await?;
            if found.value.due().is_some_and(|due| self.clock().is_past(due)) {
                self.drive_to_end(Resolver::new(key, Reach::Due, Some(found), self.checkout.settings)).await;
            }
        }
        Ok(())
    }

    /// Drives a machine that answers nobody.
    pub(crate) async fn drive_to_end(&self, mut machine: impl Machine + Send) {
        Box::pin(self.drive(&mut machine, &mut drop)).await;
    }

    /// Brings what is available elsewhere home.
    async fn gather(&self, sku: &Sku, selling: &[Owner]) -> Result<(), StoreError> {
        let stocks = self.stocks(sku, selling).await?;
        let stocks: Vec<(Owner, &Stock)> =
            stocks.iter().map(|(owner, stock)| (owner.clone(), &**stock)).collect();
        self.grant_all(sku, collapse(&self.home(sku).owner, &stocks)).await;
        Ok(())
    }

    /// Gives every bucket its share.
    async fn spread(&self, sku: &Sku, selling: &[Owner]) -> Result<(), StoreError> {
        for owner in selling.iter().filter(|_| selling.len() > 1) {
            let stocks = self.stocks(sku, selling).await?;
            let stocks: Vec<(Owner, &Stock)> =
                stocks.iter().map(|(owner, stock)| (owner.clone(), &**stock)).collect();
            self.grant_all(sku, refill(owner, &stocks)).await;
        }
        Ok(())
    }

    async fn grant_all(&self, sku: &Sku, plan: Vec<Rights>) {
        for rights in plan {
            self.drive_to_end(Grant::new(sku, rights, self.checkout.settings)).await;
        }
    }

    async fn stocks(&self, sku: &Sku, owners: &[Owner]) -> Result<Vec<(Owner, Arc<Stock>)>, StoreError> {
        let mut stocks = Vec::with_capacity(owners.len());
        for owner in owners {
            let key = StockKey::new(sku.clone(), owner.clone());
            stocks.push((owner.clone(), self.books().read::<Stock>(&key).await?.value));
        }
        Ok(stocks)
    }

    /// Units at other owners than the home: available or held.
    async fn elsewhere(&self, sku: &Sku, selling: &[Owner]) -> Result<u64, StoreError> {
        let home = self.home(sku).owner;
        let stocks = self.stocks(sku, selling).await?;
        Ok(stocks
            .iter()
            .filter(|(owner, _)| *owner != home)
            .map(|(_, stock)| stock.available() + stock.held())
            .sum())
    }
}

const NOTHING: Outcome = Outcome { added: 0, taken: 0, short: 0 };
