//! Carts that an earlier release kept in fjall are in the row log when the engine opens.

use storage::conformance::sample::cart_id;
use storage::{CartStore, LinearStore, LinearTable};

use super::sample::{add, fold, open, options, state};
use crate::{BaseKind, Embedded, EmbeddedOptions};

#[tokio::test]
async fn carts_of_an_earlier_release_are_moved_to_the_row_log_once() {
    let dir = tempfile::tempdir().unwrap();
    let earlier = EmbeddedOptions { base: BaseKind::Fjall, ..options() };
    let engine = Embedded::open(dir.path(), earlier).unwrap();
    for number in 1..=9 {
        add(&engine, number, 1, "A").await.unwrap();
    }
    engine.insert_if_absent(LinearTable::Order, b"order", "placed".into(), None).await.unwrap();
    fold(&engine).await;
    // In the journal alone: joins what is moved.
    add(&engine, 9, 2, "B").await.unwrap();
    let mut before = Vec::new();
    for number in 1..=9 {
        before.push(state(&engine, number).await.unwrap());
    }
    drop(engine);
    for _ in 0..2 {
        let engine = open(dir.path());
        for (number, state_before) in (1..).zip(&before) {
            assert_eq!(state(&engine, number).await.unwrap(), *state_before, "cart {number}");
        }
        assert_eq!(engine.scan(None, 20).await.unwrap(), (1..=9).map(cart_id).collect::<Vec<_>>());
        assert!(engine.read(LinearTable::Order, b"order").await.unwrap().is_some());
        assert_eq!(engine.engine.base.usage().map(|usage| usage.carts), Some(9));
    }
}
