//! Configuration: one TOML file, every key overridable by the environment (`EVERCART_LISTEN`,
//! `EVERCART_AUTH__LOCAL_ISSUER` …), unknown keys refused.

use cart::{limits::Limits, money::Currency};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};
use service::{Settings, settings::UnknownSku};
use std::{net::SocketAddr, path::PathBuf};

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
    /// What a cart may grow to.
    pub limits: LimitSettings,
    /// What a request may look like.
    pub http: Http,
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
            limits: LimitSettings::default(),
            http: Http::default(),
        }
    }
}

impl Default for Catalog {
    fn default() -> Self {
        Self { unknown_sku: UnknownSkuSetting::Refuse, wait_ms: 5, cached_max: 100_000 }
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
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        let bulk_bytes_max = 256 * 1024 * 1024;
        Self { body_bytes_max: 256 * 1024, bulk_bytes_max, bulk_operations_max: 1_000, drain_seconds: 30 }
    }
}

/// Why a configuration cannot be used. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file or the environment cannot be understood.
    #[error("{0}")]
    Unreadable(Box<figment::Error>),
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
}

impl Config {
    /// Reads defaults, then the file, then the environment.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let config: Self = figment
            .merge(Env::prefixed("EVERCART_").split("__").ignore(&["log", "test_data", "sim_seconds"]))
            .extract()
            .map_err(|error| ConfigError::Unreadable(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let LimitSettings { lines_max, dots_per_line_max, quantity_per_line_max, .. } = self.limits;
        let within = |key, value: u64, low: u64, high: u64, bound| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(ConfigError::OutOfBounds { key, value: value.to_string(), bound })
        };
        let kib = 1024;
        within("limits.lines_max", lines_max, 1, 2_000, "1 to 2000")?;
        within("limits.dots_per_line_max", dots_per_line_max, 1, 8_192, "1 to 8192")?;
        within("limits.quantity_per_line_max", quantity_per_line_max, 1, 999_999, "1 to 999999")?;
        within("limits.entry_bytes_max", self.limits.entry_bytes_max, kib, kib * kib, "1024 to 1048576")?;
        within("limits.text_bytes_max", self.limits.text_bytes_max, 1, 64 * kib, "1 to 65536")?;
        within("limits.fields_max", self.limits.fields_max, 1, 256, "1 to 256")?;
        within("limits.guest_days", u64::from(self.limits.guest_days), 1, 365, "1 to 365")?;
        within("http.body_bytes_max", self.http.body_bytes_max as u64, kib, 16 << 20, "1 KiB to 16 MiB")?;
        within("http.bulk_bytes_max", self.http.bulk_bytes_max as u64, kib, 1 << 30, "1 KiB to 1 GiB")?;
        within("http.bulk_operations_max", self.http.bulk_operations_max as u64, 1, 10_000, "1 to 10000")?;
        within("http.drain_seconds", self.http.drain_seconds, 0, 600, "0 to 600")?;
        within("catalog.wait_ms", self.catalog.wait_ms, 1, 1_000, "1 to 1000")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::load(Some(file.path())).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = parse("").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert!(!config.auth.local_issuer);
        assert_eq!(config.settings().unwrap().limits, Limits::default());
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_named() {
        assert!(parse("listen = \"x\"").unwrap_err().contains("listen"));
        assert!(parse("[limits]\nlines_max = 0").unwrap_err().contains("limits.lines_max"));
        assert!(parse("currency = \"pounds\"").unwrap_err().contains("currency"));
        assert!(parse("listen = 5").unwrap_err().contains("listen"));
    }
}
