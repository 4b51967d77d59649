//! An identity provider: fetches its keys and checks its tokens.
//!
//! Keys that were fetched once go on working while the provider is down. A token with an unknown key causes a fetch,
//! and tokens with made-up keys cause one fetch in `unknown_key_seconds` together. Nothing of a token is trusted before
//! its signature was checked, and nothing of it is logged.

use super::{
    jwks::{KeySet, KeySetError},
    settings::JwtSettings,
};
use jsonwebtoken::{Algorithm, Validation};
use parking_lot::RwLock;
use rustls::crypto::ring;
use serde::Deserialize;
use std::{
    io,
    path::PathBuf,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

/// Fetches of keys, by outcome.
pub(crate) const FETCHES: &str = "evercart_jwks_fetches_total";
/// Bytes of the largest key set.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How soon a fetch that failed is repeated; doubled with each failure, up to the regular refresh.
const RETRY: Duration = Duration::from_secs(2);
/// Bytes of the longest subject.
const SUBJECT_BYTES_MAX: usize = 255;

/// An identity provider whose tokens are accepted.
pub(super) struct Provider {
    settings: JwtSettings,
    algorithms: Vec<Algorithm>,
    source: Source,
    keys: RwLock<Arc<KeySet>>,
    /// When an unknown key last caused a fetch.
    asked: Mutex<Option<Instant>>,
}

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Url { agent: Agent, url: String },
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is not genuine, not for this shop, or not current.
    Bad,
    /// It cannot be checked: the provider has not been reached yet.
    Away,
}

/// Why there are no new keys.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file cannot be read.
    #[error("key file `{}` cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The provider does not answer as it should.
    #[error("identity provider does not give its keys")]
    Provider(#[source] Box<ureq::Error>),
    /// What it gave are no keys.
    #[error("key set cannot be used: {0}")]
    KeySet(String),
    /// The fetch itself broke off.
    #[error("fetch of keys broke off")]
    BrokenOff(#[from] tokio::task::JoinError),
}

impl From<KeySetError> for FetchError {
    fn from(error: KeySetError) -> Self {
        Self::KeySet(error.to_string())
    }
}

#[derive(Deserialize)]
struct Issued {
    #[serde(default)]
    iss: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Provider {
    /// The provider of these settings; `None` where there is none. A key file must be there; a provider that is down is
    /// waited for behind.
    pub(super) async fn start(settings: &JwtSettings) -> Result<Option<Arc<Self>>, FetchError> {
        if settings.issuer.is_empty() {
            return Ok(None);
        }
        let provider = Arc::new(Self {
            settings: settings.clone(),
            algorithms: settings.algorithms.iter().map(|algorithm| algorithm.algorithm()).collect(),
            source: Source::of(settings),
            keys: RwLock::default(),
            asked: Mutex::new(None),
        });
        let first = provider.load().await;
        if let (Err(error), Source::File(_)) = (first, &provider.source) {
            return Err(error);
        }
        let reached = !provider.keys().is_empty();
        tokio::spawn(refresh(
            Arc::downgrade(&provider),
            Duration::from_secs(settings.refresh_seconds),
            reached,
        ));
        Ok(Some(provider))
    }

    /// The subject of a token, if it is genuine, for this shop and current.
    pub(super) async fn check(self: &Arc<Self>, token: &str) -> Result<String, Refused> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Bad)?;
        let issued =
            jsonwebtoken::dangerous::insecure_decode_claims::<Issued>(token).map_err(|_| Refused::Bad)?;
        // Before any work: what cannot be accepted must not cause a fetch. `crit` names rules that nobody here knows.
        let can_be = issued.iss == self.settings.issuer
            && self.algorithms.contains(&header.alg)
            && header.crit.is_none();
        if !can_be {
            return Err(Refused::Bad);
        }
        let id = header.kid.as_deref();
        if !self.keys().knows(id) {
            self.ask_for(id).await;
        }
        let keys = self.keys();
        if keys.is_empty() {
            return Err(Refused::Away);
        }
        let validation = self.validation(header.alg);
        let mut checked =
            keys.find(id, header.alg).map(|key| jsonwebtoken::decode::<Claims>(token, key, &validation));
        let claims = checked.find_map(Result::ok).ok_or(Refused::Bad)?.claims;
        let fits = (1..=SUBJECT_BYTES_MAX).contains(&claims.sub.len());
        if fits { Ok(claims.sub) } else { Err(Refused::Bad) }
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&self.settings.audience);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = self.settings.leeway_seconds;
        validation.validate_nbf = true;
        validation
    }

    fn keys(&self) -> Arc<KeySet> {
        self.keys.read().clone()
    }

    /// Fetches keys for an unknown key id, unless that was done lately. Those who come meanwhile wait for the same fetch.
    async fn ask_for(self: &Arc<Self>, id: Option<&str>) {
        let mut asked = self.asked.lock().await;
        let pause = Duration::from_secs(self.settings.unknown_key_seconds);
        let lately = asked.is_some_and(|at| at.elapsed() < pause);
        if lately || self.keys().knows(id) {
            return;
        }
        *asked = Some(Instant::now());
        // On a task of its own: a caller who hangs up must not spend the one fetch for nothing.
        let provider = Arc::clone(self);
        drop(tokio::spawn(async move { provider.load().await }).await);
    }

    /// Fetches keys. Those of before stay where it fails.
    async fn load(&self) -> Result<(), FetchError> {
        let source = self.source.clone();
        let fetched = tokio::task::spawn_blocking(move || source.fetch()).await?;
        let keys = fetched.and_then(|document| Ok(KeySet::parse(&document, &self.algorithms)?));
        let outcome = if keys.is_ok() { "fetched" } else { "failed" };
        metrics::counter!(FETCHES, "outcome" => outcome).increment(1);
        match keys {
            Ok(keys) => {
                *self.keys.write() = Arc::new(keys);
                Ok(())
            }
            Err(error) => {
                let cached = !self.keys().is_empty();
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(error = cause, cached, "keys of the identity provider were not fetched");
                Err(error)
            }
        }
    }
}

/// Fetches keys regularly, and soon again after a failure. Ends with the provider.
async fn refresh(provider: Weak<Provider>, regular: Duration, reached: bool) {
    let mut pause = if reached { regular } else { RETRY.min(regular) };
    loop {
        tokio::time::sleep(pause).await;
        let Some(provider) = provider.upgrade() else { return };
        pause = match provider.load().await {
            Ok(()) => regular,
            Err(_) if pause >= regular => RETRY.min(regular),
            Err(_) => (pause * 2).min(regular),
        };
    }
}

impl Source {
    fn of(settings: &JwtSettings) -> Self {
        if !settings.jwks_file.as_os_str().is_empty() {
            return Self::File(settings.jwks_file.clone());
        }
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        // No redirects: keys come from where the operator said, or not at all.
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .max_redirects_will_error(true)
            .build()
            .new_agent();
        Self::Url { agent, url: settings.jwks_url.clone() }
    }

    fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::File(path) => {
                std::fs::read(path).map_err(|source| FetchError::File { path: path.clone(), source })
            }
            Self::Url { agent, url } => {
                let failed = |error| FetchError::Provider(Box::new(error));
                let mut response = agent.get(url).call().map_err(failed)?;
                response.body_mut().with_config().limit(DOCUMENT_BYTES_MAX).read_to_vec().map_err(failed)
            }
        }
    }
}
