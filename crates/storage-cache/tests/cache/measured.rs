//! What an operator sees: each thing that happens is counted, by tier, and no id is in a label.

use crate::ground::{self, Gate, Tiers, cart, engine, node, options, shown, write};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use std::collections::BTreeMap;
use storage_cache::{
    Policy,
    meter::{AGE, DROPPED_FILLS, ENGINE_LOADS, ENTRIES, FILLS, INVALIDATIONS, LOOKUPS, PATCHES, REDIS_UP},
};

/// What was counted since it was asked last, by name and labels; of a histogram, how often.
fn counted(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let value = |value| match value {
        DebugValue::Counter(count) => count,
        // Those that are looked at are 0 or 1.
        DebugValue::Gauge(level) => u64::from(level.into_inner() > 0.5),
        DebugValue::Histogram(samples) => samples.len() as u64,
    };
    let all = snapshotter.snapshot().into_vec().into_iter();
    all.map(|(key, _, _, counted)| {
        let key = key.key();
        let labels: Vec<_> = key.labels().map(|label| label.value()).collect();
        (format!("{} {}", key.name(), labels.join(" ")), value(counted))
    })
    .collect()
}

#[tokio::test]
async fn what_happens_in_each_tier_is_counted() {
    let Some(url) = ground::redis().await else { return };
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (stores, watched) = engine();
    let (stores, _handle) = node(&stores, &options(Policy::WriteThrough, Tiers::Both, &url)).await;
    shown(&stores, cart(1)).await; // asked in vain, filled in
    shown(&stores, cart(1)).await; // found in process
    write(&stores, cart(1), 0).await.unwrap(); // taken in
    write(&stores, cart(1), 0).await.unwrap(); // lost to the first, which is known: nothing happens
    let gate = Gate::new();
    *watched.hold_load.lock() = Some(gate.clone());
    let held = tokio::spawn({
        let stores = stores.clone();
        async move { shown(&stores, cart(2)).await }
    });
    gate.arrival().await;
    write(&stores, cart(2), 0).await.unwrap();
    gate.open();
    held.await.unwrap(); // overtaken by a write
    let counted = counted(&snapshotter);
    let check = |name: &str, labels: &str, expected: u64| {
        let key = format!("{name} {labels}");
        assert_eq!(counted.get(&key), Some(&expected), "{key} in {counted:#?}");
    };
    check(LOOKUPS, "local hit", 1);
    check(LOOKUPS, "local miss", 2);
    check(LOOKUPS, "redis hit", 0);
    check(LOOKUPS, "redis miss", 2);
    check(ENGINE_LOADS, "eventual request", 2);
    check(AGE, "local", 1);
    check(ENTRIES, "local", 1);
    check(REDIS_UP, "", 1);
    for tier in ["local", "redis"] {
        check(FILLS, tier, 1);
        check(DROPPED_FILLS, tier, 1);
        check(PATCHES, tier, 1);
    }
    check(INVALIDATIONS, "redis", 1); // of the second cart, which it did not have
    check(INVALIDATIONS, "local", 0);
}
