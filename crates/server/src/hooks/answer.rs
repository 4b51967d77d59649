//! What came back of a question, or why nothing did.

use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;
use storage::error::BoxError;

/// An answer as it came.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Why there is no answer. Messages never say what was asked, answered or signed with.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the hook failed too often in a row, and is asked again after a pause")]
    CircuitOpen,
    #[error("no connection to the hook")]
    NotConnected(#[source] BoxError),
    #[error("the hook refused the question with status {0}")]
    Refused(StatusCode),
    #[error("no answer within {0} ms")]
    Late(u128),
    #[error("the connection to the hook broke off")]
    BrokenOff(#[source] BoxError),
    #[error("the hook answered with status {0}")]
    Failed(StatusCode),
    #[error("the hook's answer cannot be used: {0}")]
    Unreadable(String),
}

impl Failure {
    /// True when the hook may have done what it was asked. No wildcard arm: a new kind must decide.
    pub(super) fn may_be_heard(&self) -> bool {
        match self {
            Self::CircuitOpen | Self::NotConnected(_) | Self::Refused(_) => false,
            Self::Late(_) | Self::BrokenOff(_) | Self::Failed(_) | Self::Unreadable(_) => true,
        }
    }

    /// True when the same question may be answered a moment later.
    pub(super) fn is_worth_another(&self) -> bool {
        match self {
            Self::CircuitOpen => false,
            Self::Refused(status) => *status == StatusCode::TOO_MANY_REQUESTS,
            Self::NotConnected(_)
            | Self::Late(_)
            | Self::BrokenOff(_)
            | Self::Failed(_)
            | Self::Unreadable(_) => true,
        }
    }

    /// True of a hook that is there and says no.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self, Self::Refused(status) if *status != StatusCode::TOO_MANY_REQUESTS)
    }

    /// Its name in metrics.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::CircuitOpen => "circuit_open",
            Self::NotConnected(_) => "not_connected",
            Self::Refused(_) => "refused",
            Self::Late(_) => "late",
            Self::BrokenOff(_) => "broken_off",
            Self::Failed(_) => "failed",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl Answer {
    /// The body of an answer that is fine.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.must_succeed()?;
        self.parse()
    }

    /// Nothing but a 2xx is a yes: a redirect, for one, says that somebody else should have been asked.
    pub(super) fn must_succeed(&self) -> Result<(), Failure> {
        match self.status {
            status if status.is_success() => Ok(()),
            // The first lost patience with a question that it may have passed on, the second is still at it.
            status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT) => Err(Failure::Failed(status)),
            status if status.is_client_error() => Err(Failure::Refused(status)),
            status => Err(Failure::Failed(status)),
        }
    }

    /// The body, whatever the status. What is wrong with it is told by place: its words may be a shopper's.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = if error.is_data() { "not of the shape that was asked for" } else { "no JSON" };
            Failure::Unreadable(format!("{what}, line {} column {}", error.line(), error.column()))
        })
    }
}
