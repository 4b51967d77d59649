//! What the three stores share: the client, the names of the tables, the meter.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{Builder, Credentials, ProvideCredentials, Region, SharedHttpClient};

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

use crate::DynamoDbError;
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
    pub(crate) async fn new(options: &DynamoDbOptions) -> Result<Self, DynamoDbError> {
        let tables = Tables::with_prefix(&options.table_prefix);
        let client = connect(options, &options.region, options.endpoint_url.as_deref()).await?;
        Ok(Self { client, region: options.region.clone(), tables, meter: Meter::default() })
    }

    /// The same for where records are.
    pub(crate) async fn at_home(&self, options: &DynamoDbOptions) -> Result<Self, DynamoDbError> {
        let Some(home) = &options.records_home else { return Ok(self.clone()) };
        let client = connect(options, &home.region, home.endpoint_url.as_deref()).await?;
        Ok(Self { client, region: home.region.clone(), ..self.clone() })
    }
}

async fn connect(
    options: &DynamoDbOptions,
    region: &str,
    endpoint_url: Option<&str>,
) -> Result<Client, DynamoDbError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(options.connect_timeout)
        .operation_attempt_timeout(options.attempt_timeout)
        .operation_timeout(options.operation_timeout)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(options.attempts_max)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(PAUSE_MAX);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.to_owned()))
        .http_client(http_client(options, endpoint_url)?)
        .timeout_config(timeouts)
        .retry_config(retries);
    if let Some(url) = endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Access::Key { access_key_id, secret_access_key, session_token } = &options.access {
        let token = session_token.as_ref().map(|token| token.reveal().to_owned());
        let key = Credentials::new(access_key_id, secret_access_key.reveal(), token, None, "evercart");
        loader = loader.credentials_provider(key);
    }
    let config = loader.load().await;
    // Asked for once before any request waits for it: the chain may go around the machine for longer than one may take.
    if let Some(provider) = config.credentials_provider() {
        provider.provide_credentials().await.map_err(|error| DynamoDbError::NoCredentials(error.into()))?;
    }
    // A budget of retries of its own: an outage here leaves those of other tables alone.
    let budget = RetryPartition::new(format!("{region} {}", options.table_prefix));
    Ok(Client::from_conf(Builder::from(&config).retry_partition(budget).build()))
}

/// Without TLS where nothing needs it: its client wants the machine's root certificates.
fn http_client(
    options: &DynamoDbOptions,
    endpoint_url: Option<&str>,
) -> Result<SharedHttpClient, DynamoDbError> {
    let is_plain =
        endpoint_url.is_some_and(|url| url.starts_with("http://")) && options.access != Access::Chain;
    if is_plain {
        return Ok(aws_smithy_http_client::Builder::new().build_http());
    }
    let mut trusted = TrustStore::default();
    if let Some(pem) = &options.authorities_pem {
        let is_chain = options.access == Access::Chain;
        trusted = TrustStore::empty().with_native_roots(is_chain).with_pem_certificate(pem.as_slice());
    }
    let context = TlsContext::builder().with_trust_store(trusted).build();
    let context = context.map_err(|_| DynamoDbError::Setting("the authorities cannot be trusted"))?;
    let client = aws_smithy_http_client::Builder::new().tls_provider(Provider::rustls(CryptoMode::Ring));
    Ok(client.tls_context(context).build_https())
}
