//! A server that takes less than is asked of it.

use storage::cart::line::Sku;
use storage::conformance::sample::{add, cart_id, delta_key, load, owner, stored};
use storage::{Bucket, CatalogRow, LinearTable, Replaced, RowKey, StoreError, Version};

use crate::local::Pair;
use crate::relay::{Fault, refusal};

const CODES: [&str; 3] =
    ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"];

fn row() -> RowKey {
    RowKey { cart: cart_id(1), owner: owner() }
}

#[tokio::test]
async fn what_is_throttled_in_the_end_is_overloaded_and_was_not_applied() {
    let Some(pair) = Pair::start().await else { return };
    for code in CODES {
        pair.relay.plan(move |_, _| refusal(400, code, "too fast"));
        let write = pair.relayed.carts.replace(&row(), None, Bucket(0), stored(&add(1, 1, "A"))).await;
        assert!(matches!(write, Err(StoreError::Overloaded)), "{code}: {write:?}");
        assert_eq!(pair.relay.seen("PutItem"), 3, "{code}: it is tried again, and not for ever");
        let read = pair.relayed.linear.read(LinearTable::Order, b"k").await;
        assert!(matches!(read, Err(StoreError::Overloaded)), "{code}: {read:?}");
    }
    assert!(load(&*pair.direct.carts, cart_id(1)).await.unwrap().is_untouched());
}

#[tokio::test]
async fn what_is_throttled_once_is_done() {
    let Some(pair) = Pair::start().await else { return };
    pair.relay.plan(|_, number| if number == 0 { refusal(400, CODES[0], "too fast") } else { Fault::None });
    let write = pair.relayed.carts.replace(&row(), None, Bucket(0), stored(&add(1, 1, "A"))).await;
    assert_eq!(write.unwrap(), Replaced::Applied(Version(1)));
    // Refused without doubt, so the next refusal is a plain conflict.
    pair.relay.plan(|_, number| if number == 0 { refusal(400, CODES[1], "too fast") } else { Fault::None });
    let write = pair.relayed.carts.replace(&row(), None, Bucket(0), stored(&add(1, 2, "A"))).await;
    assert!(matches!(write.unwrap(), Replaced::Conflict(Some(_))));
}

#[tokio::test]
async fn a_write_that_is_throttled_after_a_lost_answer_stays_indeterminate() {
    let Some(pair) = Pair::start().await else { return };
    pair.relay
        .plan(|_, number| if number == 0 { Fault::CutAfter } else { refusal(400, CODES[0], "too fast") });
    let write = pair.relayed.carts.replace(&row(), None, Bucket(0), stored(&add(1, 1, "A"))).await;
    assert!(matches!(write, Err(StoreError::Indeterminate(_))), "{write:?}");
}

#[tokio::test]
async fn a_write_beside_somebodys_transaction_was_not_applied() {
    let Some(pair) = Pair::start().await else { return };
    pair.relay.plan(|_, _| refusal(400, "TransactionConflictException", "transaction is ongoing"));
    let write = pair.relayed.carts.replace(&row(), None, Bucket(0), stored(&add(1, 1, "A"))).await;
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
}

fn items(count: u64) -> Vec<CatalogRow> {
    let item = |n: u64| CatalogRow {
        sku: Sku::parse(&format!("sku-{n}")).unwrap(),
        revision: n + 1,
        bytes: bytes::Bytes::from(n.to_string()),
    };
    (0..count).map(item).collect()
}

#[tokio::test]
async fn what_a_batch_leaves_over_is_asked_for_again() {
    let Some(pair) = Pair::start().await else { return };
    let items = items(250);
    pair.direct.catalog.put_items(items.clone()).await.unwrap();
    pair.relay.plan(|_, number| if number < 6 { Fault::LeaveHalf } else { Fault::None });
    let skus: Vec<Sku> = items.iter().map(|item| item.sku.clone()).collect();
    let found = pair.relayed.catalog.get_items(&skus).await.unwrap();
    assert_eq!(found, items.into_iter().map(Some).collect::<Vec<_>>());
    assert!(pair.relay.seen("BatchGetItem") > 6);
}

#[tokio::test]
async fn deltas_that_a_batch_leaves_over_are_removed_too() {
    let Some(pair) = Pair::start().await else { return };
    for seq in 1..=60 {
        let delta = stored(&add(1, seq, "A"));
        pair.direct.carts.append(&delta_key(cart_id(1), 1, seq, 5), delta).await.unwrap();
    }
    pair.relay.plan(|operation, number| match operation {
        "BatchWriteItem" if number < 4 => Fault::LeaveHalf,
        _ => Fault::None,
    });
    pair.relayed.carts.remove_deltas(&row(), Bucket(5)).await.unwrap();
    assert!(load(&*pair.direct.carts, cart_id(1)).await.unwrap().is_untouched());
}

#[tokio::test]
async fn a_batch_that_is_left_over_for_ever_ends_as_an_error() {
    let Some(pair) = Pair::start().await else { return };
    let delta = stored(&add(1, 1, "A"));
    pair.direct.carts.append(&delta_key(cart_id(1), 1, 1, 5), delta).await.unwrap();
    pair.relay
        .plan(|operation, _| if operation.starts_with("Batch") { Fault::LeaveAll } else { Fault::None });
    let sku = [Sku::parse("A").unwrap()];
    let row = row();
    let (read, removal) = tokio::join!(
        pair.relayed.catalog.get_items(&sku),
        pair.relayed.carts.remove_deltas(&row, Bucket(5)),
    );
    assert!(matches!(read, Err(StoreError::Overloaded)), "{read:?}");
    assert!(matches!(removal, Err(StoreError::Indeterminate(_))), "{removal:?}");
}
