//! The tables: what they look like, making them, and finding out whether they are there.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, IndexStatus, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType, TableDescription, TableStatus,
};
use storage::StoreError;
use storage::error::{BoxError, Result};

use crate::attempts::Attempts;
use crate::engine::{Engine, Tables};
use crate::item::{KEY, ORDER, ROW, SHARD};
use crate::{DynamoDbError, outcome};

/// Carts by id, of snapshot rows and of deltas.
pub(crate) const CARTS_INDEX: &str = "by-id";
/// Records by the moment they are due.
pub(crate) const DUE_INDEX: &str = "by-due";
/// Items by revision.
pub(crate) const CHANGED_INDEX: &str = "by-revision";

/// How long a new table may take to become active.
const ACTIVE_AFTER_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(500);

use ScalarAttributeType::{B, S};

/// A key: its attributes and their types.
type Key = &'static [(&'static str, ScalarAttributeType)];

/// What a table must be like.
struct Shape {
    key: Key,
    index: &'static str,
    index_key: Key,
    projection: ProjectionType,
}

const CARTS: Shape = Shape {
    key: &[(KEY, B), (ROW, S)],
    index: CARTS_INDEX,
    index_key: &[(SHARD, S), (KEY, B)],
    projection: ProjectionType::KeysOnly,
};
const RECORDS: Shape = Shape {
    key: &[(KEY, B)],
    index: DUE_INDEX,
    index_key: &[(SHARD, S), (ORDER, B)],
    projection: ProjectionType::KeysOnly,
};
const ITEMS: Shape = Shape {
    key: &[(KEY, S)],
    index: CHANGED_INDEX,
    index_key: &[(SHARD, S), (ORDER, B)],
    projection: ProjectionType::All,
};

fn shapes(tables: &Tables) -> [(&str, Shape); 3] {
    [(&tables.carts, CARTS), (&tables.records, RECORDS), (&tables.items, ITEMS)]
}

/// Creates the tables that are missing, and waits until all are active. Gives the names of those that it created.
pub(crate) async fn create(engine: &Engine, deletion_protection: bool) -> Result<Vec<String>> {
    let mut created = Vec::new();
    for (table, shape) in shapes(&engine.tables) {
        if create_one(engine, table, &shape, deletion_protection).await? {
            created.push(table.to_owned());
        }
    }
    let started = tokio::time::Instant::now();
    loop {
        let found = look(engine).await?;
        let is_waiting = found.iter().any(|found| matches!(found, Found::Wrong { soon: true, .. }));
        if !is_waiting || started.elapsed() > ACTIVE_AFTER_MAX {
            return ready(found).map(|_| created);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Descriptions of the tables, if all are as they must be.
pub(crate) async fn check(engine: &Engine) -> Result<Vec<TableDescription>> {
    ready(look(engine).await?)
}

enum Found {
    Right(Box<TableDescription>),
    /// What is wrong with a table, and whether waiting may help.
    Wrong {
        problem: String,
        soon: bool,
    },
}

fn ready(found: Vec<Found>) -> Result<Vec<TableDescription>> {
    let mut tables = Vec::new();
    let mut problems = Vec::new();
    for found in found {
        match found {
            Found::Right(table) => tables.push(*table),
            Found::Wrong { problem, .. } => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return Ok(tables);
    }
    Err(StoreError::Unavailable(DynamoDbError::NotReady { problems: problems.join(", ") }.into()))
}

async fn look(engine: &Engine) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    for (name, shape) in shapes(&engine.tables) {
        let missing = || Found::Wrong { problem: format!("table `{name}` is missing"), soon: false };
        all.push(match engine.client.describe_table().table_name(name).send().await {
            Ok(answer) => answer.table.map_or_else(missing, |table| judge(name, &shape, table)),
            Err(error) => match error.as_service_error() {
                Some(DescribeTableError::ResourceNotFoundException(_)) => missing(),
                _ => return Err(outcome::read(error)),
            },
        });
    }
    Ok(all)
}

fn judge(name: &str, shape: &Shape, table: TableDescription) -> Found {
    let index = table.global_secondary_indexes().iter().find(|index| index.index_name() == Some(shape.index));
    let wrong = |problem: String, soon| Found::Wrong { problem, soon };
    match table.table_status() {
        Some(TableStatus::Active | TableStatus::Updating) => {}
        Some(TableStatus::Creating) => return wrong(format!("table `{name}` is being created"), true),
        other => return wrong(format!("table `{name}` is {other:?}"), false),
    }
    if !is_key(&table, table.key_schema(), shape.key) {
        return wrong(format!("table `{name}` has another key than {}", described(shape.key)), false);
    }
    let Some(index) = index else {
        return wrong(format!("table `{name}` has no index `{}`", shape.index), false);
    };
    if !is_key(&table, index.key_schema(), shape.index_key) {
        let key = described(shape.index_key);
        return wrong(format!("index `{}` of table `{name}` has another key than {key}", shape.index), false);
    }
    if matches!(index.index_status(), Some(IndexStatus::Creating)) {
        return wrong(format!("index `{}` of table `{name}` is being created", shape.index), true);
    }
    Found::Right(Box::new(table))
}

fn is_key(table: &TableDescription, found: &[KeySchemaElement], expected: Key) -> bool {
    let type_of = |name: &str| {
        let mut definitions = table.attribute_definitions().iter();
        definitions.find(|one| one.attribute_name() == name).map(|one| one.attribute_type().clone())
    };
    let kinds = [KeyType::Hash, KeyType::Range];
    found.len() == expected.len()
        && found.iter().zip(expected).zip(&kinds).all(|((found, (name, of)), kind)| {
            found.attribute_name() == *name
                && found.key_type() == kind
                && type_of(name).is_none_or(|found| found == *of)
        })
}

fn described(key: Key) -> String {
    let names: Vec<String> = key.iter().map(|(name, of)| format!("`{name}` ({})", of.as_str())).collect();
    names.join(", ")
}

async fn create_one(engine: &Engine, table: &str, shape: &Shape, deletion_protection: bool) -> Result<bool> {
    let invalid = |error: BoxError| StoreError::Unavailable(error);
    let mut definitions: Vec<(&str, ScalarAttributeType)> =
        shape.key.iter().chain(shape.index_key).cloned().collect();
    definitions.sort_by_key(|(name, _)| *name);
    definitions.dedup();
    let definitions: std::result::Result<Vec<_>, _> = definitions
        .into_iter()
        .map(|(name, of)| AttributeDefinition::builder().attribute_name(name).attribute_type(of).build())
        .collect();
    let projection = Projection::builder().projection_type(shape.projection.clone()).build();
    let index = GlobalSecondaryIndex::builder()
        .index_name(shape.index)
        .set_key_schema(Some(key_schema(shape.index_key).map_err(|error| invalid(error.into()))?))
        .projection(projection)
        .build()
        .map_err(|error| invalid(error.into()))?;
    let attempts = Attempts::default();
    let create = engine
        .client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .deletion_protection_enabled(deletion_protection)
        .set_attribute_definitions(Some(definitions.map_err(|error| invalid(error.into()))?))
        .set_key_schema(Some(key_schema(shape.key).map_err(|error| invalid(error.into()))?))
        .global_secondary_indexes(index);
    match create.customize().interceptor(attempts.clone()).send().await {
        Ok(_) => Ok(true),
        Err(error) if is_there(&error) => Ok(false),
        Err(error) => Err(outcome::write(error, &attempts)),
    }
}

fn is_there<R>(error: &SdkError<CreateTableError, R>) -> bool {
    error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception)
}

fn key_schema(key: Key) -> std::result::Result<Vec<KeySchemaElement>, aws_sdk_dynamodb::error::BuildError> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let element = |((name, _), kind): (&(&str, ScalarAttributeType), KeyType)| {
        KeySchemaElement::builder().attribute_name(*name).key_type(kind).build()
    };
    key.iter().zip(kinds).map(element).collect()
}
