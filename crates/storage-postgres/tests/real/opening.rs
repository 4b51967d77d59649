//! What keeps the engine from opening is said once, with what to do, and without a password.

use engines::postgres::{Options, Postgres as Server};
use storage_postgres::{OpenError, Postgres, PostgresOptions, ServerUrl, TlsMode, check, init};

use crate::setup::{blocking, on_database, open, options, shared, sql, two_databases};

/// The error's whole text, its causes and its debug form included.
fn everything(error: &OpenError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(format!("{error} {error:?}"), |told, cause| format!("{told}: {cause} {cause:?}"))
}

async fn refusal(options: &PostgresOptions) -> OpenError {
    Postgres::open(options).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_said_without_the_password() {
    let start =
        || Server::start_with(&Options { password: Some("hunter2".to_owned()), ..Options::default() });
    let Some(server) = blocking(move || engines::or_skip(start())).await else { return };
    let good = options(&[server.url()]);
    drop(open(&good).await);
    assert!(!format!("{good:?}").contains("hunter2"), "{good:?}");
    for wrong in ["postgres:hunter3", "nobody:hunter3"] {
        let options = options(&[server.url().replace("postgres:hunter2", wrong)]);
        let refusal = refusal(&options).await;
        assert!(matches!(refusal, OpenError::Credentials { .. }), "{refusal:?}");
        let said = everything(&refusal);
        assert!(!said.contains("hunter") && said.contains("check user and password"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_and_a_database_that_is_not_there_are_told_apart() {
    let Some(url) = shared().await else { return };
    let nowhere = refusal(&options(&["postgres://shop:hunter2@127.0.0.1:1/shop".to_owned()])).await;
    assert!(matches!(nowhere, OpenError::Unreachable { .. }), "{nowhere:?}");
    assert!(!everything(&nowhere).contains("hunter2"), "{nowhere:?}");
    let missing = refusal(&options(&[on_database(&url, "no_such_database")])).await;
    assert!(matches!(missing, OpenError::MissingDatabase { .. }), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_missing_or_of_another_release_are_refused() {
    let Some(url) = shared().await else { return };
    let options = options(std::slice::from_ref(&url));
    let missing = refusal(&options).await;
    assert!(matches!(missing, OpenError::SchemaMissing { .. }), "{missing:?}");
    assert!(missing.to_string().contains("evercart engine init"), "{missing}");
    let reports = init(&options).await.unwrap();
    assert_eq!(reports.iter().map(|report| report.slots_here.len()).collect::<Vec<_>>(), [1024]);
    assert_eq!(init(&options).await.unwrap(), reports, "init again changes nothing");
    assert_eq!(check(&options).await.unwrap(), reports);
    let schema = &options.schema;
    // An older release than the first there was.
    sql(&url, &format!("UPDATE {schema}.migrations SET version = -1")).await;
    let older = refusal(&options).await;
    assert!(matches!(older, OpenError::SchemaOlder { found: -1, wanted: 1, .. }), "{older:?}");
    assert!(older.to_string().contains("evercart engine init"), "{older}");
    let newer = format!("INSERT INTO {schema}.migrations VALUES (99, 'later', '2026-01-01T00:00:00Z', '1')");
    sql(&url, &newer).await;
    let newer = refusal(&options).await;
    assert!(matches!(newer, OpenError::SchemaNewer { found: 99, .. }), "{newer:?}");
    let again = init(&options).await.unwrap_err();
    assert!(matches!(again, OpenError::SchemaNewer { .. }), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_initialise_at_once_do_it_once() {
    let Some(urls) = two_databases().await else { return };
    let options = options(&urls);
    let inits = futures::future::join_all((0..4).map(|_| init(&options))).await;
    for reports in inits {
        let reports = reports.unwrap();
        assert_eq!(reports.iter().map(|report| report.slots_here.len()).collect::<Vec<_>>(), [512, 512]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_forget_is_refused_unless_that_is_accepted() {
    let Some(url) = shared().await else { return };
    let mut options = options(&[url]);
    drop(open(&options).await);
    options.accept_loss = false;
    let refusal = refusal(&options).await;
    // Test servers do not sync.
    assert!(matches!(refusal, OpenError::NotDurable { setting: "fsync", .. }), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_do_not_wait_for_the_disk_are_refused() {
    let start = || {
        let server = Server::start()?;
        server.query("ALTER SYSTEM SET synchronous_commit = off; ")?;
        server.query("SELECT pg_reload_conf()")?;
        Ok(server)
    };
    let Some(server) = blocking(move || engines::or_skip(start())).await else { return };
    let mut options = options(&[server.url()]);
    init(&options).await.unwrap();
    options.accept_loss = false;
    let refusal = refusal(&options).await;
    assert!(matches!(refusal, OpenError::NotDurable { .. }), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_in_another_order_or_left_out_are_refused() {
    let Some(urls) = two_databases().await else { return };
    let options = options(&urls);
    drop(open(&options).await);
    let mut turned = options.clone();
    turned.shards.reverse();
    let refusal = Postgres::open(&turned).await.unwrap_err();
    assert!(matches!(&refusal, OpenError::Layout(problem) if problem.contains("order")), "{refusal:?}");
    let mut fewer = options.clone();
    fewer.shards.pop();
    let refusal = Postgres::open(&fewer).await.unwrap_err();
    assert!(matches!(&refusal, OpenError::Layout(problem) if problem.contains("512-1023")), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_wants_a_certificate_that_is_trusted() {
    let start = || Server::start_with(&Options { tls: true, ..Options::default() });
    let Some(server) = blocking(move || engines::or_skip(start())).await else { return };
    let mut options = options(&[server.url()]);
    options.tls = TlsMode::Verify { ca: server.certificate() };
    drop(open(&options).await);
    options.tls = TlsMode::Verify { ca: None };
    let untrusted = refusal(&options).await;
    assert!(matches!(untrusted, OpenError::Unreachable { .. }), "{untrusted:?}");
    options.tls = TlsMode::Verify { ca: Some("no-such-file.pem".into()) };
    let no_file = refusal(&options).await;
    assert!(matches!(no_file, OpenError::Certificates(_)), "{no_file:?}");
    options.tls = TlsMode::Off;
    let in_the_clear = refusal(&options).await;
    assert!(in_the_clear.to_string().contains("TLS"), "{in_the_clear}");
}

#[tokio::test]
async fn settings_out_of_bounds_are_refused() {
    let url: ServerUrl = "postgres://shop@db/shop".parse().unwrap();
    let good = PostgresOptions::single(url);
    let bad = [
        PostgresOptions { schema: "drop table".to_owned(), ..good.clone() },
        PostgresOptions { schema: String::new(), ..good.clone() },
        PostgresOptions { connections_max: 0, ..good.clone() },
        PostgresOptions { shards: Vec::new(), ..good.clone() },
    ];
    for options in bad {
        let refusal = refusal(&options).await;
        assert!(matches!(refusal, OpenError::Setting { .. }), "{refusal:?}");
    }
}
