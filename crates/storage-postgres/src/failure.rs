//! Sorts what went wrong by the one question that counts: can the write have been applied?
//!
//! Every statement of this engine is a transaction of its own. From that and from how PostgreSQL works follows:
//!
//! - Before the statement is sent (no connection, pool, parsing) nothing was applied.
//! - An answer of severity `ERROR` means that the transaction was rolled back: nothing was applied. That holds for a
//!   statement timeout too (57014): its clock is stopped before the commit begins, and a commit cannot be cancelled.
//! - `FATAL` and `PANIC` end the session, and may do so between the commit and its answer: unknown.
//! - A connection that is lost, or that does not answer in time, after the statement was sent: unknown.
//!
//! The driver calls a statement done when the server is ready for the next one, which is after its commit; so an error
//! of the commit itself comes here like any other.

use storage::StoreError;
use storage::error::BoxError;
use tokio_postgres::error::{Severity, SqlState};

/// Why a statement has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was applied.
    NotApplied(BoxError),
    /// A write may have been applied.
    Unknown(BoxError),
    /// The server's disk is full, and nothing was applied.
    Full,
}

/// What went wrong, and where.
#[derive(Debug, thiserror::Error)]
#[error("`{server}`: {what}")]
pub(crate) struct Report {
    pub(crate) server: String,
    pub(crate) what: String,
    #[source]
    pub(crate) source: Option<BoxError>,
}

impl Failure {
    /// Of a statement that writes.
    pub(crate) fn of_write(self) -> StoreError {
        match self {
            Self::NotApplied(source) => StoreError::Unavailable(source),
            Self::Unknown(source) => StoreError::Indeterminate(source),
            Self::Full => StoreError::Full,
        }
    }

    /// Of a statement that writes nothing.
    pub(crate) fn of_read(self) -> StoreError {
        match self {
            Self::NotApplied(source) | Self::Unknown(source) => StoreError::Unavailable(source),
            // A read that sorts on a full disk.
            Self::Full => StoreError::Unavailable("the server's disk is full".into()),
        }
    }

    /// A statement was sent and answered with an error.
    pub(crate) fn sent(server: &str, error: tokio_postgres::Error) -> Self {
        let verdict = match error.as_db_error() {
            None => Verdict::Unknown,
            Some(db) => verdict(db.parsed_severity(), db.code()),
        };
        let what = says(&error);
        let report: BoxError = Report { server: server.to_owned(), what, source: Some(error.into()) }.into();
        match verdict {
            Verdict::NotApplied => Self::NotApplied(report),
            Verdict::Unknown => Self::Unknown(report),
            Verdict::Full => Self::Full,
        }
    }

    /// Something failed before any statement was sent.
    pub(crate) fn before(server: &str, what: impl Into<String>, source: Option<BoxError>) -> Self {
        Self::NotApplied(Report { server: server.to_owned(), what: what.into(), source }.into())
    }

    /// A statement was sent, and nothing came back in time.
    pub(crate) fn silent(server: &str) -> Self {
        let what = "no answer in time".to_owned();
        Self::Unknown(Report { server: server.to_owned(), what, source: None }.into())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    NotApplied,
    Unknown,
    Full,
}

/// What an answer of the server means for a statement that was sent.
fn verdict(severity: Option<Severity>, code: &SqlState) -> Verdict {
    if *code == SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
        || *code == SqlState::TRANSACTION_RESOLUTION_UNKNOWN
    {
        return Verdict::Unknown;
    }
    match severity {
        Some(Severity::Error) if *code == SqlState::DISK_FULL => Verdict::Full,
        Some(Severity::Error) => Verdict::NotApplied,
        _ => Verdict::Unknown,
    }
}

/// True when the session is as good as before the error. Whatever is not known to be harmless ends the connection: a
/// server that has become read-only, a plan that no longer fits, a statement that is not known.
pub(crate) fn session_is_clean(error: &tokio_postgres::Error) -> bool {
    let harmless = [
        SqlState::QUERY_CANCELED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::DISK_FULL,
    ];
    let error = error.as_db_error();
    error.is_some_and(|db| db.parsed_severity() == Some(Severity::Error) && harmless.contains(db.code()))
}

fn says(error: &tokio_postgres::Error) -> String {
    let Some(code) = error.code() else { return "the connection failed".to_owned() };
    let advice = match code {
        code if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::INVALID_SCHEMA_NAME => {
            ": tables are missing, run `evercart engine init`"
        }
        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => ": it does not take writes any more",
        code if *code == SqlState::QUERY_CANCELED => ": the statement took too long, and was rolled back",
        code if *code == SqlState::TOO_MANY_CONNECTIONS => ": it has too many connections",
        _ => "",
    };
    format!("refused with {}{advice}", code.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_means_rolled_back_and_an_end_of_the_session_means_unknown() {
        let errors = [
            SqlState::QUERY_CANCELED,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::UNDEFINED_TABLE,
            SqlState::OUT_OF_MEMORY,
        ];
        for code in errors {
            assert_eq!(verdict(Some(Severity::Error), &code), Verdict::NotApplied, "{code:?}");
        }
        assert_eq!(verdict(Some(Severity::Error), &SqlState::DISK_FULL), Verdict::Full);
        for code in [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::DISK_FULL] {
            assert_eq!(verdict(Some(Severity::Fatal), &code), Verdict::Unknown, "{code:?}");
            assert_eq!(verdict(Some(Severity::Panic), &code), Verdict::Unknown, "{code:?}");
            assert_eq!(verdict(None, &code), Verdict::Unknown, "{code:?}");
        }
        let unknown = SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN;
        assert_eq!(verdict(Some(Severity::Error), &unknown), Verdict::Unknown);
    }
}
