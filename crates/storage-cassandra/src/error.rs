//! Errors of the driver, sorted by what the caller does next.
//!
//! Writes are tried once by the driver: with retries of its own, the last error would say nothing of the attempts
//! before it. What may have been applied is never called refused, because the dot of a refused write is used again.

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use storage::StoreError;

/// How far a request had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// It was not sent, or no replica was told of it.
    Nobody,
    /// The same, because too much is waiting already.
    Queue,
    /// The node is out of space, and says so before it writes.
    FullDisk,
    /// Nobody knows.
    Perhaps,
}

/// The error of a read: nothing was written, so it is safe to ask again.
pub(crate) fn of_read(error: ExecutionError) -> StoreError {
    match reached_by_insert(&error) {
        Reached::Queue => StoreError::Overloaded,
        Reached::Nobody | Reached::FullDisk | Reached::Perhaps => StoreError::Unavailable(error.into()),
    }
}

/// The error of an unconditional insert or deletion.
pub(crate) fn of_insert(error: ExecutionError) -> StoreError {
    of(reached_by_insert(&error), error)
}

/// The error of a conditional write.
pub(crate) fn of_conditional(error: ExecutionError) -> StoreError {
    of(reached_by_conditional(&error), error)
}

/// The error of what comes before a write: whatever became of it, the write itself was not sent.
pub(crate) fn before_write(error: StoreError) -> StoreError {
    match error {
        StoreError::Indeterminate(source) => StoreError::Unavailable(source),
        other => other,
    }
}

/// True of what may pass by itself, as when the node that was asked has just begun to stand still: what the server refuses at
/// the door it refuses again.
pub(crate) fn may_pass(error: &ExecutionError) -> bool {
    match db_error(error) {
        Ok((DbError::IsBootstrapping, _)) => true,
        Ok((error, message)) => matches!(at_the_door(error, message), Reached::Perhaps | Reached::Queue),
        Err(_) => !matches!(error, ExecutionError::BadQuery(_) | ExecutionError::EmptyPlan),
    }
}

fn of(reached: Reached, error: ExecutionError) -> StoreError {
    match reached {
        Reached::Nobody => StoreError::Unavailable(error.into()),
        Reached::Queue => StoreError::Overloaded,
        Reached::FullDisk => StoreError::Full,
        Reached::Perhaps => StoreError::Indeterminate(error.into()),
    }
}

/// Replicas are counted before the first is told, so `Unavailable` means that none was.
fn reached_by_insert(error: &ExecutionError) -> Reached {
    match db_error(error) {
        Ok((DbError::Unavailable { .. }, _)) => Reached::Nobody,
        Ok((DbError::Overloaded, _)) => Reached::Queue,
        Ok((error, message)) => at_the_door(error, message),
        Err(reached) => reached,
    }
}

/// Later rounds of a conditional write may fail like the first after a proposal was accepted somewhere, which somebody
/// else may then finish: only what is refused at the door is refused.
fn reached_by_conditional(error: &ExecutionError) -> Reached {
    match db_error(error) {
        Ok((error, message)) => at_the_door(error, message),
        Err(reached) => reached,
    }
}

fn at_the_door(error: &DbError, message: &str) -> Reached {
    match error {
        DbError::Invalid if message.contains("disk usage exceeds failure threshold") => Reached::FullDisk,
        DbError::RateLimitReached { .. } => Reached::Queue,
        DbError::SyntaxError
        | DbError::Invalid
        | DbError::AuthenticationError
        | DbError::Unauthorized
        | DbError::ConfigError
        | DbError::IsBootstrapping
        | DbError::Unprepared { .. }
        | DbError::ProtocolError => Reached::Nobody,
        _ => Reached::Perhaps,
    }
}

/// What the server said, or else how far the request came without it.
fn db_error(error: &ExecutionError) -> Result<(&DbError, &str), Reached> {
    match error {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, message)) => {
            Ok((error, message))
        }
        ExecutionError::LastAttemptError(RequestAttemptError::UnableToAllocStreamId) => Err(Reached::Queue),
        ExecutionError::LastAttemptError(
            RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_),
        )
        | ExecutionError::BadQuery(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::PrepareError(_)
        | ExecutionError::ConnectionPoolError(_) => Err(Reached::Nobody),
        _ => Err(Reached::Perhaps),
    }
}

#[cfg(test)]
mod tests;
