//! Reads of the base that a fold overtakes: their cart is written, folded and evicted before their answer is given.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use storage::conformance::sample::{cart_id, joined};
use storage::{CartStore, Consistency, RowKey};

use super::sample::{add, fold, options};
use crate::base::{AtHand, Base, BaseResult, Captured, CartsApart, Put};
use crate::key::Key;
use crate::{Embedded, EmbeddedOptions, base::FjallBase};

/// Stops once between reading and giving, in what does not wait for a disk and in what lists keys.
struct Stopping {
    base: CartsApart,
    stop: Arc<Stop>,
}

struct Stop {
    is_armed: AtomicBool,
    /// The answer is read.
    read: Barrier,
    /// It is to be given.
    go_on: Barrier,
}

impl Stop {
    fn pass(&self) {
        if self.is_armed.swap(false, Ordering::SeqCst) {
            self.read.wait();
            self.go_on.wait();
        }
    }

    /// Answers of `read`, which asks the base before `meanwhile` happens and hears of it afterwards.
    async fn overtake<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl Future<Output = T> + Send + 'static,
        meanwhile: impl Future<Output = ()>,
    ) -> T {
        self.is_armed.store(true, Ordering::SeqCst);
        let reader = tokio::spawn(read);
        let at_read = Arc::clone(self);
        tokio::task::spawn_blocking(move || at_read.read.wait()).await.unwrap();
        meanwhile.await;
        let waiting = Arc::clone(self);
        tokio::task::spawn_blocking(move || waiting.go_on.wait()).await.unwrap();
        reader.await.unwrap()
    }
}

impl Base for Stopping {
    fn get(&self, key: &[u8]) -> BaseResult<Option<Vec<u8>>> {
        self.base.get(key)
    }

    fn at_hand(&self, key: &[u8]) -> BaseResult<AtHand> {
        let found = self.base.at_hand(key);
        self.stop.pass();
        found
    }

    fn keys(&self, from: &[u8], end: &[u8], limit: usize) -> BaseResult<Vec<Key>> {
        let found = self.base.keys(from, end, limit);
        self.stop.pass();
        found
    }

    fn fold(&self, fill: &mut dyn FnMut(&mut Put<'_>) -> BaseResult<()>) -> BaseResult<()> {
        self.base.fold(fill)
    }

    fn capture(&self) -> BaseResult<Captured> {
        self.base.capture()
    }
}

/// An engine that keeps nothing in the table that is clean.
fn open(dir: &Path) -> (Arc<Embedded>, Arc<Stop>) {
    let stop =
        Arc::new(Stop { is_armed: AtomicBool::new(false), read: Barrier::new(2), go_on: Barrier::new(2) });
    let stopping = Arc::clone(&stop);
    let open_base = |dir: &Path| -> BaseResult<Box<dyn Base>> {
        let base = CartsApart::open(&dir.join("rows"), FjallBase::open(&dir.join("base"), 1 << 20)?)?;
        Ok(Box::new(Stopping { base, stop: stopping }))
    };
    let options = EmbeddedOptions { clean_bytes_max: 0, ..options() };
    (Embedded::open_inner(dir, options, open_base, |_| Ok(())).unwrap(), stop)
}

fn entries(engine: &Embedded) -> Option<usize> {
    let at_hand = engine.load_at_hand(cart_id(1)).unwrap()?;
    Some(joined(&at_hand.rows).unwrap().entries.len())
}

async fn remove(engine: &Embedded, number: u8) {
    let row = engine.load(cart_id(number), Consistency::Strong).await.unwrap().snapshots.remove(0);
    let key = RowKey { cart: cart_id(number), owner: row.owner };
    engine.remove(&key, row.version).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_before_a_fold_is_not_shown_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, stop) = open(dir.path());
    add(&engine, 1, 1, "A").await.unwrap();
    fold(&engine).await;
    assert_eq!(entries(&engine), Some(1), "read from the base");

    let reading = Arc::clone(&engine);
    let shown = stop.overtake(async move { entries(&reading) }, async {
        add(&engine, 1, 2, "B").await.unwrap();
        fold(&engine).await;
    });
    assert_ne!(shown.await, Some(1), "the second add was durable, and is gone from the table");
    assert_eq!(entries(&engine), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cart_whose_removal_was_folded_is_not_found_by_a_scan_that_was_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, stop) = open(dir.path());
    for number in 1..=3 {
        add(&engine, number, 1, "A").await.unwrap();
    }
    fold(&engine).await;

    let scanning = Arc::clone(&engine);
    let found = stop.overtake(async move { scanning.scan(None, 10).await.unwrap() }, async {
        remove(&engine, 2).await;
        fold(&engine).await;
    });
    assert_eq!(found.await, [cart_id(1), cart_id(3)]);
}
