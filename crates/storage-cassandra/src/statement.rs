//! Prepared statements of three kinds, and their answers.
//!
//! A read may be tried again by the driver, a write is tried once. Names go into statements as text, values never.

use crate::{OpenError, error};
use futures::TryFutureExt;
use scylla::{
    client::{execution_profile::ExecutionProfileHandle, session::Session},
    deserialize::row::DeserializeRow,
    errors::ExecutionError,
    policies::retry::DefaultRetryPolicy,
    response::{PagingState, query_result::QueryResult},
    serialize::row::SerializeRow,
    statement::{Consistency, prepared::PreparedStatement},
};
use std::{ops::ControlFlow, sync::Arc};
use storage::StoreError;

/// Prepares statements on the tables of one keyspace.
pub(crate) struct Preparing<'a> {
    pub(crate) session: &'a Session,
    pub(crate) keyspace: &'a str,
    /// Where and how they run; `None` is the session's own profile.
    pub(crate) profile: Option<ExecutionProfileHandle>,
}

impl Preparing<'_> {
    /// A read, at a level of its own where it needs one. `{ks}` in the text is the keyspace.
    pub(crate) async fn read(
        &self,
        text: &str,
        level: Option<Consistency>,
    ) -> Result<PreparedStatement, OpenError> {
        let mut statement = self.prepare(text).await?;
        statement.set_is_idempotent(true);
        statement.set_retry_policy(Some(Arc::new(DefaultRetryPolicy::new())));
        if let Some(level) = level {
            statement.set_consistency(level);
        }
        Ok(statement)
    }

    /// An unconditional insert or deletion: the same when it is repeated.
    pub(crate) async fn blind(&self, text: &str) -> Result<PreparedStatement, OpenError> {
        let mut statement = self.prepare(text).await?;
        statement.set_is_idempotent(true);
        Ok(statement)
    }

    /// A write on condition of what is there.
    pub(crate) async fn conditional(&self, text: &str) -> Result<PreparedStatement, OpenError> {
        self.prepare(text).await
    }

    async fn prepare(&self, text: &str) -> Result<PreparedStatement, OpenError> {
        let text = text.replace("{ks}", self.keyspace);
        let prepared = self.session.prepare(text);
        let mut statement = prepared.map_err(OpenError::asked("preparing the statements")).await?;
        statement.set_execution_profile_handle(self.profile.clone());
        Ok(statement)
    }
}

/// All rows that a read with a `LIMIT` answers.
pub(crate) async fn rows<R>(
    session: &Session,
    statement: &PreparedStatement,
    values: impl SerializeRow,
) -> Result<Vec<R>, StoreError>
where
    R: for<'frame> DeserializeRow<'frame, 'frame>,
{
    let answer = session.execute_unpaged(statement, values).await.map_err(error::of_read)?;
    decoded(answer)
}

/// One page of rows, and where to go on.
pub(crate) async fn page<R>(
    session: &Session,
    statement: &PreparedStatement,
    values: impl SerializeRow,
    from: PagingState,
) -> Result<(Vec<R>, Option<PagingState>), StoreError>
where
    R: for<'frame> DeserializeRow<'frame, 'frame>,
{
    let (answer, next) =
        session.execute_single_page(statement, values, from).await.map_err(error::of_read)?;
    let next = match next.into_paging_control_flow() {
        ControlFlow::Continue(next) => Some(next),
        ControlFlow::Break(()) => None,
    };
    Ok((decoded(answer)?, next))
}

/// Sends an unconditional insert or deletion.
pub(crate) async fn blind(
    session: &Session,
    statement: &PreparedStatement,
    values: impl SerializeRow,
) -> Result<(), StoreError> {
    let sent: Result<QueryResult, ExecutionError> = session.execute_unpaged(statement, values).await;
    sent.map(drop).map_err(error::of_insert)
}

fn decoded<R>(answer: QueryResult) -> Result<Vec<R>, StoreError>
where
    R: for<'frame> DeserializeRow<'frame, 'frame>,
{
    let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Unavailable(error);
    let rows = answer.into_rows_result().map_err(|error| unreadable(error.into()))?;
    let rows = rows.rows::<R>().map_err(|error| unreadable(error.into()))?;
    rows.map(|row| row.map_err(|error| unreadable(error.into()))).collect()
}
