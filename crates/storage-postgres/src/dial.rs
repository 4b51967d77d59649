//! How connections are made: address, TLS, the settings of a session.
//!
//! Always: every session has the schema as its search path and a limit on each statement, so whoever is given up on is
//! also ended by the server.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{OpenError, PostgresOptions, ServerUrl, Timeouts, TlsMode};

/// What a server is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    Replica,
}

/// Makes connections.
pub(crate) struct Dialer {
    tls: Option<MakeRustlsConnect>,
    schema: String,
    connections_max: usize,
    timeouts: Timeouts,
}

/// A connection outside of any pool, which ends with this value.
pub(crate) struct Line {
    pub(crate) client: Client,
    driver: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Dialer {
    pub(crate) fn new(options: &PostgresOptions) -> Result<Self, OpenError> {
        let tls = match &options.tls {
            TlsMode::Off => None,
            TlsMode::Verify { ca } => Some(MakeRustlsConnect::new(tls_config(ca.as_deref())?)),
        };
        Ok(Self {
            tls,
            schema: options.schema.clone(),
            connections_max: options.connections_max,
            timeouts: options.timeouts,
        })
    }

    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// A pool that has no connection yet.
    pub(crate) fn pool(&self, url: &ServerUrl, role: Role) -> Result<Pool, OpenError> {
        let config = self.config(url, role, self.timeouts.statement);
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &self.tls {
            None => Manager::from_config(config, NoTls, recycling),
            Some(tls) => Manager::from_config(config, tls.clone(), recycling),
        };
        Pool::builder(manager)
            .max_size(self.connections_max)
            .wait_timeout(Some(self.timeouts.pool_wait))
            .create_timeout(Some(self.timeouts.connect))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| OpenError::Setting { setting: "connections_max", problem: error.to_string() })
    }

    /// One connection whose statements may take `statement`.
    pub(crate) async fn line(
        &self,
        url: &ServerUrl,
        role: Role,
        statement: Duration,
    ) -> Result<Line, OpenError> {
        let config = self.config(url, role, statement);
        let connecting = async {
            match &self.tls {
                None => config.connect(NoTls).await.map(|(client, connection)| {
                    let driver = tokio::spawn(async move { drop(connection.await) });
                    Line { client, driver }
                }),
                Some(tls) => config.connect(tls.clone()).await.map(|(client, connection)| {
                    let driver = tokio::spawn(async move { drop(connection.await) });
                    Line { client, driver }
                }),
            }
        };
        match timeout(self.timeouts.connect, connecting).await {
            Ok(connected) => connected.map_err(|error| OpenError::connecting(url, error)),
            Err(_) => Err(OpenError::silent(url)),
        }
    }

    fn config(&self, url: &ServerUrl, role: Role, statement: Duration) -> Config {
        let mut config = url.config().clone();
        let mut settings = config.get_options().map(ToOwned::to_owned).unwrap_or_default();
        // Plans do not depend on the values asked for, and planning anew each time costs more than the statement.
        for (name, value) in [
            ("search_path", self.schema.as_str()),
            ("statement_timeout", &statement.as_millis().to_string()),
            ("idle_in_transaction_session_timeout", "60s"),
            ("default_transaction_isolation", r"read\ committed"),
            ("plan_cache_mode", "force_generic_plan"),
            ("jit", "off"),
        ] {
            settings.push_str(&format!(" -c {name}={value}"));
        }
        config.options(settings);
        if config.get_application_name().is_none() {
            config.application_name("evercart");
        }
        config.ssl_mode(if self.tls.is_some() { SslMode::Require } else { SslMode::Disable });
        config.connect_timeout(self.timeouts.connect);
        config.keepalives_idle(Duration::from_secs(10));
        config.tcp_user_timeout(self.timeouts.connect + statement);
        if role == Role::Primary {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        config
    }
}

fn tls_config(ca: Option<&std::path::Path>) -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Certificates(error.into()))?;
    let Some(path) = ca else {
        let builder = builder.with_platform_verifier();
        return Ok(builder.map_err(|error| OpenError::Certificates(error.into()))?.with_no_client_auth());
    };
    let mut trusted = RootCertStore::empty();
    let bad = |error: rustls::pki_types::pem::Error| OpenError::Certificates(error.into());
    for certificate in CertificateDer::pem_file_iter(path).map_err(bad)? {
        let added = trusted.add(certificate.map_err(bad)?);
        added.map_err(|error| OpenError::Certificates(error.into()))?;
    }
    if trusted.is_empty() {
        return Err(OpenError::Certificates("the file holds no certificate".into()));
    }
    Ok(builder.with_root_certificates(trusted).with_no_client_auth())
}
