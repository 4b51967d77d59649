//! The shop's own programs, asked over HTTP: payment, and prices with tax and shipping.
//!
//! A question is a JSON POST that is signed by Standard Webhooks, and asked again with the same id when no answer came.
//! What always holds: an answer that is not understood is none; and of a question that went unanswered it is said
//! whether it may have been heard, over all the times that it was asked. Where hooks stand and how long they may take
//! is configuration; nothing of a question, an answer or a secret is ever logged.

mod answer;
mod call;
mod circuit;
mod client;
mod payment;
mod price;
mod signature;

pub(crate) use call::{CALLS, DURATION, Patience};
pub use signature::{BadSecret, SigningKeys};

use crate::config::{
    ConfigError,
    checkout::{Checkout, HookAddress},
};
use call::Hook;
use payment::PaymentHook;
use price::PriceHook;
use service::checkout::hooks::{Payments, Pricing};
use std::{io, path::PathBuf, sync::Arc};

/// Why hooks cannot be asked. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum HookSetupError {
    /// The configuration does not fit.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file of a secret cannot be read.
    #[error("secret of a hook cannot be read from `{}`", path.display())]
    Secret {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What the file says is no secret.
    #[error("`{}` does not hold a secret of a hook: {source}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: BadSecret,
    },
    /// The system's certificates are not to be had.
    #[error(
        "certificates to trust cannot be loaded: install those of the system, or name a file of them in \
        `checkout.hook_ca_file`"
    )]
    Tls(#[from] rustls::Error),
}

/// The payment hook, where there is one.
pub fn payments(settings: &Checkout) -> Result<Option<Arc<dyn Payments>>, HookSetupError> {
    let hook = hook(settings, &settings.payment())?;
    Ok(hook.map(|hook| Arc::new(PaymentHook(hook)) as Arc<dyn Payments>))
}

/// The price hook, where there is one.
pub fn pricing(settings: &Checkout) -> Result<Option<Arc<dyn Pricing>>, HookSetupError> {
    let hook = hook(settings, &settings.price())?;
    Ok(hook.map(|hook| Arc::new(PriceHook(hook)) as Arc<dyn Pricing>))
}

fn hook(settings: &Checkout, address: &HookAddress<'_>) -> Result<Option<Hook>, HookSetupError> {
    let Some(url) = address.url()? else { return Ok(None) };
    let path = address.secret_file.to_owned();
    let keys = if path.as_os_str().is_empty() {
        address.keys()?
    } else {
        match std::fs::read_to_string(&path) {
            Ok(text) => text.parse().map_err(|source| HookSetupError::Malformed { path, source })?,
            Err(source) => return Err(HookSetupError::Secret { path, source }),
        }
    };
    let roots = settings.authorities()?.map(|authorities| authorities.roots);
    Ok(Some(Hook::new(url, keys, roots, settings.patience())?))
}
