//! Errors of stores, sorted by what the caller does next.

use cart::format::FormatError;

/// Anything that went wrong below.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a store did not do what was asked. A lost race is not an error but an outcome.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Retry, or journal the delta.
    #[error("store refused the request before applying it")]
    Unavailable(#[source] BoxError),
    /// A delta: send it again. Anything else: read the own row first.
    #[error("outcome of the write is unknown")]
    Indeterminate(#[source] BoxError),
    /// Come back after a moment: too much is waiting already.
    #[error("store has too many writes waiting")]
    Overloaded,
    /// Refuse writes, keep reading.
    #[error("no room left for writes")]
    Full,
    /// Stop writing this record and tell an operator.
    #[error("stored bytes of `{record}` cannot be read")]
    Corrupt {
        /// Which record, for the operator's eyes.
        record: String,
        /// What is wrong with it.
        source: FormatError,
    },
}

impl StoreError {
    /// True when the write may have taken effect. No wildcard arm: a new kind must decide.
    pub fn may_be_applied(&self) -> bool {
        match self {
            Self::Indeterminate(_) => true,
            Self::Unavailable(_) | Self::Overloaded | Self::Full | Self::Corrupt { .. } => false,
        }
    }

    /// The kind as a label of metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Indeterminate(_) => "indeterminate",
            Self::Overloaded => "overloaded",
            Self::Full => "full",
            Self::Corrupt { .. } => "corrupt",
        }
    }
}

/// What a store answers.
pub type Result<T> = std::result::Result<T, StoreError>;
