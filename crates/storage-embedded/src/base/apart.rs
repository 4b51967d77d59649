//! Carts in the row log, everything else in fjall: carts are many, small, and where the tail matters; the rest has keys
//! of any length, is asked for in order, and changes seldom.
//!
//! A fold that fails may have written the rest and not the carts. That does no harm: only durable states are written,
//! and the journal still has all of them.

use std::path::Path;

use storage::cart::CartId;

use super::row_log::RowLog;
use super::{AtHand, Base, BaseResult, Captured, FjallBase, Put, Usage};
use crate::key::{self, Key};

/// Carts that are moved at once from where an earlier release kept them.
const MOVED_AT_ONCE: usize = 100_000;

pub(crate) struct CartsApart {
    carts: RowLog,
    others: FjallBase,
}

impl CartsApart {
    /// Opens the row log in `carts` over a base that is open; carts that this has are moved.
    pub(crate) fn open(carts: &Path, others: FjallBase) -> BaseResult<Self> {
        Self::over(RowLog::open(carts)?, others)
    }

    /// The same over a log that is open.
    pub(crate) fn over(carts: RowLog, others: FjallBase) -> BaseResult<Self> {
        let base = Self { carts, others };
        base.move_carts()?;
        Ok(base)
    }

    /// Moves carts out of the base for everything else. The log has them durably before they go from there; what is in
    /// the log already is newer.
    fn move_carts(&self) -> BaseResult<()> {
        let (from, end) = key::carts_range();
        loop {
            let keys = self.others.keys(&from, &end, MOVED_AT_ONCE)?;
            if keys.is_empty() {
                return Ok(());
            }
            tracing::info!(carts = keys.len(), "carts are moved to the row log");
            self.carts.fold(|put| -> BaseResult<()> {
                for cart in keys.iter().filter_map(|key| key::cart_of(key)) {
                    if self.carts.get(cart)?.is_none() {
                        put(cart, self.others.get(&key::cart(cart))?.as_deref())?;
                    }
                }
                Ok(())
            })?;
            self.others.fold(&mut |put| keys.iter().try_for_each(|key| put(key, None)))?;
        }
    }
}

impl Base for CartsApart {
    fn get(&self, key: &[u8]) -> BaseResult<Option<Vec<u8>>> {
        match key::cart_of(key) {
            Some(cart) => Ok(self.carts.get(cart)?),
            None => self.others.get(key),
        }
    }

    fn at_hand(&self, key: &[u8]) -> BaseResult<AtHand> {
        match key::cart_of(key) {
            Some(cart) => Ok(self.carts.at_hand(cart)?),
            None => self.others.at_hand(key),
        }
    }

    fn contains(&self, key: &[u8]) -> BaseResult<bool> {
        match key::cart_of(key) {
            Some(cart) => Ok(self.carts.contains(cart)),
            None => self.others.contains(key),
        }
    }

    fn keys(&self, from: &[u8], end: &[u8], limit: usize) -> BaseResult<Vec<Key>> {
        if !key::is_cart(from) {
            return self.others.keys(from, end, limit);
        }
        // One more: a page that goes on behind a cart begins at that cart here, and a page that is short is the last.
        let carts =
            self.carts.carts_from(first_cart(from), limit.saturating_add(1)).into_iter().map(key::cart);
        Ok(carts.filter(|key| key[..] >= *from && key[..] < *end).take(limit).collect())
    }

    fn fold(&self, fill: &mut dyn FnMut(&mut Put<'_>) -> BaseResult<()>) -> BaseResult<()> {
        self.carts.fold(|put_cart| {
            self.others.fold(&mut |put_other| {
                fill(&mut |key, value| match key::cart_of(key) {
                    Some(cart) => Ok(put_cart(cart, value)?),
                    None => put_other(key, value),
                })
            })
        })
    }

    fn collect(&self, live_percent_min: u64) -> BaseResult<bool> {
        Ok(self.carts.collect(live_percent_min)?)
    }

    fn capture(&self) -> BaseResult<Captured> {
        Ok(Captured { segments: self.carts.capture(), ..self.others.capture()? })
    }

    fn usage(&self) -> Option<Usage> {
        Some(self.carts.usage())
    }
}

/// The first cart whose key may be at or behind `from`.
fn first_cart(from: &[u8]) -> CartId {
    let mut id = [0; 16];
    let given = from.get(1..).unwrap_or_default();
    let length = given.len().min(id.len());
    id[..length].copy_from_slice(&given[..length]);
    CartId(id)
}
