//! What the server says of a conditional write: done, or what was there instead.
//!
//! A write that is refused shows the columns of its condition. So conditions name every column that the caller wants to
//! see, those that do not matter as `!= null`: the current row comes with the refusal, without another read.

use crate::error;
use bytes::Bytes;
use scylla::{
    client::session::Session,
    response::query_result::QueryResult,
    serialize::row::SerializeRow,
    statement::prepared::PreparedStatement,
    value::{CqlValue, Row},
};
use std::collections::HashMap;
use storage::StoreError;

/// The column that says whether the write was done.
const APPLIED: &str = "[applied]";

/// An answer to a conditional write.
pub(crate) enum Outcome {
    /// It is done.
    Applied,
    /// It is not: these columns are there; none where there is no row.
    Refused(Current),
}

/// The columns of the row that was there.
pub(crate) struct Current(HashMap<String, CqlValue>);

impl Current {
    /// A number, where there is one.
    pub(crate) fn number(&self, column: &str) -> Option<i64> {
        match self.0.get(column) {
            Some(CqlValue::BigInt(number)) => Some(*number),
            _ => None,
        }
    }

    /// Bytes, where there are some; none may be there.
    pub(crate) fn bytes(&mut self, column: &str) -> Option<Bytes> {
        match self.0.remove(column) {
            Some(CqlValue::Blob(bytes)) => Some(bytes.into()),
            Some(CqlValue::Empty) => Some(Bytes::new()),
            _ => None,
        }
    }
}

/// Sends a conditional write. What cannot be read of its answer may have been applied.
pub(crate) async fn write(
    session: &Session,
    statement: &PreparedStatement,
    values: impl SerializeRow,
) -> Result<Outcome, StoreError> {
    let answer = session.execute_unpaged(statement, values).await.map_err(error::of_conditional)?;
    outcome(answer).map_err(StoreError::Indeterminate)
}

fn outcome(answer: QueryResult) -> Result<Outcome, Box<dyn std::error::Error + Send + Sync>> {
    let rows = answer.into_rows_result()?;
    let names: Vec<String> = rows.column_specs().iter().map(|column| column.name().to_owned()).collect();
    let row: Row = rows.first_row()?;
    let columns = names.into_iter().zip(row.columns).filter_map(|(name, value)| Some((name, value?)));
    let columns: HashMap<String, CqlValue> = columns.collect();
    match columns.get(APPLIED) {
        Some(CqlValue::Boolean(true)) => Ok(Outcome::Applied),
        Some(CqlValue::Boolean(false)) => Ok(Outcome::Refused(Current(columns))),
        _ => Err("a conditional write was answered without saying whether it was applied".into()),
    }
}
