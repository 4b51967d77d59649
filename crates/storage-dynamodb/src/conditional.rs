//! Writes on condition of a version, with their unknown outcomes settled where they can be.
//!
//! Each write carries a random id. A refusal comes with the item that is there now: if that carries our id, an earlier
//! attempt of this same write was applied and its answer lost, and the write is done. If it carries another id and some
//! attempt ended without an answer, ours may have been applied and overtaken: that is indeterminate, never a conflict.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use storage::error::Result;
use storage::{StoreError, Version};

use crate::attempts::Attempts;
use crate::engine::Engine;
use crate::item::{self, Item};
use crate::meter::Operation;
use crate::{DynamoDbError, outcome};

/// What became of a conditional write.
pub(crate) enum Written {
    Applied,
    /// The condition did not hold; what is there in its place.
    Refused(Option<Item>),
}

/// Writes a whole item if the version stored is `expected`; without one, if nothing is stored.
pub(crate) async fn put(
    engine: &Engine,
    operation: Operation,
    table: &str,
    mut item: Item,
    expected: Option<Version>,
) -> Result<Written> {
    let write_id = rand::random::<u64>().to_be_bytes();
    item.insert(item::WRITE.to_owned(), item::binary(write_id));
    let attempts = Attempts::default();
    let put = engine
        .client
        .put_item()
        .table_name(table)
        .set_item(Some(item))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    let put = match expected {
        None => put.condition_expression("attribute_not_exists(k)"),
        Some(version) => put
            .condition_expression("v = :expected")
            .expression_attribute_values(":expected", item::number(version.0)),
    };
    let error = match put.customize().interceptor(attempts.clone()).send().await {
        Ok(done) => {
            engine.meter.count(operation, done.consumed_capacity());
            return Ok(Written::Applied);
        }
        Err(error) => error,
    };
    let Some(PutItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error() else {
        return Err(outcome::write(error, &attempts));
    };
    let current = refusal.item.clone();
    let is_ours = current.as_ref().and_then(|item| item::bytes_of(item, item::WRITE)) == Some(&write_id[..]);
    if is_ours {
        return Ok(Written::Applied);
    }
    refused(current, &attempts)
}

/// Removes an item if the version stored is `expected`.
pub(crate) async fn delete(
    engine: &Engine,
    operation: Operation,
    table: &str,
    key: Item,
    expected: Version,
) -> Result<Written> {
    let attempts = Attempts::default();
    let delete = engine
        .client
        .delete_item()
        .table_name(table)
        .set_key(Some(key))
        .condition_expression("v = :expected")
        .expression_attribute_values(":expected", item::number(expected.0))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    let error = match delete.customize().interceptor(attempts.clone()).send().await {
        Ok(done) => {
            engine.meter.count(operation, done.consumed_capacity());
            return Ok(Written::Applied);
        }
        Err(error) => error,
    };
    match error.as_service_error() {
        Some(DeleteItemError::ConditionalCheckFailedException(refusal)) => {
            refused(refusal.item.clone(), &attempts)
        }
        _ => Err(outcome::write(error, &attempts)),
    }
}

fn refused(current: Option<Item>, attempts: &Attempts) -> Result<Written> {
    if attempts.may_be_applied() {
        return Err(StoreError::Indeterminate(DynamoDbError::Overtaken.into()));
    }
    Ok(Written::Refused(current))
}
