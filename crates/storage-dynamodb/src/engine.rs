//! What the three stores share: the client, the names of the tables, the meter.

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::time::Duration;

use crate::meter::Meter;
use crate::options::{Access, DynamoDbOptions};

/// The first pause between attempts, before chance shortens it. The SDK's own second is for calls that nobody waits for.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// A client and where it looks.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) client: Client,
    pub(crate) region: String,
    pub(crate) tables: Tables,
    pub(crate) meter: Meter,
}

/// Names of the tables.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) carts: String,
    pub(crate) records: String,
    pub(crate) items: String,
}

impl Tables {
    pub(crate) fn with_prefix(prefix: &str) -> Self {
        let name = |table: &str| format!("{prefix}{table}");
        Self { carts: name("carts"), records: name("records"), items: name("items") }
    }
}

impl Engine {
    /// Prepares a client for where carts are. Nothing is sent yet, except what the chain of credentials asks of the
    /// machine.
    pub(crate) async fn new(options: &DynamoDbOptions) -> Self {
        let tables = Tables::with_prefix(&options.table_prefix);
        let client = connect(options, &options.region, options.endpoint_url.as_deref()).await;
        Self { client, region: options.region.clone(), tables, meter: Meter::default() }
    }

    /// The same for where records are.
    pub(crate) async fn at_home(&self, options: &DynamoDbOptions) -> Self {
        let Some(home) = &options.records_home else { return self.clone() };
        let client = connect(options, &home.region, home.endpoint_url.as_deref()).await;
        Self { client, region: home.region.clone(), ..self.clone() }
    }
}

async fn connect(options: &DynamoDbOptions, region: &str, endpoint_url: Option<&str>) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(options.connect_timeout)
        .operation_attempt_timeout(options.attempt_timeout)
        .operation_timeout(options.operation_timeout)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(options.attempts_max.max(1))
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(PAUSE_MAX);
    let http = Builder::new().tls_provider(Provider::rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.to_owned()))
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(retries);
    if let Some(url) = endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Access::Key { access_key_id, secret_access_key, session_token } = &options.access {
        let token = session_token.as_ref().map(|token| token.reveal().to_owned());
        let secret = secret_access_key.reveal();
        loader =
            loader.credentials_provider(Credentials::new(access_key_id, secret, token, None, "evercart"));
    }
    Client::new(&loader.load().await)
}
