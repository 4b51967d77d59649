//! Why the engine does not open: each says what to do, and none holds a password.

use std::error::Error;

use tokio_postgres::error::SqlState;

use crate::{BadServerUrl, ServerUrl};

/// Why the engine, or a change of its layout, did not come about.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An address cannot be read.
    #[error(transparent)]
    BadServerUrl(#[from] BadServerUrl),
    /// A setting is out of its bounds.
    #[error("setting `{setting}`: {problem}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong with it, and what would not be.
        problem: String,
    },
    /// The certificates that are to be trusted cannot be used.
    #[error(
        "the certificates for TLS cannot be used: check the file of `ca`, or the certificates of the system"
    )]
    Certificates(#[source] Box<dyn Error + Send + Sync>),
    /// Nobody answers at the address, or not in time.
    #[error(
        "no PostgreSQL answers at `{server}`: check host, port, firewall and TLS mode, and that it is running"
    )]
    Unreachable {
        /// The address, without credentials.
        server: String,
        /// What came in place of an answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server does not let this user in.
    #[error(
        "`{server}` does not let user `{user}` in: check user and password of the address, the TLS mode, and \
         `pg_hba.conf` of the server"
    )]
    Credentials {
        /// The address, without credentials.
        server: String,
        /// Who is not let in.
        user: String,
    },
    /// The database is not there.
    #[error(
        "there is no database `{database}` at `{server}`: create it with `createdb`, or name another in the address"
    )]
    MissingDatabase {
        /// The address, without credentials.
        server: String,
        /// Which.
        database: String,
    },
    /// The server answers, and refuses what is needed.
    #[error("`{server}` refuses {what}")]
    Refused {
        /// The address, without credentials.
        server: String,
        /// What was asked of it.
        what: &'static str,
        /// In its own words.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The tables are not there.
    #[error("schema `{schema}` at `{server}` has no tables of evercart: run `evercart engine init`")]
    SchemaMissing {
        /// The address, without credentials.
        server: String,
        /// Which schema was looked at.
        schema: String,
    },
    /// The tables are of an older release.
    #[error(
        "schema `{schema}` at `{server}` has version {found} and this release wants {wanted}: run `evercart engine init`"
    )]
    SchemaOlder {
        /// The address, without credentials.
        server: String,
        /// Which schema was looked at.
        schema: String,
        /// Its version.
        found: i64,
        /// The version that this release works with.
        wanted: i64,
    },
    /// The tables are of a newer release.
    #[error(
        "schema `{schema}` at `{server}` has version {found}, and this release knows {wanted}: start the newer release \
         that changed it"
    )]
    SchemaNewer {
        /// The address, without credentials.
        server: String,
        /// Which schema was looked at.
        schema: String,
        /// Its version.
        found: i64,
        /// The version that this release works with.
        wanted: i64,
    },
    /// The server is too old, or keeps text in an encoding that cannot hold all of it.
    #[error("`{server}` cannot be used: {problem}")]
    Unsuitable {
        /// The address, without credentials.
        server: String,
        /// What is missing.
        problem: String,
    },
    /// The server would acknowledge writes that it may forget.
    #[error(
        "`{server}` may forget writes that it acknowledged: `{setting}` is `{value}`; set it to `on`, or accept the loss \
         with `accept_loss`"
    )]
    NotDurable {
        /// The address, without credentials.
        server: String,
        /// Which setting of the server.
        setting: &'static str,
        /// What it is.
        value: String,
    },
    /// The list of shards is not the one that the shards know.
    #[error("the list of shards does not fit: {0}")]
    Layout(String),
    /// Slots cannot go where they are to go.
    #[error("nothing was moved: {0}")]
    Plan(String),
    /// Somebody else is changing the layout.
    #[error(
        "`{server}` is being initialised, or slots of it moved, or it is dumped, by somebody else: wait until that has ended"
    )]
    Busy {
        /// The address, without credentials.
        server: String,
    },
}

impl OpenError {
    /// What an attempt to connect ended with.
    pub(crate) fn connecting(url: &ServerUrl, source: tokio_postgres::Error) -> Self {
        let server = url.to_string();
        let Some(code) = source.code() else { return Self::Unreachable { server, source: source.into() } };
        match code {
            code if *code == SqlState::INVALID_PASSWORD
                || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
            {
                Self::Credentials { server, user: url.user().to_owned() }
            }
            code if *code == SqlState::UNDEFINED_DATABASE => {
                Self::MissingDatabase { server, database: url.database().to_owned() }
            }
            _ => Self::Refused { server, what: "the connection", source: source.into() },
        }
    }

    /// What a statement ended with while the layout was looked at or changed.
    pub(crate) fn refused(url: &ServerUrl, what: &'static str, source: tokio_postgres::Error) -> Self {
        Self::Refused { server: url.to_string(), what, source: source.into() }
    }

    /// Nothing came in time.
    pub(crate) fn silent(url: &ServerUrl) -> Self {
        Self::Unreachable { server: url.to_string(), source: "no answer in time".into() }
    }
}
