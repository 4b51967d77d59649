//! What operations on ordinary carts cost, as the server counts it. The figures stand in `docs/operations/dynamodb.md`.

use storage::cart::{Cart, Join};
use storage::conformance::sample::{add, cart_id, owner, stored};
use storage::{Bucket, Consistency, LinearTable, RowKey, Version};
use storage_dynamodb::DynamoDb;

use crate::local;

/// Units of an operation since the last look.
async fn cost<T>(database: &DynamoDb, operation: &str, work: impl Future<Output = T>) -> f64 {
    let total = || {
        let all = database.consumed_capacity();
        all.into_iter().find(|(name, _)| *name == operation).unwrap().1
    };
    let before = total();
    work.await;
    total() - before
}

#[tokio::test]
async fn an_add_to_an_ordinary_cart_costs_one_write_unit_and_a_read_half_a_read_unit() {
    let Some(url) = local::shared().await else { return };
    let database = local::fresh(&url).await;
    let carts = database.stores().carts;
    let key = RowKey { cart: cart_id(1), owner: owner() };
    let mut state = Cart::default();
    for (expected, seq) in (1..=3).map(|seq| (seq - 1, u32::try_from(seq).unwrap())) {
        state.join(&add(1, seq, &format!("SKU-1000{seq}")));
        let expected = (expected > 0).then_some(Version(expected));
        let write = async { carts.replace(&key, expected, Bucket(0), stored(&state)).await.unwrap() };
        let units = cost(&database, "cart_replace", write).await;
        let first = if expected.is_none() { 1.0 } else { 0.0 };
        assert_eq!(units, 1.0 + first, "the first write of a cart goes into the index too");
    }
    for (consistency, units) in [(Consistency::Eventual, 0.5), (Consistency::Strong, 1.0)] {
        let read = async { carts.load(cart_id(1), consistency).await.unwrap() };
        assert_eq!(cost(&database, "cart_load", read).await, units, "{consistency:?}");
    }
}

#[tokio::test]
async fn a_change_of_a_record_that_is_not_due_costs_one_write_unit() {
    let Some(url) = local::shared().await else { return };
    let database = local::fresh(&url).await;
    let linear = database.stores().linear;
    let table = LinearTable::Stock;
    let insert = async { linear.insert_if_absent(table, b"k", "1".into(), None).await.unwrap() };
    assert_eq!(cost(&database, "record_write", insert).await, 1.0);
    let replace = async { linear.replace(table, b"k", Version(1), "2".into(), None).await.unwrap() };
    assert_eq!(cost(&database, "record_write", replace).await, 1.0);
    let read = async { linear.read(table, b"k").await.unwrap() };
    assert_eq!(cost(&database, "record_read", read).await, 1.0);
}
