//! What the engine has to say: causes inside a `StoreError`, each with what to do about it.
//!
//! No secret is ever part of a message: the SDK keeps keys out of its own, and [`crate::Secret`] prints nothing.

use storage::error::BoxError;

/// Why the engine did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DynamoDbError {
    /// Tables are missing, not active, or not ours.
    #[error("{problems}: run `evercart engine init`, and change or rename tables that it did not make")]
    NotReady {
        /// All of them.
        problems: String,
    },
    /// A table went away, or never was.
    #[error("a table is missing: run `evercart engine init`")]
    TableMissing,
    /// Writing here would put a second writer to the rows of another region.
    #[error("configured for region `{configured}`, but {what} is in `{found}`: correct one of them")]
    OtherRegion {
        /// What the configuration says.
        configured: String,
        /// What was looked at.
        what: String,
        /// Where it is.
        found: String,
    },
    /// A setting is out of its bounds.
    #[error("{0}")]
    Setting(&'static str),
    /// Nothing in the chain gave credentials.
    #[error("no credentials: set them, or give this machine a role")]
    NoCredentials(#[source] BoxError),
    /// The key is not known, has expired, or signs wrongly.
    #[error("credentials were refused (`{code}`): check the key, its region, and this machine's clock")]
    CredentialsRefused {
        /// As the service calls it.
        code: String,
    },
    /// The key is known, and may not do this.
    #[error("not allowed; the policy is in docs/operations/dynamodb.md: {message}")]
    NotAllowed {
        /// The service's own words: which action on which table.
        message: String,
    },
    /// A request could not even be made.
    #[error("the request was not sent")]
    NotSent(#[source] BoxError),
    /// There was nothing to send it on.
    #[error("no connection to the endpoint: check its address and the network")]
    NoConnection(#[source] BoxError),
    /// Something was sent, and no answer came back.
    #[error("no answer from the endpoint")]
    NoAnswer(#[source] BoxError),
    /// Any other refusal.
    #[error("the endpoint refused the request (`{code}`): {message}")]
    Refused {
        /// As the service calls it.
        code: String,
        /// In its own words.
        message: String,
    },
    /// An earlier attempt may have been applied, and what is stored now does not tell.
    #[error("an earlier attempt may have been applied before the row was written by another")]
    Overtaken,
    /// The endpoint took a part of a batch and went on refusing the rest.
    #[error("{left} parts of a batch were not taken")]
    BatchCut {
        /// How many.
        left: usize,
    },
}
