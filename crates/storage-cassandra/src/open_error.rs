//! Why a store cannot be opened: one message that says what to do, and never a secret.

use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, MetadataError,
    NewSessionError,
};
use std::error::Error;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a store cannot be opened or its schema not be made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An option makes no sense.
    #[error("option `{option}` {why}")]
    Option {
        /// Which.
        option: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nobody answers.
    #[error("none of `{points}` answers as a Cassandra node: check the addresses, and that the cluster runs")]
    Unreachable {
        /// The contact points.
        points: String,
        /// What came instead of an answer.
        source: BoxError,
    },
    /// Wrong user or password, or none where one is asked for.
    #[error("the cluster does not let in `{user}`: check `user` and `password`")]
    Credentials {
        /// Who asked.
        user: String,
        /// What the cluster said.
        source: BoxError,
    },
    /// The authorities are none.
    #[error("the authorities for TLS cannot be used: give PEM certificates")]
    Authorities(#[source] BoxError),
    /// There is no such data centre.
    #[error("no node is in data centre `{asked}`, the cluster has {known}: correct `{option}`")]
    Datacenter {
        /// Which option names it.
        option: &'static str,
        /// What it names.
        asked: String,
        /// What there is.
        known: String,
    },
    /// Nothing is kept where writes of this region go, or where records are decided.
    #[error(
        "keyspace `{keyspace}` keeps no copy in data centre `{datacenter}`: alter its replication, then repair"
    )]
    NotReplicated {
        /// The keyspace.
        keyspace: String,
        /// The data centre.
        datacenter: String,
    },
    /// Something of the schema is not there.
    #[error("keyspace `{keyspace}` lacks {missing}: run `evercart engine init`")]
    NotInitialised {
        /// The keyspace.
        keyspace: String,
        /// What is missing.
        missing: String,
    },
    /// The schema is of an earlier release.
    #[error(
        "the schema of keyspace `{keyspace}` is version {found}, this release needs {needed}: run `evercart engine init`"
    )]
    Older {
        /// The keyspace.
        keyspace: String,
        /// What is there.
        found: u32,
        /// What is needed.
        needed: u32,
    },
    /// The schema is of a later release.
    #[error(
        "the schema of keyspace `{keyspace}` is version {found}, this release knows {needed}: use a newer evercart"
    )]
    Newer {
        /// The keyspace.
        keyspace: String,
        /// What is there.
        found: u32,
        /// What is known.
        needed: u32,
    },
    /// Others decide elsewhere: together, both would say yes.
    #[error(
        "records of keyspace `{keyspace}` are decided `{recorded}`, not `{asked}`: correct `serial`, the same everywhere"
    )]
    SerialLevel {
        /// The keyspace.
        keyspace: String,
        /// What was written down when it was made.
        recorded: String,
        /// What the options say.
        asked: String,
    },
    /// A question while opening was not answered.
    #[error("the cluster did not answer while the store was opened: {doing}")]
    Asked {
        /// What was asked.
        doing: &'static str,
        /// What went wrong.
        source: BoxError,
    },
}

impl OpenError {
    /// For `map_err`.
    pub(crate) fn asked<E: Into<BoxError>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Asked { doing, source: error.into() }
    }

    /// What a session that could not be made means.
    pub(crate) fn of_session(error: NewSessionError, points: &[String], user: Option<&str>) -> Self {
        if is_about_credentials(&error) {
            let user = user.unwrap_or("a caller without a user").to_owned();
            return Self::Credentials { user, source: error.into() };
        }
        Self::Unreachable { points: points.join(", "), source: error.into() }
    }
}

fn is_about_credentials(error: &NewSessionError) -> bool {
    let NewSessionError::MetadataError(MetadataError::ConnectionPoolError(ConnectionPoolError::Broken {
        last_connection_error: ConnectionError::ConnectionSetupRequestError(setup),
    })) = error
    else {
        return false;
    };
    matches!(
        setup.get_error(),
        ConnectionSetupRequestErrorKind::DbError(DbError::AuthenticationError, _)
            | ConnectionSetupRequestErrorKind::MissingAuthentication
    )
}
