//! A load that waits for nothing, while its cart is written, folded and evicted.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use storage::CartStore;
use storage::conformance::sample::{cart_id, joined};

use super::sample::{add, fold, options};
use crate::base::{AtHand, Base, BaseResult, Captured, CartsApart, Put};
use crate::key::Key;
use crate::{Embedded, EmbeddedOptions, base::FjallBase};

/// Stops once between reading what is at hand and giving it.
struct Stopping {
    base: CartsApart,
    stop: Arc<Stop>,
}

struct Stop {
    is_armed: AtomicBool,
    /// The value is read.
    read: Barrier,
    /// It is to be given.
    go_on: Barrier,
}

impl Base for Stopping {
    fn get(&self, key: &[u8]) -> BaseResult<Option<Vec<u8>>> {
        self.base.get(key)
    }

    fn at_hand(&self, key: &[u8]) -> BaseResult<AtHand> {
        let found = self.base.at_hand(key);
        if self.stop.is_armed.swap(false, Ordering::SeqCst) {
            self.stop.read.wait();
            self.stop.go_on.wait();
        }
        found
    }

    fn keys(&self, from: &[u8], end: &[u8], limit: usize) -> BaseResult<Vec<Key>> {
        self.base.keys(from, end, limit)
    }

    fn fold(&self, fill: &mut dyn FnMut(&mut Put<'_>) -> BaseResult<()>) -> BaseResult<()> {
        self.base.fold(fill)
    }

    fn capture(&self) -> BaseResult<Captured> {
        self.base.capture()
    }
}

fn entries(engine: &Embedded) -> Option<usize> {
    let at_hand = engine.load_at_hand(cart_id(1)).unwrap()?;
    Some(joined(&at_hand.rows).unwrap().entries.len())
}

#[tokio::test]
async fn what_was_read_before_a_fold_is_not_shown_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let stop =
        Arc::new(Stop { is_armed: AtomicBool::new(false), read: Barrier::new(2), go_on: Barrier::new(2) });
    let stopping = Arc::clone(&stop);
    let open_base = |dir: &Path| -> BaseResult<Box<dyn Base>> {
        let base = CartsApart::open(&dir.join("rows"), FjallBase::open(&dir.join("base"), 1 << 20)?)?;
        Ok(Box::new(Stopping { base, stop: stopping }))
    };
    // Nothing that is clean stays in the table.
    let options = EmbeddedOptions { clean_bytes_max: 0, ..options() };
    let engine = Embedded::open_inner(dir.path(), options, open_base, |_| Ok(())).unwrap();
    add(&engine, 1, 1, "A").await.unwrap();
    fold(&engine).await;
    assert_eq!(entries(&engine), Some(1), "read from the base");

    stop.is_armed.store(true, Ordering::SeqCst);
    let reading = Arc::clone(&engine);
    let reader = tokio::task::spawn_blocking(move || entries(&reading));
    let at_read = Arc::clone(&stop);
    tokio::task::spawn_blocking(move || at_read.read.wait()).await.unwrap();
    add(&engine, 1, 2, "B").await.unwrap();
    fold(&engine).await;
    tokio::task::spawn_blocking(move || stop.go_on.wait()).await.unwrap();
    assert_ne!(reader.await.unwrap(), Some(1), "the second add was durable, and is gone from the table");
    assert_eq!(entries(&engine), Some(2));
}
