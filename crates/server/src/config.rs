//! Configuration: one TOML file, every key overridable by the environment (`EVERCART_LISTEN`,
//! `EVERCART_AUTH__LOCAL_ISSUER` …), unknown keys refused.
//!
//! Meanings and bounds of all keys stand in [`declared`], from which the reference is made.

mod authorities;
pub mod cache;
pub mod cassandra;
pub mod checkout;
pub mod declared;
pub mod dynamodb;
pub mod engine;
pub mod postgres;
pub mod secret;
pub mod shown;
pub mod store;

use cache::{Cache, PolicySetting};
use cassandra::Cassandra;
use checkout::Checkout;
use declared::{Bound, keys};
use dynamodb::Dynamodb;
use engine::EngineKind;
use postgres::Postgres;
use shown::Setting;
pub use store::{Backup, Index, Store};

use crate::{
    auth::settings::{JwtSettings, check_origins},
    http::limit::settings::RateSettings,
};
use cart::{limits::Limits, money::Currency};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};
use service::{Settings, settings::UnknownSku};
use std::{net::SocketAddr, path::PathBuf};

/// Variables of the environment that begin like keys and are none.
const NOT_SETTINGS: [&str; 3] = ["log", "test_data", "sim_seconds"];

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the data and the key files are.
    pub data: PathBuf,
    /// The name of this region, as answers say it.
    pub region: String,
    /// The shop's currency, for carts that do not name one: three letters of ISO 4217.
    pub currency: String,
    /// Who may ask.
    pub auth: Auth,
    /// The shop's copy of its items.
    pub catalog: Catalog,
    /// How long carts are kept.
    pub carts: Carts,
    /// From a cart to an order.
    pub checkout: Checkout,
    /// What a cart may grow to.
    pub limits: LimitSettings,
    /// What a request may look like.
    pub http: Http,
    /// How often callers may ask.
    pub rate: RateSettings,
    /// Which engine keeps carts, records and items.
    pub engine: EngineKind,
    /// The embedded engine.
    pub store: Store,
    /// Copies of carts in front of the engine.
    pub cache: Cache,
    /// PostgreSQL.
    pub postgres: Postgres,
    /// DynamoDB.
    pub dynamodb: Dynamodb,
    /// Cassandra.
    pub cassandra: Cassandra,
    /// The index from SKUs to carts.
    pub index: Index,
    /// Where the server may write backups.
    pub backup: Backup,
}

/// Who may ask.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Accept shopper tokens that `evercart token shopper` made. On with `--demo`.
    pub local_issuer: bool,
    /// Origins, such as `https://shop.example`, from which a browser may change carts by cookie, besides the
    /// server's own.
    pub origins: Vec<String>,
    /// Tokens of an identity provider.
    pub jwt: JwtSettings,
}

/// The shop's copy of its items.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalog {
    /// What becomes of an add of a SKU that the catalogue does not have.
    pub unknown_sku: UnknownSkuSetting,
    /// Milliseconds that an add or a read waits for the catalogue copy at most.
    pub wait_ms: u64,
    /// Items kept decoded in memory.
    pub cached_max: u64,
}

/// What becomes of an add of an unknown SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownSkuSetting {
    /// 422 `unknown_sku`.
    Refuse,
    /// It is put in, with the notice `unpriced`.
    AcceptUnpriced,
}

/// How long carts are kept.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Carts {
    /// Days without a change after which an account's cart is emptied: 0 to 3,650; 0 is never.
    pub account_idle_days: u32,
    /// Carts looked at in a second: 0 to 1,000,000; 0 is none.
    pub expiry_per_second: u32,
    /// Carts refreshed in a second after items have changed: 0 to 1,000,000; 0 is none.
    pub refresh_per_second: u32,
    /// Carts folded in a second where the engine keeps deltas: 1 to 1,000,000.
    pub fold_per_second: u32,
    /// Memory for carts kept decoded, with their encoded answers: 0 to 256 GiB; 0 keeps none.
    pub decoded_bytes_max: u64,
    /// Milliseconds in which a write that failed or lost a race is tried again: 0 to 60,000; 0 is never.
    pub write_within_ms: u64,
}

/// What a cart may grow to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Distinct lines of a cart: 1 to 2,000.
    pub lines_max: u64,
    /// Live dots of a line: 1 to 8,192.
    pub dots_per_line_max: u64,
    /// Units of a line: 1 to 999,999.
    pub quantity_per_line_max: u64,
    /// Bytes of a cart's entries: 1 KiB to 1 MiB.
    pub entry_bytes_max: u64,
    /// Bytes of a line's attributes or of a field: 1 to 64 KiB.
    pub text_bytes_max: u64,
    /// Fields of a cart: 1 to 256.
    pub fields_max: u64,
    /// Days without use after which a guest's token ends: 1 to 365.
    pub guest_days: u32,
    /// Carts of an account beside its active one: 0 to 1,000.
    pub named_carts_max: u32,
}

/// What a request may look like.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Bytes of a body: 1 KiB to 16 MiB.
    pub body_bytes_max: usize,
    /// Bytes of a bulk import of items: 1 KiB to 1 GiB.
    pub bulk_bytes_max: usize,
    /// Operations of one bulk change: 1 to 10,000.
    pub bulk_operations_max: usize,
    /// Seconds in which requests under way may end after SIGTERM: 0 to 600.
    pub drain_seconds: u64,
    /// Connections at once: 1 to 1,000,000.
    pub connections_max: usize,
    /// Requests under way at once: 1 to 1,000,000.
    pub requests_max: usize,
    /// Bytes of a request's line and headers: 4 KiB to 256 KiB.
    pub header_bytes_max: usize,
    /// Seconds from the first byte of a request to the end of its headers: 1 to 300.
    pub header_seconds: u64,
    /// Seconds that a body may take, beside those of `body_bytes_per_second_min`: 1 to 300.
    pub body_seconds: u64,
    /// Bytes of a body that buy one second more: 1 to 1 GiB.
    pub body_bytes_per_second_min: u64,
    /// Seconds that a connection may stand still: 1 to 3,600.
    pub idle_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("evercart-data"),
            region: "local".to_owned(),
            currency: "GBP".to_owned(),
            auth: Auth::default(),
            catalog: Catalog::default(),
            carts: Carts::default(),
            checkout: Checkout::default(),
            limits: LimitSettings::default(),
            http: Http::default(),
            rate: RateSettings::default(),
            engine: EngineKind::default(),
            store: Store::default(),
            cache: Cache::default(),
            postgres: Postgres::default(),
            dynamodb: Dynamodb::default(),
            cassandra: Cassandra::default(),
            index: Index::default(),
            backup: Backup::default(),
        }
    }
}

impl Default for Catalog {
    fn default() -> Self {
        Self { unknown_sku: UnknownSkuSetting::Refuse, wait_ms: 5, cached_max: 100_000 }
    }
}

impl Default for Carts {
    fn default() -> Self {
        Self {
            account_idle_days: 0,
            expiry_per_second: 500,
            refresh_per_second: 2_000,
            fold_per_second: 500,
            decoded_bytes_max: 256 << 20,
            write_within_ms: 3_000,
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            lines_max: limits.lines_max,
            dots_per_line_max: limits.dots_per_line_max,
            quantity_per_line_max: limits.quantity_per_line_max,
            entry_bytes_max: limits.entry_bytes_max,
            text_bytes_max: limits.text_bytes_max,
            fields_max: limits.fields_max,
            guest_days: 30,
            named_carts_max: 50,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            body_bytes_max: 256 * 1024,
            bulk_bytes_max: 256 * 1024 * 1024,
            bulk_operations_max: 1_000,
            drain_seconds: 30,
            connections_max: 16_384,
            requests_max: 2_048,
            header_bytes_max: 32 * 1024,
            header_seconds: 10,
            body_seconds: 10,
            body_bytes_per_second_min: 1_024,
            idle_seconds: 75,
        }
    }
}

/// Why a configuration cannot be used. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file or the environment cannot be understood.
    #[error("{0}")]
    Unreadable(Box<figment::Error>),
    /// A key that does not exist.
    #[error(
        "{place} sets `{key}`, which does not exist{}",
        nearest.map(|known| format!(": did you mean `{known}`?")).unwrap_or_default()
    )]
    UnknownKey {
        /// As it was written.
        key: String,
        /// Where.
        place: String,
        /// The known key that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A number is outside its range.
    #[error("`{key}` is {value}, and must be {low} to {high}")]
    OutOfRange {
        /// Which key.
        key: String,
        /// What it says.
        value: String,
        /// The least it may say.
        low: u64,
        /// The most it may say.
        high: u64,
    },
    /// A value is outside its bounds.
    #[error("`{key}` is {value}, and must be {bound}")]
    OutOfBounds {
        /// Which key.
        key: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        bound: &'static str,
    },
    /// A file that a key names cannot be read.
    #[error("the file of `{key}`, `{}`, cannot be read: name one that is there and that the server may read", path.display())]
    File {
        /// Which key.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file that a key names holds no certificates.
    #[error(
        "the file of `{key}`, `{}`, holds no certificates to trust: name one in PEM, or leave the key empty for those \
        of the system",
        path.display()
    )]
    Certificates {
        /// Which key.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: storage::error::BoxError,
    },
    /// What the engine has to say to its settings.
    #[error("`{key}` cannot be used")]
    Engine {
        /// Which key.
        key: &'static str,
        /// Why not.
        source: storage::error::BoxError,
    },
}

impl Config {
    /// Reads defaults, then the file, then the environment.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        Self::load_shown(file).map(|(config, _)| config)
    }

    /// The same, with every key, its value and where it comes from, in the order of the reference.
    pub fn load_shown(file: Option<&std::path::Path>) -> Result<(Self, Vec<Setting>), ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        figment = figment.merge(Env::prefixed("EVERCART_").split("__").ignore(&NOT_SETTINGS));
        refuse_unknown(&figment)?;
        let config: Self = figment.extract().map_err(|error| ConfigError::Unreadable(Box::new(error)))?;
        config.check()?;
        let values = shown::leaves(&serde_json::to_value(&config).unwrap_or_default());
        let settings = keys().filter_map(|declared| {
            let (key, value) = values.iter().find(|(key, _)| key == declared.key)?.clone();
            let source = source(&figment, &key);
            Some(Setting { key, value, source })
        });
        let settings = settings.collect();
        Ok((config, settings))
    }

    fn check(&self) -> Result<(), ConfigError> {
        for (key, value) in shown::leaves(&serde_json::to_value(self).unwrap_or_default()) {
            let Some(Bound::Range(low, high)) = declared::find(&key).map(|declared| declared.bound) else {
                continue;
            };
            if !value.as_u64().is_some_and(|value| (low..=high).contains(&value)) {
                return Err(ConfigError::OutOfRange { key, value: value.to_string(), low, high });
            }
        }
        self.store.check(&self.limits)?;
        check_origins(&self.auth.origins)?;
        self.auth.jwt.check()?;
        self.checkout.check()?;
        self.backup.check()?;
        self.cache.options()?;
        match self.engine {
            EngineKind::Embedded if self.cache.policy != PolicySetting::None => {
                return Err(ConfigError::OutOfBounds {
                    key: "cache.policy",
                    value: "not `none`".to_owned(),
                    bound: "`none` with the embedded engine, which keeps its own (`store.clean_bytes_max`)",
                });
            }
            EngineKind::Embedded => {}
            EngineKind::Postgres => drop(self.postgres.options()?),
            EngineKind::Dynamodb => drop(self.dynamodb.options()?),
            EngineKind::Cassandra => drop(self.cassandra.options()?),
        }
        self.currency().map(|_| ())
    }

    fn currency(&self) -> Result<Currency, ConfigError> {
        Currency::parse(&self.currency).ok_or_else(|| ConfigError::OutOfBounds {
            key: "currency",
            value: self.currency.clone(),
            bound: "three capital letters of ISO 4217, such as GBP",
        })
    }

    /// What the service is told.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let limits = self.limits;
        Ok(Settings {
            region: self.region.as_str().into(),
            limits: Limits {
                lines_max: limits.lines_max,
                dots_per_line_max: limits.dots_per_line_max,
                quantity_per_line_max: limits.quantity_per_line_max,
                entry_bytes_max: limits.entry_bytes_max,
                text_bytes_max: limits.text_bytes_max,
                fields_max: limits.fields_max,
            },
            guest_days: limits.guest_days,
            account_idle_days: Some(self.carts.account_idle_days).filter(|days| *days > 0),
            decoded_bytes_max: self.carts.decoded_bytes_max,
            write_within_ms: self.carts.write_within_ms,
            checkout: self.checkout.settings(),
            sweep_every_ms: self.checkout.sweep_seconds * 1000,
            expiry_per_second: self.carts.expiry_per_second,
            refresh_per_second: self.carts.refresh_per_second,
            fold_per_second: self.carts.fold_per_second,
            named_carts_max: limits.named_carts_max,
            unknown_sku: match self.catalog.unknown_sku {
                UnknownSkuSetting::Refuse => UnknownSku::Refuse,
                UnknownSkuSetting::AcceptUnpriced => UnknownSku::AcceptUnpriced,
            },
            catalog_wait_ms: self.catalog.wait_ms,
            catalog_cached_max: self.catalog.cached_max,
            ..Settings::new(self.currency()?)
        })
    }
}

/// Refuses the first key that is not declared.
fn refuse_unknown(figment: &Figment) -> Result<(), ConfigError> {
    let values: serde_json::Value =
        figment.extract().map_err(|error| ConfigError::Unreadable(Box::new(error)))?;
    let known = |key: &str| {
        let is_inside = |declared: &str| {
            declared == key || key.strip_prefix(declared).is_some_and(|rest| rest.starts_with('.'))
        };
        keys().any(|declared| is_inside(declared.key))
    };
    match shown::leaves(&values).into_iter().find(|(key, _)| !known(key)) {
        None => Ok(()),
        Some((key, _)) => {
            let (place, nearest) = (source(figment, &key), declared::nearest(&key));
            Err(ConfigError::UnknownKey { key, place, nearest })
        }
    }
}

/// Where a value comes from: `default`, a file or the environment.
fn source(figment: &Figment, key: &str) -> String {
    let Some(metadata) = figment.find_metadata(key) else { return "default".to_owned() };
    match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        _ if metadata.name.contains("environment") => {
            format!("EVERCART_{}", key.to_uppercase().replace('.', "__"))
        }
        _ => "default".to_owned(),
    }
}

#[cfg(test)]
mod tests;
