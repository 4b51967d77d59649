//! What an operator reads when something is not as it must be, and that no secret is ever part of it.

use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use parking_lot::Mutex;
use storage::StoreError;
use storage::conformance::sample::{cart_id, load};
use storage_dynamodb::{Access, DynamoDb, DynamoDbOptions, Home, Secret};
use tracing_subscriber::fmt::MakeWriter;

use crate::local;
use crate::relay::{Fault, Relay, always, refusal};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The message and those of its causes.
pub(crate) fn told(error: &StoreError) -> String {
    let error: &dyn std::error::Error = error;
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

async fn refused(options: DynamoDbOptions) -> String {
    let error = DynamoDb::open(options).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    told(&error)
}

#[tokio::test]
async fn missing_tables_are_named_together_and_init_makes_them() {
    let Some(url) = local::shared().await else { return };
    let options = local::options(&url);
    let message = refused(options.clone()).await;
    for table in ["carts", "records", "items"] {
        assert!(
            message.contains(&format!("table `{}{table}` is missing", options.table_prefix)),
            "{message}"
        );
    }
    assert!(message.contains("run `evercart engine init`"), "{message}");
    assert_eq!(DynamoDb::init(options.clone()).await.unwrap().len(), 3);
    assert_eq!(DynamoDb::init(options.clone()).await.unwrap(), Vec::<String>::new());
    DynamoDb::open(options).await.unwrap();
}

#[tokio::test]
async fn a_table_of_somebody_else_is_not_written_to() {
    let Some(url) = local::shared().await else { return };
    let options = local::options(&url);
    let client = raw(&url);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let of = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let create = client.create_table().table_name(format!("{}carts", options.table_prefix)).key_schema(key);
    let create = create.attribute_definitions(of.build().unwrap()).billing_mode(BillingMode::PayPerRequest);
    create.send().await.unwrap();
    let error = DynamoDb::init(options.clone()).await.unwrap_err();
    let message = told(&error);
    assert!(message.contains("has another key than `k` (B), `r` (S)"), "{message}");
    assert!(!message.contains("is missing"), "the others were made: {message}");
}

#[tokio::test]
async fn a_table_that_went_away_says_what_to_do() {
    let Some(url) = local::shared().await else { return };
    let options = local::options(&url);
    DynamoDb::init(options.clone()).await.unwrap();
    let stores = DynamoDb::open(options.clone()).await.unwrap().stores();
    raw(&url).delete_table().table_name(format!("{}carts", options.table_prefix)).send().await.unwrap();
    let message = told(&load(&*stores.carts, cart_id(1)).await.unwrap_err());
    assert!(message.contains("run `evercart engine init`"), "{message}");
}

#[tokio::test]
async fn an_endpoint_that_nobody_listens_on_is_said_to_be_one() {
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut options = local::options(&format!("http://{unused}"));
    options.attempt_timeout = Duration::from_secs(1);
    options.operation_timeout = Duration::from_secs(2);
    let message = refused(options).await;
    assert!(message.contains("no connection to the endpoint"), "{message}");
}

#[tokio::test]
async fn refusals_of_credentials_and_of_rights_say_what_to_look_at() {
    let denied = "User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:DescribeTable";
    for (code, words, expected) in [
        ("UnrecognizedClientException", "The security token is invalid.", "credentials were refused"),
        ("ExpiredTokenException", "expired", "credentials were refused"),
        ("InvalidSignatureException", "Signature expired", "this machine's clock"),
        ("AccessDeniedException", denied, "dynamodb:DescribeTable"),
    ] {
        let relay = always(refusal(400, code, words)).await;
        let message = refused(with_secret(relay.url())).await;
        assert!(message.contains(expected), "{code}: {message}");
    }
}

#[tokio::test]
async fn tables_of_another_region_are_refused() {
    let Some(url) = local::shared().await else { return };
    let options = local::options(&url);
    DynamoDb::init(options.clone()).await.unwrap();
    let relay = Relay::start(&url).await;
    relay.plan(move |_, _| Fault::Rewrite("ddblocal:000000000000", "us-east-1:123456789012"));
    let mut options = options;
    options.endpoint_url = Some(relay.url().to_owned());
    let message = refused(options).await;
    assert!(message.contains("configured for region `eu-west-1`"), "{message}");
    assert!(message.contains("is in `us-east-1`"), "{message}");
}

#[tokio::test]
async fn records_are_in_their_home_and_carts_and_items_are_not() {
    let Some(url) = local::shared().await else { return };
    let mut options = local::options(&url);
    let home = Relay::start(&url).await;
    options.records_home =
        Some(Home { region: "eu-central-1".to_owned(), endpoint_url: Some(home.url().to_owned()) });
    assert_eq!(DynamoDb::init(options.clone()).await.unwrap().len(), 3);
    assert_eq!(home.seen("CreateTable"), 1);
    let stores = DynamoDb::open(options.clone()).await.unwrap().stores();
    let asked = home.seen_in_all();
    load(&*stores.carts, cart_id(1)).await.unwrap();
    stores.catalog.changed_since(None, None, 1).await.unwrap();
    assert_eq!(home.seen_in_all(), asked);
    stores.linear.read(storage::LinearTable::Stock, b"k").await.unwrap();
    assert_eq!(home.seen("GetItem"), 1);
    // The home is asked where it is, like any other place.
    home.plan(|_, _| Fault::Rewrite("ddblocal:000000000000", "us-east-1:123456789012"));
    let message = refused(options).await;
    assert!(message.contains("configured for region `eu-central-1`"), "{message}");
}

/// As a table of carts may be, and one of records must not.
#[tokio::test]
async fn records_on_a_global_table_of_eventual_consistency_are_refused() {
    let Some(url) = local::shared().await else { return };
    let mut options = local::options(&url);
    DynamoDb::init(options.clone()).await.unwrap();
    let relay = Relay::start(&url).await;
    options.endpoint_url = Some(relay.url().to_owned());
    relay.plan(|_, _| Fault::Rewrite(ACTIVE, GLOBAL_EVENTUAL));
    let message = refused(options.clone()).await;
    let records =
        format!("table `{}records` is a global table without strong consistency", options.table_prefix);
    assert!(message.contains(&records), "{message}");
    assert!(!message.contains("carts"), "{message}");
    relay.plan(|_, _| Fault::Rewrite(ACTIVE, GLOBAL_STRONG));
    DynamoDb::open(options).await.unwrap();
}

const ACTIVE: &str = r#""TableStatus":"ACTIVE""#;
const GLOBAL_EVENTUAL: &str =
    r#""TableStatus":"ACTIVE","Replicas":[{"RegionName":"us-east-1"}],"MultiRegionConsistency":"EVENTUAL""#;
const GLOBAL_STRONG: &str =
    r#""TableStatus":"ACTIVE","Replicas":[{"RegionName":"us-east-1"}],"MultiRegionConsistency":"STRONG""#;

/// Whether this process runs `test` alone; if it does not, one is started that does, and has to pass.
fn alone(test: &str, prepare: impl FnOnce(&mut Command)) -> bool {
    const ALONE: &str = "DYNAMODB_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    prepare(&mut child);
    let output = child.args(["--exact", test]).env(ALONE, "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    false
}

/// The chain looks at the environment of the process.
#[tokio::test]
async fn a_machine_without_credentials_is_told_so() {
    if !alone("messages::a_machine_without_credentials_is_told_so", without_credentials) {
        return;
    }
    let mut options = local::options("http://127.0.0.1:9");
    options.access = Access::Chain;
    let message = refused(options).await;
    assert!(message.contains("no credentials: set them, or give this machine a role"), "{message}");
}

fn without_credentials(child: &mut Command) {
    child.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nowhere");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// `tracing` keeps for the whole process whether anybody listens to a place: a test beside this one that
/// comes by there first would have it silent.
#[tokio::test]
async fn no_secret_is_printed_not_even_by_a_log_of_everything() {
    if !alone("messages::no_secret_is_printed_not_even_by_a_log_of_everything", |_| ()) {
        return;
    }
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let relay = always(refusal(400, "UnrecognizedClientException", "no such key")).await;
    let options = with_secret(relay.url());
    let error = DynamoDb::open(options.clone()).await.unwrap_err();
    let database = DynamoDb::init(options.clone()).await;
    let printed = format!("{options:?} {options:#?} {error} {error:?} {database:?} {}", told(&error));
    let logged = String::from_utf8_lossy(&log.0.lock()).into_owned();
    assert!(logged.contains("DescribeTable"), "the log of everything is empty");
    assert!(!printed.contains(SECRET) && !logged.contains(SECRET));
    assert!(!printed.contains("session-secret"));
}

fn with_secret(url: &str) -> DynamoDbOptions {
    let mut options = local::options(url);
    options.access = Access::Key {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: SECRET.into(),
        session_token: Some(Secret::from("session-secret")),
    };
    options
}

/// The SDK itself, for what the engine does not do.
pub(crate) fn raw(url: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}
