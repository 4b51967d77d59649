//! The fault layer does what it says: a write that fails before was not applied, one that fails after was.

use std::sync::Arc;
use storage::{
    Bucket, Consistency, Replaced, RowKey, StoreError, WritePath,
    conformance::sample::{add, cart_id, load, owner, stored},
    layer::fault::{Fault, faulty},
    memory,
};

#[tokio::test]
async fn a_fault_before_a_write_leaves_nothing_and_one_after_it_leaves_it() {
    for (fault, rows) in [(Fault::Before, 0), (Fault::After, 1)] {
        let bare = memory::open(WritePath::Replace);
        let on_replace = move |name: &'static str| if name == "replace" { fault } else { Fault::None };
        let stores = faulty(bare.clone(), Arc::new(on_replace));
        let key = RowKey { cart: cart_id(1), owner: owner() };
        let error = stores.carts.replace(&key, None, Bucket(0), stored(&add(1, 1, "A"))).await.unwrap_err();
        assert_eq!(error.may_be_applied(), rows == 1, "{error}");
        let found = bare.carts.load(cart_id(1), Consistency::Strong).await.unwrap();
        assert_eq!(found.snapshots.len(), rows);
    }
}

#[tokio::test]
async fn a_read_that_fails_is_unavailable_whenever_it_fails() {
    for fault in [Fault::Before, Fault::After] {
        let stores = faulty(memory::open(WritePath::Replace), Arc::new(move |_: &'static str| fault));
        let error = load(&*stores.carts, cart_id(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
}

#[tokio::test]
async fn a_write_that_comes_twice_is_answered_as_the_second_and_one_that_stops_never_is() {
    for (fault, rows) in [(Fault::Twice, 1), (Fault::StopBefore, 0), (Fault::StopAfter, 1)] {
        let bare = memory::open(WritePath::Replace);
        let on_replace = move |name: &'static str| if name == "replace" { fault } else { Fault::None };
        let stores = faulty(bare.clone(), Arc::new(on_replace));
        let key = RowKey { cart: cart_id(1), owner: owner() };
        let write = stores.carts.replace(&key, None, Bucket(0), stored(&add(1, 1, "A")));
        let is_answered = tokio::select! {
            biased;
            answered = write => matches!(answered, Ok(Replaced::Conflict(Some(_)))),
            () = tokio::task::yield_now() => false,
        };
        assert_eq!(is_answered, fault == Fault::Twice, "{fault:?}");
        let found = bare.carts.load(cart_id(1), Consistency::Strong).await.unwrap();
        assert_eq!(found.snapshots.len(), rows, "{fault:?}");
    }
}
