//! The HTTP client of hooks: goes where the operator said and nowhere else. It knows no redirects and no proxies.

use super::HookSetupError;
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt;
use std::{sync::Arc, time::Duration};

/// Asks over connections that are kept.
pub(super) type HookClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// How long a connection without questions is kept: less than servers close theirs after, so that few are lost so.
const IDLE: Duration = Duration::from_secs(4);

/// A client that checks certificates against `roots`, or those of the system, and gives up connecting after `patience`.
pub(super) fn open(roots: Option<RootCertStore>, patience: Duration) -> Result<HookClient, HookSetupError> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let tls = match roots {
        Some(roots) => tls.with_root_certificates(roots),
        None => tls.with_platform_verifier()?,
    };
    let tls = tls.with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false); // `https` is the other connector's
    tcp.set_connect_timeout(Some(patience));
    tcp.set_nodelay(true);
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(connector))
}
