//! The keyspace and its tables: what [`init`] makes, and what [`check`] requires.
//!
//! What is there already is never altered, so an operator's own settings stay. Deliberately absent: secondary indexes,
//! counters, collections, and a time to live on any table.

mod tables;

use crate::{CassandraOptions, OpenError, connect, error};
use backon::{ExponentialBuilder, Retryable};
use scylla::{
    client::session::Session,
    cluster::metadata::Strategy,
    response::query_result::QueryRowsResult,
    serialize::row::SerializeRow,
    statement::{Consistency, Statement},
};
use std::{collections::HashMap, time::Duration};
use tables::{Compaction, TABLES};

/// The version of the schema that this release needs.
pub const SCHEMA_VERSION: u32 = 1;

/// For one change of the schema: all nodes agree on it first, and an operator would rather wait than not know.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a question is asked again while a store is opened: for as long, each of a few seconds, as a node that stands
/// still may be asked before the others know it.
const QUESTIONS_MAX: usize = 6;

const VERSION: &str = "schema_version";
const SERIAL: &str = "serial_level";

/// What [`init`] found and made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initialised {
    /// True where the keyspace was not there before.
    pub is_new: bool,
    /// The tables that were made.
    pub tables: Vec<&'static str>,
}

/// Makes the keyspace and what is missing of its tables. Repeating it changes nothing.
pub async fn init(options: &CassandraOptions) -> Result<Initialised, OpenError> {
    let session = connect::session(options).await?;
    connect::require_datacenters(&session, options)?;
    let keyspace = &options.keyspace;
    let is_new = session.get_cluster_state().get_keyspace(keyspace).is_none();
    if is_new {
        require_usable(&session, options)?;
        let copies: String =
            options.replication.iter().map(|(name, copies)| format!(", '{name}': {copies}")).collect();
        let class = "'class': 'NetworkTopologyStrategy'";
        run(
            &session,
            format!("CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {{{class}{copies}}}"),
        )
        .await?;
    }
    let (there, compaction) = (existing(&session, keyspace).await?, compaction(&session).await?);
    let mut made = Vec::new();
    for table in TABLES.iter().filter(|table| !there.iter().any(|name| name == table.name)) {
        run(&session, table.statement(keyspace, compaction)).await?;
        made.push(table.name);
    }
    for (name, value) in [(VERSION, SCHEMA_VERSION.to_string()), (SERIAL, options.serial.as_stored())] {
        // What another release or another region wrote stands: `check` compares.
        let insert = format!("INSERT INTO {keyspace}.meta (name, value) VALUES (?, ?) IF NOT EXISTS");
        let mut insert = Statement::new(insert);
        insert.set_execution_profile_handle(Some(connect::of_records(options)));
        let doing = OpenError::asked("writing down the version");
        session.query_unpaged(insert, (name, value)).await.map_err(doing)?;
    }
    check_session(&session, options).await?;
    Ok(Initialised { is_new, tables: made })
}

/// Opens a session and says whether the store can be used as the options say.
pub async fn check(options: &CassandraOptions) -> Result<(), OpenError> {
    let session = connect::session(options).await?;
    check_session(&session, options).await
}

pub(crate) async fn check_session(session: &Session, options: &CassandraOptions) -> Result<(), OpenError> {
    connect::require_datacenters(session, options)?;
    let keyspace = options.keyspace.clone();
    let there = existing(session, &keyspace).await?;
    let missing: Vec<&str> =
        TABLES.iter().map(|table| table.name).filter(|name| !there.iter().any(|t| t == name)).collect();
    if missing.len() == TABLES.len() {
        return Err(OpenError::NotInitialised { keyspace, missing: "all its tables".to_owned() });
    }
    if !missing.is_empty() {
        return Err(OpenError::NotInitialised {
            keyspace,
            missing: format!("tables {}", missing.join(", ")),
        });
    }
    require_copies(session, options)?;
    let recorded = recorded(session, &keyspace).await?;
    let Some(found) = recorded.get(VERSION).and_then(|version| version.parse().ok()) else {
        return Err(OpenError::NotInitialised { keyspace, missing: "its version".to_owned() });
    };
    let (needed, asked) = (SCHEMA_VERSION, options.serial.as_stored());
    if found < needed {
        return Err(OpenError::Older { keyspace, found, needed });
    }
    if found > needed {
        return Err(OpenError::Newer { keyspace, found, needed });
    }
    match recorded.get(SERIAL) {
        Some(level) if *level == asked => Ok(()),
        level => {
            let recorded = level.cloned().unwrap_or_else(|| "nowhere".to_owned());
            Err(OpenError::SerialLevel { keyspace, recorded, asked })
        }
    }
}

/// A keyspace that no engine could be opened on is not made.
fn require_usable(session: &Session, options: &CassandraOptions) -> Result<(), OpenError> {
    let mut named = options.replication.keys();
    named.try_for_each(|name| connect::require_datacenter(session, "replication", name))?;
    if options.places().all(|place| options.replication.contains_key(place)) {
        return Ok(());
    }
    let why = "must keep copies in the local data centre and in that which decides records";
    Err(OpenError::Option { option: "replication", why })
}

/// Without a copy in a data centre no `LOCAL_QUORUM` and no `LOCAL_SERIAL` can be had there.
fn require_copies(session: &Session, options: &CassandraOptions) -> Result<(), OpenError> {
    let state = session.get_cluster_state();
    let Some(found) = state.get_keyspace(&options.keyspace) else { return Ok(()) };
    let Strategy::NetworkTopologyStrategy { datacenter_repfactors: copies } = &found.strategy else {
        return Ok(());
    };
    let mut places = options.places();
    match places.find(|place| copies.get(*place).is_none_or(|copies| *copies == 0)) {
        None => Ok(()),
        Some(place) => {
            let keyspace = options.keyspace.clone();
            Err(OpenError::NotReplicated { keyspace, datacenter: place.clone() })
        }
    }
}

async fn run(session: &Session, statement: String) -> Result<(), OpenError> {
    let mut statement = Statement::new(statement);
    statement.set_request_timeout(Some(SCHEMA_TIMEOUT));
    session.query_unpaged(statement, ()).await.map_err(OpenError::asked("making the schema"))?;
    Ok(())
}

/// What a question is answered that changes nothing, asked again while what went wrong may pass.
async fn answer(
    session: &Session,
    doing: &'static str,
    select: &Statement,
    values: impl SerializeRow + Copy,
) -> Result<QueryRowsResult, OpenError> {
    let ask = || session.query_unpaged(select.clone(), values);
    let again =
        ExponentialBuilder::default().with_max_delay(Duration::from_secs(2)).with_max_times(QUESTIONS_MAX);
    let told = |error: &_, after| {
        tracing::warn!(error = error as &dyn std::error::Error, ?after, "{doing}, once more");
    };
    let answer = ask.retry(again).when(error::may_pass).notify(told).await;
    answer.map_err(OpenError::asked(doing))?.into_rows_result().map_err(OpenError::asked(doing))
}

/// The tables of a keyspace.
async fn existing(session: &Session, keyspace: &str) -> Result<Vec<String>, OpenError> {
    let doing = "reading the list of tables";
    let select = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let mut select = Statement::new(select);
    select.set_consistency(Consistency::One);
    let rows = answer(session, doing, &select, (keyspace,)).await?;
    let rows = rows.rows::<(String,)>().map_err(OpenError::asked(doing))?;
    rows.map(|row| row.map(|(name,)| name).map_err(OpenError::asked(doing))).collect()
}

/// What was written down when the keyspace was made.
async fn recorded(session: &Session, keyspace: &str) -> Result<HashMap<String, String>, OpenError> {
    let doing = "reading the version of the schema";
    let select = format!("SELECT name, value FROM {keyspace}.meta");
    let rows = answer(session, doing, &Statement::new(select), ()).await?;
    let rows = rows.rows::<(String, String)>().map_err(OpenError::asked(doing))?;
    rows.collect::<Result<_, _>>().map_err(OpenError::asked(doing))
}

/// The best strategy that the node knows: earlier releases, and ScyllaDB, have not the unified one.
async fn compaction(session: &Session) -> Result<Compaction, OpenError> {
    let doing = "reading the release of the server";
    let mut select = Statement::new("SELECT release_version FROM system.local");
    select.set_consistency(Consistency::One);
    let rows = answer(session, doing, &select, ()).await?;
    let (release,) = rows.first_row::<(String,)>().map_err(OpenError::asked(doing))?;
    let major = release.split('.').next().and_then(|major| major.parse::<u32>().ok());
    Ok(if major.is_some_and(|major| major >= 5) { Compaction::Unified } else { Compaction::Leveled })
}
