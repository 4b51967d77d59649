//! The tables: what they look like, and making them.
//!
//! What is there already is left alone, whatever it looks like: `check` says what is wrong with it.

use std::time::Duration;

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::ScalarAttributeType::{B, S};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use storage::StoreError;
use storage::error::{BoxError, Result};

use crate::attempts::Attempts;
use crate::engine::Engine;
use crate::item::{KEY, ORDER, ROW, SHARD};
use crate::{check, outcome};

/// Carts by id, of snapshot rows and of deltas.
pub(crate) const CARTS_INDEX: &str = "by-id";
/// Records by the moment they are due.
pub(crate) const DUE_INDEX: &str = "by-due";
/// Items by revision.
pub(crate) const CHANGED_INDEX: &str = "by-revision";

/// How long a new table may take to become active.
const ACTIVE_AFTER_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A key: its attributes and their types.
pub(crate) type Key = &'static [(&'static str, ScalarAttributeType)];

/// What a table must be like.
pub(crate) struct Shape {
    pub(crate) key: Key,
    pub(crate) index: &'static str,
    pub(crate) index_key: Key,
    projection: ProjectionType,
    /// Whether its conditions must hold in all regions.
    pub(crate) is_linear: bool,
}

const CARTS: Shape = Shape {
    key: &[(KEY, B), (ROW, S)],
    index: CARTS_INDEX,
    index_key: &[(SHARD, S), (KEY, B)],
    projection: ProjectionType::KeysOnly,
    is_linear: false,
};
const RECORDS: Shape = Shape {
    key: &[(KEY, B)],
    index: DUE_INDEX,
    index_key: &[(SHARD, S), (ORDER, B)],
    projection: ProjectionType::KeysOnly,
    is_linear: true,
};
const ITEMS: Shape = Shape {
    key: &[(KEY, S)],
    index: CHANGED_INDEX,
    index_key: &[(SHARD, S), (ORDER, B)],
    projection: ProjectionType::All,
    is_linear: false,
};

/// A table where it belongs.
pub(crate) struct Place<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) table: &'a str,
    pub(crate) shape: Shape,
}

/// All tables: those of carts and items, and that of records in its home.
pub(crate) fn places<'a>(engine: &'a Engine, home: &'a Engine) -> [Place<'a>; 3] {
    [
        Place { engine, table: &engine.tables.carts, shape: CARTS },
        Place { engine: home, table: &home.tables.records, shape: RECORDS },
        Place { engine, table: &engine.tables.items, shape: ITEMS },
    ]
}

/// Creates the tables that are missing, and waits until all are active. Gives the names of those that it created.
pub(crate) async fn create(places: &[Place<'_>], deletion_protection: bool) -> Result<Vec<String>> {
    let mut created = Vec::new();
    for place in places {
        if create_one(place, deletion_protection).await? {
            created.push(place.table.to_owned());
        }
    }
    let started = tokio::time::Instant::now();
    loop {
        let is_waiting = check::is_being_created(places).await?;
        if !is_waiting || started.elapsed() > ACTIVE_AFTER_MAX {
            return Ok(created);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn create_one(place: &Place<'_>, deletion_protection: bool) -> Result<bool> {
    let Place { engine, table, shape } = place;
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
        .table_name(*table)
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

fn key_schema(key: Key) -> std::result::Result<Vec<KeySchemaElement>, BuildError> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let element = |((name, _), kind): (&(&str, ScalarAttributeType), KeyType)| {
        KeySchemaElement::builder().attribute_name(*name).key_type(kind).build()
    };
    key.iter().zip(kinds).map(element).collect()
}
