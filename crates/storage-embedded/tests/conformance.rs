//! The suite that every engine passes.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use journal::JournalOptions;
use storage::conformance::Subject;
use storage_embedded::{Embedded, EmbeddedOptions};

/// Small segments, hardly any cache, and a fold always at hand: what is written goes through all states.
async fn restless() -> Subject {
    let journal =
        JournalOptions { segment_bytes: 1 << 20, disk_free_bytes_min: 0, ..JournalOptions::default() };
    let options = EmbeddedOptions {
        journal,
        clean_bytes_max: 0,
        fold_at_percent: 1,
        fold_pace: Duration::ZERO,
        ..EmbeddedOptions::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::open(dir.path(), options).unwrap();
    Subject { stores: engine.stores(), keep_alive: Box::new(dir) }
}

storage::conformance_suite!(super::restless());
