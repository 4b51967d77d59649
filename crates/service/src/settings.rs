//! What a shop decides, with defaults.

use crate::checkout::CheckoutSettings;
use cart::{limits::Limits, money::Currency};
use smol_str::SmolStr;

/// Settings of the service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this region, as answers say it.
    pub region: SmolStr,
    /// The shop's currency, for carts that do not name one.
    pub currency: Currency,
    /// What a cart may grow to.
    pub limits: Limits,
    /// Days without use after which a guest's token ends.
    pub guest_days: u32,
    /// Days without a change after which an account's cart is emptied; `None` for never.
    pub account_idle_days: Option<u32>,
    /// Carts that the worker looks at in a second, to see whether they have ended; 0 for none.
    pub expiry_per_second: u32,
    /// Carts that the worker refreshes in a second after items have changed; 0 for none.
    pub refresh_per_second: u32,
    /// Carts that the worker folds in a second, where the engine keeps deltas: at least 1.
    pub fold_per_second: u32,
    /// Carts that an account may have beside its active one.
    pub named_carts_max: u32,
    /// What becomes of an add of a SKU that the catalogue does not have.
    pub unknown_sku: UnknownSku,
    /// Milliseconds that an add or a read waits for the catalogue copy at most.
    pub catalog_wait_ms: u64,
    /// Items kept decoded in memory; 0 keeps none.
    pub catalog_cached_max: u64,
    /// Memory for carts that are kept decoded, with what was made of them for answers, in bytes and roughly.
    pub decoded_bytes_max: u64,
    /// What the shop decided on checkout.
    pub checkout: CheckoutSettings,
    /// Milliseconds between two looks at checkouts that were left half-way.
    pub sweep_every_ms: u64,
    /// Cart lanes kept open.
    pub lanes_max: u64,
    /// Attempts of one write before the caller is told to come back.
    pub write_attempts_max: u32,
    /// Milliseconds from the first attempt of a write in which further ones begin.
    pub write_within_ms: u64,
}

/// What becomes of an add of a SKU that the catalogue does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownSku {
    /// It is refused.
    Refuse,
    /// It is put in with the notice `unpriced`.
    AcceptUnpriced,
}

impl Settings {
    /// The defaults for a shop in one region with this currency.
    pub fn new(currency: Currency) -> Self {
        Self {
            region: "local".into(),
            currency,
            limits: Limits::default(),
            guest_days: 30,
            account_idle_days: None,
            expiry_per_second: 500,
            refresh_per_second: 2_000,
            fold_per_second: 500,
            named_carts_max: 50,
            unknown_sku: UnknownSku::Refuse,
            catalog_wait_ms: 5,
            catalog_cached_max: 100_000,
            decoded_bytes_max: 256 << 20,
            checkout: CheckoutSettings::default(),
            sweep_every_ms: 30_000,
            lanes_max: 100_000,
            write_attempts_max: 16,
            write_within_ms: 3_000,
        }
    }
}
