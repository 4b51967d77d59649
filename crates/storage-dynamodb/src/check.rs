//! Whether the tables are there, are ours, and are where they should be.

use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    IndexStatus, KeySchemaElement, KeyType, MultiRegionConsistency, TableDescription, TableStatus,
};
use storage::StoreError;
use storage::error::Result;

use crate::schema::{Key, Place, Shape};
use crate::{DynamoDbError, outcome, region};

/// Refuses tables that are not as they must be, all of them in one message; or that are in another region.
pub(crate) async fn check(places: &[Place<'_>]) -> Result<()> {
    let mut problems = Vec::new();
    for place in places {
        match look(place).await? {
            Found::Right(table) => region::check_table(&place.engine.region, &table)?,
            Found::Wrong { problem, .. } => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(StoreError::Unavailable(DynamoDbError::NotReady { problems: problems.join(", ") }.into()))
}

/// True while waiting may help.
pub(crate) async fn is_being_created(places: &[Place<'_>]) -> Result<bool> {
    for place in places {
        if matches!(look(place).await?, Found::Wrong { soon: true, .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}

enum Found {
    Right(Box<TableDescription>),
    /// What is wrong with a table, and whether waiting may help.
    Wrong {
        problem: String,
        soon: bool,
    },
}

async fn look(place: &Place<'_>) -> Result<Found> {
    let name = place.table;
    let missing = || Found::Wrong { problem: format!("table `{name}` is missing"), soon: false };
    match place.engine.client.describe_table().table_name(name).send().await {
        Ok(answer) => Ok(answer.table.map_or_else(missing, |table| judge(name, &place.shape, table))),
        Err(error) => match error.as_service_error() {
            Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(missing()),
            _ => Err(outcome::read(error)),
        },
    }
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
    if shape.is_linear && is_eventually_global(&table) {
        return wrong(
            format!("table `{name}` is a global table without strong consistency, and would decide twice"),
            false,
        );
    }
    Found::Right(Box::new(table))
}

/// With replicas in other regions, and conditions that hold in each region by itself.
fn is_eventually_global(table: &TableDescription) -> bool {
    !table.replicas().is_empty() && table.multi_region_consistency() != Some(&MultiRegionConsistency::Strong)
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
