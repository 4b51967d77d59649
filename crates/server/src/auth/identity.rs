//! Whoever can say who a caller is: the shop's own issuer, its identity provider, and the list of revoked tokens.

use super::{
    jwt::Genuine,
    provider::{FetchError, Provider, Refused},
    revocation::Revocations,
};
use crate::{config::Auth, keys::live::LiveKeys};
use std::sync::Arc;
use storage::{LinearStore, StoreError};

/// Checks tokens.
pub struct Identity {
    keys: Arc<LiveKeys>,
    provider: Option<Arc<Provider>>,
    revocations: Revocations,
    local_shoppers: bool,
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bearer {
    Shopper { subject: String },
    Service { id: String, scopes: Vec<String> },
}

impl Identity {
    /// Starts with these settings. An identity provider that is down is waited for behind.
    pub async fn start(
        keys: Arc<LiveKeys>,
        auth: &Auth,
        linear: Arc<dyn LinearStore>,
    ) -> Result<Self, FetchError> {
        let provider = Provider::start(&auth.jwt).await?;
        let revocations = Revocations::new(linear);
        Ok(Self { keys, provider, revocations, local_shoppers: auth.local_issuer })
    }

    /// Whose a JWT is. The shop's own keys check the shop's own tokens alone, and the provider's keys the provider's:
    /// neither side ever sees a key of the other.
    pub(super) async fn check(&self, token: &str) -> Result<Bearer, Refused> {
        match (self.keys.issuer().check(token), &self.provider) {
            (Some(Genuine::Service { id, .. }), _) if self.revocations.is_revoked(&id).await => {
                Err(Refused::Bad)
            }
            (Some(Genuine::Service { id, scopes }), _) => Ok(Bearer::Service { id, scopes }),
            (Some(Genuine::Shopper { subject }), _) if self.local_shoppers => Ok(Bearer::Shopper { subject }),
            (Some(Genuine::Shopper { .. }), _) | (None, None) => Err(Refused::Bad),
            (None, Some(provider)) => Ok(Bearer::Shopper { subject: provider.check(token).await? }),
        }
    }

    /// Revokes a service token for good; returns when that was done first, in milliseconds since 1970.
    pub async fn revoke(&self, id: &str, now_ms: u64) -> Result<u64, StoreError> {
        self.revocations.revoke(id, now_ms).await
    }
}
