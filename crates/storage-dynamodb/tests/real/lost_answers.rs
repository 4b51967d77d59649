//! What a conditional write says when an answer of the server is lost, or never came to be.

use storage::conformance::sample::{add, cart_id, load, owner, stored};
use storage::{
    Bucket, Consistency, Inserted, LinearTable, Record, RecordReplaced, Replaced, RowKey, StoreError, Stores,
    Version,
};

use crate::local::Pair;
use crate::relay::{Fault, refusal};

const LEDGER: LinearTable = LinearTable::Ledger;

fn row() -> RowKey {
    RowKey { cart: cart_id(1), owner: owner() }
}

async fn write(stores: &Stores, expected: Option<Version>, seq: u32) -> Result<Replaced, StoreError> {
    stores.carts.replace(&row(), expected, Bucket(0), stored(&add(1, seq, "A"))).await
}

/// The first write is applied and its answer lost, all others pass.
fn cut_first(operation: &str, number: usize) -> Fault {
    if operation == "PutItem" && number == 0 { Fault::CutAfter } else { Fault::None }
}

#[tokio::test]
async fn a_row_whose_answer_was_lost_is_known_by_the_next_attempt_as_its_own() {
    let Some(pair) = Pair::start().await else { return };
    pair.relay.plan(cut_first);
    assert_eq!(write(&pair.relayed, None, 1).await.unwrap(), Replaced::Applied(Version(1)));
    pair.relay.plan(cut_first);
    assert_eq!(write(&pair.relayed, Some(Version(1)), 2).await.unwrap(), Replaced::Applied(Version(2)));
    assert_eq!(pair.relay.seen("PutItem"), 2);
    assert_eq!(load(&*pair.direct.carts, cart_id(1)).await.unwrap(), add(1, 2, "A"));
}

#[tokio::test]
async fn a_record_whose_answer_was_lost_is_known_by_the_next_attempt_as_its_own() {
    let Some(pair) = Pair::start().await else { return };
    let linear = &pair.relayed.linear;
    pair.relay.plan(cut_first);
    let inserted = linear.insert_if_absent(LEDGER, b"k", "1".into(), None).await.unwrap();
    assert_eq!(inserted, Inserted::Inserted(Version(1)));
    pair.relay.plan(cut_first);
    let replaced = linear.replace(LEDGER, b"k", Version(1), "2".into(), None).await.unwrap();
    assert_eq!(replaced, RecordReplaced::Applied(Version(2)));
    let record = Record { version: Version(2), bytes: "2".into(), due: None };
    assert_eq!(linear.read(LEDGER, b"k").await.unwrap(), Some(record));
}

/// The same bytes do not make it the same write: two writers may put the same.
#[tokio::test]
async fn somebody_elses_row_of_the_same_bytes_is_a_conflict() {
    let Some(pair) = Pair::start().await else { return };
    write(&pair.direct, None, 1).await.unwrap();
    let conflict = write(&pair.relayed, None, 1).await.unwrap();
    assert!(matches!(conflict, Replaced::Conflict(Some(row)) if row.version == Version(1)));
}

#[tokio::test]
async fn a_row_that_was_overtaken_while_its_answer_was_lost_is_indeterminate_and_no_conflict() {
    let Some(pair) = Pair::start().await else { return };
    pair.relay.plan(
        |operation, number| {
            if operation == "PutItem" && number == 0 { Fault::CutLater } else { Fault::None }
        },
    );
    let overtake = async {
        pair.relay.applied().await;
        let overtaken = write(&pair.direct, Some(Version(1)), 2).await.unwrap();
        assert_eq!(overtaken, Replaced::Applied(Version(2)));
        pair.relay.release();
    };
    let (outcome, ()) = tokio::join!(write(&pair.relayed, None, 1), overtake);
    let error = outcome.unwrap_err();
    assert!(matches!(error, StoreError::Indeterminate(_)), "{error:?}");
    assert_eq!(load(&*pair.direct.carts, cart_id(1)).await.unwrap(), add(1, 2, "A"));
}

#[tokio::test]
async fn a_removal_whose_answer_was_lost_is_indeterminate_and_done() {
    let Some(pair) = Pair::start().await else { return };
    write(&pair.direct, None, 1).await.unwrap();
    pair.relay.plan(
        |operation, number| {
            if operation == "DeleteItem" && number == 0 { Fault::CutAfter } else { Fault::None }
        },
    );
    let error = pair.relayed.carts.remove(&row(), Version(1)).await.unwrap_err();
    assert!(error.may_be_applied(), "{error:?}");
    assert!(load(&*pair.direct.carts, cart_id(1)).await.unwrap().is_untouched());
}

/// The outcome of a cut write is settled by a strong read of the own row, whichever way it went.
#[tokio::test]
async fn a_cut_write_is_indeterminate_and_settled_by_a_strong_read() {
    let Some(pair) = Pair::start().await else { return };
    for (seq, fault, is_there) in [(1, Fault::CutBefore, false), (2, Fault::CutAfter, true)] {
        let key = RowKey { cart: cart_id(if is_there { 2 } else { 1 }), owner: owner() };
        pair.relay.plan(move |operation, _| if operation == "PutItem" { fault.clone() } else { Fault::None });
        let write = pair.relayed.carts.replace(&key, None, Bucket(0), stored(&add(1, seq, "A")));
        let error = write.await.unwrap_err();
        assert!(matches!(error, StoreError::Indeterminate(_)), "{error:?}");
        assert_eq!(pair.relay.seen("PutItem"), 3, "each attempt is cut");
        let rows = pair.relayed.carts.load(key.cart, Consistency::Strong).await.unwrap();
        assert_eq!(rows.snapshots.len(), usize::from(is_there));
    }
}

#[tokio::test]
async fn a_server_that_failed_leaves_a_write_indeterminate_and_a_read_unavailable() {
    let Some(pair) = Pair::start().await else { return };
    for code in ["InternalServerError", "ServiceUnavailable"] {
        let status = if code == "ServiceUnavailable" { 503 } else { 500 };
        pair.relay.plan(move |_, _| refusal(status, code, "internal"));
        let error = write(&pair.relayed, None, 1).await.unwrap_err();
        assert!(matches!(error, StoreError::Indeterminate(_)), "{code}: {error:?}");
        let error = load(&*pair.relayed.carts, cart_id(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{code}: {error:?}");
    }
    pair.relay.plan(|_, _| Fault::None);
    assert_eq!(write(&pair.relayed, None, 1).await.unwrap(), Replaced::Applied(Version(1)));
}
