//! The tables: made by explicit migrations, recorded in the database, never changed behind an operator's back.
//!
//! Always: the engine opens on exactly the version that it was built with.

use std::time::Duration;

use refinery_core::traits::r#async::AsyncMigrate;
use refinery_core::{Migration, Runner};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::dial::Dialer;
use crate::{OpenError, ServerUrl};

/// Where migrations are recorded.
const HISTORY: &str = "migrations";
/// One process at a time changes the layout of a schema: half of the lock's number, "cart" in ASCII; the other half is of
/// the schema's name.
const LOCK: i32 = 0x6361_7274;
/// Oldest server that is used.
const SERVER_MIN: i32 = 150_000;

/// All migrations, oldest first. One that was released is never changed: its checksum is recorded.
const MIGRATIONS: &[(&str, &str)] = &[("V1__tables", include_str!("../migrations/V1__tables.sql"))];

/// The version that this release works with.
pub(crate) fn wanted() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Takes the lock that keeps others from changing the layout of this schema, until the connection ends. Waits for whoever
/// has it, but not for longer than this.
pub(crate) async fn lock(
    client: &Client,
    url: &ServerUrl,
    dialer: &Dialer,
    patience: Duration,
) -> Result<(), OpenError> {
    let patience = format!("SET lock_timeout = {}", patience.as_millis());
    let asked = "SELECT pg_advisory_lock($1, hashtext($2))";
    let wait = async {
        client.batch_execute(&patience).await?;
        client.query_one(asked, &[&LOCK, &dialer.schema()]).await?;
        client.batch_execute("RESET lock_timeout").await
    };
    match wait.await {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            Err(OpenError::Busy { server: url.to_string() })
        }
        waited => waited.map_err(|error| OpenError::refused(url, "a lock", error)),
    }
}

/// Makes the schema and its tables, or brings them to this release's version. What is there already stays.
pub(crate) async fn migrate(client: &mut Client, url: &ServerUrl, dialer: &Dialer) -> Result<(), OpenError> {
    suitable(client, url).await?;
    // The name is checked to hold nothing that would have to be quoted.
    let create = format!("CREATE SCHEMA IF NOT EXISTS {}", dialer.schema());
    let refused = |error| OpenError::refused(url, "to create the schema", error);
    client.batch_execute(&create).await.map_err(refused)?;
    match version(client, url, dialer).await {
        Err(OpenError::SchemaMissing { .. } | OpenError::SchemaOlder { .. }) | Ok(()) => {}
        Err(other) => return Err(other),
    }
    let refused = |error: refinery_core::Error| OpenError::Refused {
        server: url.to_string(),
        what: "to change the schema",
        source: error.into(),
    };
    let migrations: Result<Vec<Migration>, _> =
        MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect();
    let runner = Runner::new(&migrations.map_err(refused)?);
    client
        .migrate(runner.get_migrations(), true, true, true, refinery_core::Target::Latest, HISTORY)
        .await
        .map_err(refused)?;
    Ok(())
}

/// Says whether the tables are of this release's version.
pub(crate) async fn version(client: &Client, url: &ServerUrl, dialer: &Dialer) -> Result<(), OpenError> {
    let (server, schema, wanted) = (url.to_string(), dialer.schema().to_owned(), wanted());
    let asked = format!("SELECT coalesce(max(version), 0)::bigint FROM {schema}.{HISTORY}");
    match client.query_one(&asked, &[]).await {
        Ok(row) => match row.get::<_, i64>(0) {
            0 => Err(OpenError::SchemaMissing { server, schema }),
            found if found < wanted => Err(OpenError::SchemaOlder { server, schema, found, wanted }),
            found if found > wanted => Err(OpenError::SchemaNewer { server, schema, found, wanted }),
            _ => Ok(()),
        },
        Err(error) if absent(&error) => Err(OpenError::SchemaMissing { server, schema }),
        Err(error) => Err(OpenError::refused(url, "to read the schema's version", error)),
    }
}

/// True when a table or its schema is not there.
fn absent(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| *code == SqlState::UNDEFINED_TABLE || *code == SqlState::INVALID_SCHEMA_NAME)
}

/// Refuses a server that lacks what this engine needs.
async fn suitable(client: &Client, url: &ServerUrl) -> Result<(), OpenError> {
    let asked = "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')";
    let refused = |error| OpenError::refused(url, "to say what it is", error);
    let row = client.query_one(asked, &[]).await.map_err(refused)?;
    let (version, encoding): (i32, String) = (row.get(0), row.get(1));
    let unsuitable = |problem: String| Err(OpenError::Unsuitable { server: url.to_string(), problem });
    if version < SERVER_MIN {
        return unsuitable(format!("it is PostgreSQL {}, and 15 or later is needed", version / 10_000));
    }
    if encoding != "UTF8" {
        return unsuitable(format!(
            "its database is in encoding {encoding}: create one with `--encoding UTF8`"
        ));
    }
    Ok(())
}

/// Refuses a server that may forget what it acknowledged, or says so once where that is accepted. Looked at when the
/// engine opens: whoever changes these settings later is not found out.
pub(crate) async fn durable(client: &Client, url: &ServerUrl, accept_loss: bool) -> Result<(), OpenError> {
    const SETTINGS: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];
    suitable(client, url).await?;
    for setting in SETTINGS {
        let refused = |error| OpenError::refused(url, "to show a setting", error);
        let row = client.query_one("SELECT current_setting($1)", &[&setting]).await.map_err(refused)?;
        let value: String = row.get(0);
        match value.as_str() {
            "off" if accept_loss => {
                tracing::warn!(server = %url, setting, "server may forget writes that it acknowledged");
            }
            "off" => return Err(OpenError::NotDurable { server: url.to_string(), setting, value }),
            _ => {}
        }
    }
    Ok(())
}
