//! Bounds of the service, pages, indexes that lag, and items that cannot be read.

use aws_sdk_dynamodb::types::AttributeValue;
use storage::cart::{CartId, Timestamp};
use storage::conformance::sample::{add, cart_id, delta_key, owner, stored};
use storage::{Bucket, Consistency, LinearTable, Owner, RowKey, StoreError, Version};

use crate::local::{self, Pair};
use crate::messages::raw;
use crate::relay::Fault;

#[tokio::test]
async fn what_is_larger_than_an_item_may_be_finds_no_room() {
    let Some(url) = local::shared().await else { return };
    let stores = local::fresh(&url).await.stores();
    let key = RowKey { cart: cart_id(1), owner: owner() };
    for bytes in [410_000, 2_000_000] {
        let row = stores.carts.replace(&key, None, Bucket(0), vec![7; bytes].into()).await;
        assert!(matches!(row, Err(StoreError::Full)), "{bytes}: {row:?}");
        let record =
            stores.linear.insert_if_absent(LinearTable::Order, b"k", vec![7; bytes].into(), None).await;
        assert!(matches!(record, Err(StoreError::Full)), "{bytes}: {record:?}");
        let delta = stores.carts.append(&delta_key(cart_id(1), 1, 1, 5), vec![7; bytes].into()).await;
        assert!(matches!(delta, Err(StoreError::Full)), "{bytes}: {delta:?}");
    }
    let error = stores.linear.read(LinearTable::Order, &[7; 1_001]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_cart_of_several_pages_is_read_whole() {
    let Some(url) = local::shared().await else { return };
    let stores = local::fresh(&url).await.stores();
    for number in 0..40 {
        let key = RowKey { cart: cart_id(1), owner: Owner::new("region", number) };
        stores.carts.replace(&key, None, Bucket(0), vec![7; 64 << 10].into()).await.unwrap();
    }
    for consistency in [Consistency::Eventual, Consistency::Strong] {
        let rows = stores.carts.load(cart_id(1), consistency).await.unwrap();
        assert_eq!(rows.snapshots.len(), 40);
    }
}

#[tokio::test]
async fn an_index_that_lags_gives_no_record_out_that_is_due_later_or_gone() {
    let Some(pair) = Pair::start().await else { return };
    let (table, linear) = (LinearTable::Ledger, &pair.relayed.linear);
    for key in ["gone", "later", "now"] {
        pair.direct
            .linear
            .insert_if_absent(table, key.as_bytes(), key.into(), Some(Timestamp(5)))
            .await
            .unwrap();
    }
    // What the index says is kept, and said again after the records have changed.
    pair.relay.plan(|operation, _| if operation == "Query" { Fault::Keep } else { Fault::None });
    assert_eq!(linear.due(table, Timestamp(9), None, 10).await.unwrap().len(), 3);
    pair.direct.linear.remove(table, b"gone", Version(1)).await.unwrap();
    pair.direct
        .linear
        .replace(table, b"later", Version(1), "later".into(), Some(Timestamp(50)))
        .await
        .unwrap();
    pair.relay.plan(|operation, _| if operation == "Query" { Fault::SayAgain } else { Fault::None });
    let due = linear.due(table, Timestamp(9), None, 10).await.unwrap();
    assert_eq!(due.iter().map(|due| due.key.as_ref()).collect::<Vec<_>>(), [b"now"]);
}

#[tokio::test]
async fn a_row_that_is_not_ours_is_corrupt_and_named() {
    let Some(url) = local::shared().await else { return };
    let options = local::options(&url);
    storage_dynamodb::DynamoDb::init(options.clone()).await.unwrap();
    let stores = storage_dynamodb::DynamoDb::open(options.clone()).await.unwrap().stores();
    for (number, row, name) in
        [(1, "s#local.1", "s#local.1"), (2, "x", "x"), (3, "d#local.1#zz", "d#local.1#zz")]
    {
        let put = raw(&url).put_item().table_name(format!("{}carts", options.table_prefix));
        let put = put.item("k", AttributeValue::B(cart_id(number).0.to_vec().into()));
        put.item("r", AttributeValue::S(row.to_owned())).send().await.unwrap();
        let error = stores.carts.load(cart_id(number), Consistency::Strong).await.unwrap_err();
        let StoreError::Corrupt { record, .. } = &error else { panic!("{error:?}") };
        assert!(record.ends_with(name), "{record}");
    }
}

/// A partition of one sixteenth of the ids that has more than a page, beside empty ones.
#[tokio::test]
async fn carts_and_unfolded_carts_come_in_order_across_shards_and_kinds() {
    let Some(url) = local::shared().await else { return };
    let stores = local::fresh(&url).await.stores();
    let numbers: Vec<u8> = (0..40).chain([0x7f, 0x80, 0xfe, 0xff]).collect();
    for number in &numbers {
        let key = RowKey { cart: cart_id(*number), owner: owner() };
        let state = stored(&add(1, 1, "A"));
        if number % 2 == 0 {
            stores.carts.replace(&key, None, Bucket(0), state.clone()).await.unwrap();
        }
        if number % 3 == 0 {
            let mut key = delta_key(cart_id(*number), 1, 1, 5);
            stores.carts.append(&key, state.clone()).await.unwrap();
            key.owner = Owner::new("other", 1);
            stores.carts.append(&key, state).await.unwrap();
        }
    }
    for limit in [1, 3, 7, 100] {
        let (mut all, mut waiting) = (Vec::new(), Vec::new());
        loop {
            let found = stores.carts.scan(all.last().copied(), limit).await.unwrap();
            assert!(found.len() <= limit);
            if found.is_empty() {
                break;
            }
            all.extend(found);
        }
        let owner = owner();
        loop {
            let found = stores.carts.find_unfolded(&owner, waiting.last().copied(), limit).await.unwrap();
            assert!(found.len() <= limit);
            if found.is_empty() {
                break;
            }
            waiting.extend(found);
        }
        let having = |keep: fn(u8) -> bool| -> Vec<_> {
            numbers.iter().copied().filter(|number| keep(*number)).map(cart_id).collect()
        };
        assert_eq!(all, having(|number| number % 2 == 0 || number % 3 == 0), "{limit} at a time");
        assert_eq!(waiting, having(|number| number % 3 == 0), "{limit} at a time");
    }
}

/// Carts are looked at by the hundred; the deltas of one may lie on both sides of a hundred.
#[tokio::test]
async fn a_cart_with_several_deltas_is_found_once_among_hundreds() {
    let Some(url) = local::shared().await else { return };
    let stores = local::fresh(&url).await.stores();
    let state = stored(&add(1, 1, "A"));
    let carts: Vec<CartId> = (0..130_u8)
        .map(|number| CartId([[1; 15].as_slice(), &[number]].concat().try_into().unwrap()))
        .collect();
    for cart in &carts {
        for bucket in [5, 6] {
            stores.carts.append(&delta_key(*cart, 1, 1, bucket), state.clone()).await.unwrap();
        }
    }
    let found = stores.carts.find_unfolded(&owner(), None, 1_000).await.unwrap();
    assert_eq!(found, carts);
    assert_eq!(stores.carts.scan(None, 1_000).await.unwrap(), carts);
}
