//! Small engines and small carts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use journal::JournalOptions;
use storage::conformance::sample;
use storage::error::Result;
use storage::{CartStore, StoreError};

use crate::{Embedded, EmbeddedOptions};

/// Small segments; folds only when asked for, or when the journal fills up.
pub(super) fn options() -> EmbeddedOptions {
    let journal = JournalOptions {
        segment_bytes: 256 << 10,
        disk_free_bytes_min: 0,
        queue_wait_max: Duration::from_secs(30),
        ..JournalOptions::default()
    };
    EmbeddedOptions { journal, fold_pace: Duration::ZERO, ..EmbeddedOptions::default() }
}

pub(super) fn open(dir: &Path) -> Arc<Embedded> {
    Embedded::open(dir, options()).unwrap()
}

/// Folds on a thread that may block.
pub(super) async fn fold(engine: &Arc<Embedded>) {
    let engine = Arc::clone(engine);
    tokio::task::spawn_blocking(move || engine.fold()).await.unwrap().unwrap();
}

/// The same of a fold that must fail.
pub(super) async fn fold_fails(engine: &Arc<Embedded>) {
    let engine = Arc::clone(engine);
    assert!(tokio::task::spawn_blocking(move || engine.fold()).await.unwrap().is_err());
}

/// Adds a unit of `sku` to cart `number`, as operation `seq` of writer 1.
pub(super) async fn add(engine: &Embedded, number: u8, seq: u32, sku: &str) -> Result<()> {
    let key = sample::delta_key(sample::cart_id(number), 1, seq, 5);
    engine.append(&key, sample::stored(&sample::add(1, seq, sku))).await
}

/// Bytes of the cart's row; none for a cart that is not there.
pub(super) async fn state(engine: &Embedded, number: u8) -> std::result::Result<Option<Bytes>, StoreError> {
    let rows = engine.load(sample::cart_id(number), storage::Consistency::Strong).await?;
    Ok(rows.snapshots.into_iter().next().map(|row| row.bytes))
}
