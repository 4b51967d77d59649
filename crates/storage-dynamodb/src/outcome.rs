//! What an error of the SDK means for the caller: the one place where errors are sorted.
//!
//! - throttled (`ProvisionedThroughputExceededException`, `ThrottlingException`, `RequestLimitExceeded`): overloaded. The
//!   SDK has backed off and tried again by then; more attempts, or a journal that replays into the same table, would only
//!   move the queue.
//! - refused: unavailable, nothing was applied.
//! - timed out, cut off, 5xx: a read is unavailable, a write indeterminate.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use storage::StoreError;

use crate::DynamoDbError;
use crate::attempts::{Attempts, is_before_sending, is_unknown};

/// Bytes that the service keeps in one item, names of attributes included.
pub(crate) const ITEM_BYTES_MAX: usize = 400 * 1024;

/// A read that failed.
pub(crate) fn read<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match sorted(error) {
        Sorted::Throttled => StoreError::Overloaded,
        Sorted::TooLarge => StoreError::Full,
        Sorted::NotApplied(cause) | Sorted::Unknown(cause) => StoreError::Unavailable(cause.into()),
    }
}

/// A write that failed, after these attempts.
pub(crate) fn write<E>(error: SdkError<E, HttpResponse>, attempts: &Attempts) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let may_be_applied = attempts.may_be_applied();
    match sorted(error) {
        Sorted::Unknown(cause) => StoreError::Indeterminate(cause.into()),
        Sorted::NotApplied(cause) if may_be_applied => StoreError::Indeterminate(cause.into()),
        Sorted::Throttled if may_be_applied => StoreError::Indeterminate(Box::new(StoreError::Overloaded)),
        Sorted::NotApplied(cause) => StoreError::Unavailable(cause.into()),
        Sorted::Throttled => StoreError::Overloaded,
        Sorted::TooLarge => StoreError::Full,
    }
}

enum Sorted {
    Throttled,
    TooLarge,
    NotApplied(DynamoDbError),
    Unknown(DynamoDbError),
}

fn sorted<E>(error: SdkError<E, HttpResponse>) -> Sorted
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let error = answer.err();
            service(error.code().unwrap_or("none"), error.message().unwrap_or("no message"), status)
        }
        SdkError::ConstructionFailure(_) => Sorted::NotApplied(DynamoDbError::NotSent(error.into())),
        SdkError::DispatchFailure(ref failure) => {
            let connector = failure.as_connector_error();
            let is_unsigned = connector.is_some_and(|error| is_caused_by::<CredentialsError>(error));
            let is_unsent = connector.is_some_and(is_before_sending);
            if is_unsigned {
                Sorted::NotApplied(DynamoDbError::NoCredentials(error.into()))
            } else if is_unsent {
                Sorted::NotApplied(DynamoDbError::NoConnection(error.into()))
            } else {
                Sorted::Unknown(DynamoDbError::NoAnswer(error.into()))
            }
        }
        other => Sorted::Unknown(DynamoDbError::NoAnswer(other.into())),
    }
}

fn is_caused_by<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<E>())
}

fn service(code: &str, message: &str, status: u16) -> Sorted {
    let refused = || DynamoDbError::Refused { code: code.to_owned(), message: message.to_owned() };
    match code {
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded" => Sorted::Throttled,
        "ResourceNotFoundException" => Sorted::NotApplied(DynamoDbError::TableMissing),
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException"
        | "MissingAuthenticationToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId" => {
            Sorted::NotApplied(DynamoDbError::CredentialsRefused { code: code.to_owned() })
        }
        "AccessDeniedException" => {
            Sorted::NotApplied(DynamoDbError::NotAllowed { message: message.to_owned() })
        }
        "ValidationException" if message.contains("Item size") => {
            tracing::error!(
                limit_bytes = ITEM_BYTES_MAX,
                "an item is too large for DynamoDB and was not written"
            );
            Sorted::TooLarge
        }
        _ if is_unknown(status) => Sorted::Unknown(refused()),
        _ => Sorted::NotApplied(refused()),
    }
}
