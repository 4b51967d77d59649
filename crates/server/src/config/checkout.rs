//! Settings of checkout: what a shopper is shown and asked, the timers of the protocol, and the shop's own programs.

use super::{ConfigError, authorities::Authorities, secret::Secret};
use crate::hooks::{Patience, SigningKeys};
use http::{Uri, uri::Scheme};
use serde::{Deserialize, Serialize};
use service::checkout::CheckoutSettings;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Checkout.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkout {
    /// A shopper must have said yes to the total.
    pub needs_consent: bool,
    /// So few units are worth a notice: 0 to 1,000,000; 0 for none.
    pub low_stock_max: u64,
    /// Milliseconds for which a node shows what it last knew of stock: 0 to 60,000.
    pub stock_shown_ms: u64,
    /// Seconds between two looks at what was left half-way: 1 to 600.
    pub sweep_seconds: u64,
    /// Seconds that a cart and its stock are claimed for a checkout, renewed while it is driven: 10 to 600.
    pub claim_seconds: u64,
    /// Seconds that a shopper has for the payment: 60 to 1,080.
    pub shopper_seconds: u64,
    /// Where payments are asked for; empty: nothing is paid here.
    pub payment_url: String,
    /// Signs these questions. This or `payment_secret_file`.
    pub payment_secret: Secret,
    /// A file with that secret.
    pub payment_secret_file: PathBuf,
    /// Where tax and shipping are asked for; empty: there is none.
    pub price_url: String,
    /// Signs these questions. This or `price_secret_file`.
    pub price_secret: Secret,
    /// A file with that secret.
    pub price_secret_file: PathBuf,
    /// A file of certificates to trust for hooks in place of the system's.
    pub hook_ca_file: PathBuf,
    /// Milliseconds that a hook has for an answer: 50 to 60,000.
    pub hook_timeout_ms: u64,
    /// Times that a question is asked: 1 to 5.
    pub hook_attempts: u32,
}

impl Default for Checkout {
    fn default() -> Self {
        let CheckoutSettings { protocol, needs_consent, low_stock_max, stock_shown_ms, .. } =
            CheckoutSettings::default();
        Self {
            needs_consent,
            low_stock_max,
            stock_shown_ms,
            sweep_seconds: 30,
            claim_seconds: protocol.claim_ms / 1000,
            shopper_seconds: protocol.shopper_ms / 1000,
            payment_url: String::new(),
            payment_secret: Secret::default(),
            payment_secret_file: PathBuf::new(),
            price_url: String::new(),
            price_secret: Secret::default(),
            price_secret_file: PathBuf::new(),
            hook_ca_file: PathBuf::new(),
            hook_timeout_ms: 5_000,
            hook_attempts: 2,
        }
    }
}

/// Where a hook is, as configured.
pub(crate) struct HookAddress<'a> {
    keys: [&'static str; 3],
    url: &'a str,
    secret: &'a Secret,
    /// Empty where the secret stands in the configuration.
    pub(crate) secret_file: &'a Path,
}

impl Checkout {
    /// What the service is told, without the hooks and without the incarnation.
    pub(super) fn settings(&self) -> CheckoutSettings {
        let protocol = checkout::Settings {
            claim_ms: self.claim_seconds * 1000,
            shopper_ms: self.shopper_seconds * 1000,
            ..checkout::Settings::default()
        };
        CheckoutSettings {
            protocol,
            needs_consent: self.needs_consent,
            low_stock_max: self.low_stock_max,
            stock_shown_ms: self.stock_shown_ms,
            ..CheckoutSettings::default()
        }
    }

    /// Where payments are asked for.
    pub(crate) fn payment(&self) -> HookAddress<'_> {
        HookAddress {
            keys: ["checkout.payment_url", "checkout.payment_secret", "checkout.payment_secret_file"],
            url: &self.payment_url,
            secret: &self.payment_secret,
            secret_file: &self.payment_secret_file,
        }
    }

    /// Where tax and shipping are asked for.
    pub(crate) fn price(&self) -> HookAddress<'_> {
        HookAddress {
            keys: ["checkout.price_url", "checkout.price_secret", "checkout.price_secret_file"],
            url: &self.price_url,
            secret: &self.price_secret,
            secret_file: &self.price_secret_file,
        }
    }

    /// Whom hooks' certificates are checked against; `None` stands for the system's.
    pub(crate) fn authorities(&self) -> Result<Option<Authorities>, ConfigError> {
        Authorities::read("checkout.hook_ca_file", &self.hook_ca_file)
    }

    /// How long and how often hooks are asked.
    pub(crate) fn patience(&self) -> Patience {
        let timeout = Duration::from_millis(self.hook_timeout_ms);
        Patience { timeout, attempts: usize::try_from(self.hook_attempts).unwrap_or(1).max(1) }
    }

    /// Refuses what cannot be meant.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.payment().check()?;
        self.price().check()?;
        self.authorities()?;
        // A claim is renewed down to a third of it before money is asked for, and must not end meanwhile.
        let longest_ms = self.hook_timeout_ms * u64::from(self.hook_attempts);
        if 3 * longest_ms > 1000 * self.claim_seconds {
            return Err(ConfigError::OutOfBounds {
                key: "checkout.hook_timeout_ms",
                value: self.hook_timeout_ms.to_string(),
                bound: "times `checkout.hook_attempts` at most a third of `checkout.claim_seconds`",
            });
        }
        Ok(())
    }
}

impl HookAddress<'_> {
    /// Where it is, if there is one.
    pub(crate) fn url(&self) -> Result<Option<Uri>, ConfigError> {
        if self.url.is_empty() {
            return Ok(None);
        }
        // What a URL says of users is a secret, and secrets have their own key.
        let wrong = || ConfigError::OutOfBounds {
            key: self.keys[0],
            value: "something else".to_owned(),
            bound: "an http or https URL with a host, without a user and without `#`",
        };
        let uri: Uri = self.url.parse().map_err(|_| wrong())?;
        let is_web = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
        let has_host =
            uri.authority().is_some_and(|host| !host.host().is_empty() && !host.as_str().contains('@'));
        if is_web && has_host && !self.url.contains('#') { Ok(Some(uri)) } else { Err(wrong()) }
    }

    /// What its questions are signed with, where the configuration says it.
    pub(crate) fn keys(&self) -> Result<SigningKeys, ConfigError> {
        self.secret.reveal().parse().map_err(|_| ConfigError::OutOfBounds {
            key: self.keys[1],
            value: format!("{:?}", self.secret),
            bound: "`whsec_` with 24 to 64 bytes in base64, or be in a file",
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        let is_in_file = !self.secret_file.as_os_str().is_empty();
        if self.url()?.is_some() && !is_in_file || !self.secret.is_empty() {
            self.keys()?;
        }
        if is_in_file && !self.secret.is_empty() {
            let value = self.secret_file.display().to_string();
            return Err(ConfigError::OutOfBounds {
                key: self.keys[2],
                value,
                bound: "absent beside the secret",
            });
        }
        Ok(())
    }
}
