//! A store that cannot be opened says in one message what to do, and no secret.

use crate::node;
use engines::cassandra::{CREDENTIALS, Cassandra, DATACENTER, Options};
use std::{error::Error, time::Duration};
use storage_cassandra::{CassandraOptions, Credentials, OpenError, Secret, SerialLevel, schema};

/// The message and those of its causes, as an operator sees them in a log.
fn told(error: &OpenError) -> String {
    let mut told = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        told += &format!(": {error} {error:?}");
        cause = error.source();
    }
    told
}

async fn refused(options: &CassandraOptions) -> OpenError {
    storage_cassandra::open(options).await.expect_err("the store must not open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_told_apart_and_no_password_is_printed() {
    let options = Options { password: true, ..Options::default() };
    let Some(server) = node::blocking(move || engines::or_skip(Cassandra::start_with(&options))).await else {
        return;
    };
    let with = |user: &str, password: &str| CassandraOptions {
        credentials: Some(Credentials { user: user.to_owned(), password: Secret::new(password) }),
        ..node::options(server.address(), "guarded")
    };
    let (user, password) = CREDENTIALS;
    let wrong = refused(&with(user, "correct horse")).await;
    assert!(matches!(&wrong, OpenError::Credentials { user, .. } if user == "cassandra"), "{wrong:?}");
    assert!(!told(&wrong).contains("horse"), "{}", told(&wrong));
    let nobody = refused(&node::options(server.address(), "guarded")).await;
    assert!(matches!(nobody, OpenError::Credentials { .. }), "{nobody:?}");
    let right = with(user, password);
    assert!(matches!(refused(&right).await, OpenError::NotInitialised { .. }));
    schema::init(&right).await.unwrap();
    storage_cassandra::open(&right).await.unwrap();
    node::blocking(move || drop(server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_not_there_is_named_in_time() {
    let options = node::options(([127, 0, 0, 1], 1).into(), "nowhere");
    let options = CassandraOptions { connect_timeout: Duration::from_millis(500), ..options };
    let error = tokio::time::timeout(Duration::from_secs(10), refused(&options)).await.unwrap();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_centre_that_the_cluster_does_not_have_is_refused() {
    let Some(address) = node::shared().await else { return };
    let elsewhere =
        CassandraOptions { local_datacenter: "eu-west".to_owned(), ..node::options(address, "elsewhere") };
    for error in [refused(&elsewhere).await, schema::init(&elsewhere).await.unwrap_err()] {
        let told = error.to_string();
        assert!(told.contains("`eu-west`") && told.contains(DATACENTER), "{told}");
    }
    let home = SerialLevel::Home { datacenter: "eu-west".to_owned() };
    let decided_elsewhere = CassandraOptions { serial: home, ..node::options(address, "elsewhere") };
    let told = refused(&decided_elsewhere).await.to_string();
    assert!(told.contains("`serial`"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_does_not_fit_is_refused_with_what_to_do() {
    let Some(address) = node::shared().await else { return };
    let options = node::options(address, "unfit");
    let session = node::session(address).await;
    let run = async |statement: &str| session.query_unpaged(statement, ()).await.map(drop).unwrap();
    run("DROP KEYSPACE IF EXISTS unfit").await;
    let told = refused(&options).await.to_string();
    assert!(told.contains("all its tables") && told.contains("evercart engine init"), "{told}");
    let first = schema::init(&options).await.unwrap();
    assert!(first.is_new && first.tables.len() == 10, "{first:?}");
    let again = schema::init(&options).await.unwrap();
    assert!(!again.is_new && again.tables.is_empty(), "{again:?}");
    schema::check(&options).await.unwrap();

    let everywhere = CassandraOptions { serial: SerialLevel::Everywhere, ..options.clone() };
    let told = refused(&everywhere).await.to_string();
    assert!(told.contains("home dc1") && told.contains("everywhere"), "{told}");
    run("UPDATE unfit.meta SET value = '0' WHERE name = 'schema_version'").await;
    assert!(matches!(refused(&options).await, OpenError::Older { .. }));
    run("UPDATE unfit.meta SET value = '2' WHERE name = 'schema_version'").await;
    assert!(matches!(refused(&options).await, OpenError::Newer { .. }));
    run("DROP TABLE unfit.due").await;
    let told = refused(&options).await.to_string();
    assert!(told.contains("lacks tables due"), "{told}");
}
