//! Nodes that are away: one of three, two of three, all of a data centre.

use super::{AWAY, HOME, Taken, region::Done, region::Region, region::cart, taken};
use crate::node;
use bytes::Bytes;
use engines::Faults;
use futures::future::join_all;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use storage::{Bucket, LinearTable, StoreError, error::Result};
use storage_cassandra::CassandraOptions;

/// Longer than any of the store's own timeouts.
const IN_TIME: Duration = Duration::from_secs(7);

/// Rounds of work, of four carts at once.
struct Shift {
    ends: Arc<AtomicBool>,
    rounds: Arc<AtomicU32>,
    workers: Vec<tokio::task::JoinHandle<Done>>,
}

impl Shift {
    fn of(region: &Region, carts: std::ops::Range<u8>) -> Self {
        let (ends, rounds) = (Arc::<AtomicBool>::default(), Arc::<AtomicU32>::default());
        let worker = |number| tokio::spawn(region.clone().work(number, ends.clone(), rounds.clone()));
        let workers = carts.map(worker).collect();
        Self { ends, rounds, workers }
    }

    /// Waits for so many rounds more, and says how long they took.
    async fn goes_on(&self, rounds: u32) -> Duration {
        let (began, goal) = (Instant::now(), self.rounds.load(Ordering::Relaxed) + rounds);
        node::until("work goes on", || async { (self.rounds.load(Ordering::Relaxed) >= goal).then_some(()) })
            .await;
        began.elapsed()
    }

    async fn end(self) -> Vec<Done> {
        self.ends.store(true, Ordering::Relaxed);
        join_all(self.workers).await.into_iter().map(|done| done.expect("a worker does not panic")).collect()
    }
}

/// An operation that must fail, and in time.
async fn fails<T: std::fmt::Debug>(what: &str, operation: impl Future<Output = Result<T>>) -> StoreError {
    let began = Instant::now();
    let error = operation.await.expect_err(what);
    assert!(began.elapsed() < IN_TIME, "{what}: {:?}", began.elapsed());
    error
}

/// Every operation at home is refused, with the right kind of error.
async fn nothing_is_taken(home: &Region) {
    let (carts, linear) = (&home.stores.carts, &home.stores.linear);
    let append = node::until("adds are refused", || async {
        // Until the node that is asked knows who is away, it tries, and nobody knows the outcome.
        Some(fails("an add", home.append(cart(61), 1)).await).filter(|error| !error.may_be_applied())
    });
    assert!(matches!(append.await, StoreError::Unavailable(_)));
    let load = fails("a load", home.load(cart(61))).await;
    let key = home.row(cart(61));
    let row = fails("a write of the own row", carts.replace(&key, None, Bucket(0), Bytes::new())).await;
    let read = fails("a read of a record", linear.read(LinearTable::Stock, b"none")).await;
    let insert = linear.insert_if_absent(LinearTable::Stock, b"none", Bytes::new(), None);
    let insert = fails("a record", insert).await;
    for (what, error) in [("load", load), ("read", read)] {
        assert!(matches!(error, StoreError::Unavailable(_)), "{what}: {error:?}");
    }
    for (what, error) in [("row", row), ("insert", insert)] {
        assert!(
            matches!(error, StoreError::Unavailable(_) | StoreError::Indeterminate(_)),
            "{what}: {error:?}"
        );
    }
}

/// With the home of records away, another region says so and takes adds.
async fn only_adds_are_taken(away: &Region) {
    let linear = &away.stores.linear;
    let read = fails("a read of a record", linear.read(LinearTable::Ledger, b"none")).await;
    let insert = linear.insert_if_absent(LinearTable::Ledger, b"none", Bytes::new(), None);
    let insert = fails("a record", insert).await;
    for error in [read, insert] {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
    for seq in 1..=50 {
        away.append(cart(62), seq).await.expect("adds go on");
    }
    away.replace(cart(62), 50).await.expect("the own row is written");
    assert_eq!(away.load(cart(62)).await.expect("carts are read").deltas.len(), 50);
}

async fn kill(taken: &Taken, nodes: std::ops::Range<usize>) {
    taken.to(HOME, nodes, |node| node.kill()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_on_without_one_of_three_nodes_stops_in_time_without_two_and_nothing_is_lost() {
    let Some(mut taken) = taken().await else { return };
    let (at_home, elsewhere) = (taken.both(HOME).await, taken.both(AWAY).await);
    let (home, away) = (Region::open(&at_home).await, Region::open(&elsewhere).await);
    let shift = Shift::of(&home, 1..5);
    let whole = shift.goes_on(40).await;
    kill(&taken, 2..3).await;
    let without = shift.goes_on(100).await;
    let done = shift.end().await;
    eprintln!("40 rounds in {whole:?}, then 100 without a node in {without:?}");

    kill(&taken, 1..2).await;
    let began = Instant::now();
    nothing_is_taken(&home).await;
    eprintln!("without two of three nodes, all is refused after {:?}", began.elapsed());
    kill(&taken, 0..1).await;
    only_adds_are_taken(&away).await;

    taken.mend().await;
    node::until("adds are taken again", || async { home.append(cart(63), 1).await.ok() }).await;
    node::until("records are read again", || async {
        home.stores.linear.read(LinearTable::Ledger, b"none").await.ok()
    })
    .await;
    for done in &done {
        done.check().await;
    }
    node::until("adds of the other region arrive", || async {
        let rows = home.load(cart(62)).await.ok()?;
        (rows.deltas.len() == 50 && rows.snapshots.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_the_other_data_centre_and_it_catches_up() {
    let Some(mut taken) = taken().await else { return };
    let (at_home, elsewhere) = (taken.both(HOME).await, taken.both(AWAY).await);
    let home = Region::open(&at_home).await;
    let shift = Shift::of(&home, 11..15);
    let whole = shift.goes_on(60).await;
    taken.to(AWAY, 0..1, |node| node.pause()).await;
    let paused = shift.goes_on(60).await;
    let began = Instant::now();
    Region::open(&at_home).await;
    let opened = began.elapsed();
    assert!(opened < IN_TIME, "it waits for nodes that it never asks: {opened:?}");
    taken.to(AWAY, 0..1, |node| node.kill()).await;
    let killed = shift.goes_on(60).await;
    let done = shift.end().await;
    eprintln!(
        "60 rounds in {whole:?}, with {AWAY} paused in {paused:?}, killed in {killed:?}; opened in {opened:?}"
    );
    taken.mend().await;
    for done in &done {
        done.check().await;
    }
    let away = Region::open(&elsewhere).await;
    let began = Instant::now();
    for done in &done {
        done.arrives_at(&away).await;
    }
    eprintln!("{AWAY} has all of it {:?} after it is back", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still_is_left_after_seconds_and_a_process_can_start_beside_it() {
    const LEFT_AFTER: Duration = Duration::from_secs(25);
    let Some(mut taken) = taken().await else { return };
    let at_home = taken.both(HOME).await;
    let shift = Shift::of(&Region::open(&at_home).await, 21..25);
    let whole = shift.goes_on(60).await;
    taken.to(HOME, 2..3, |node| node.pause()).await;
    let began = Instant::now();
    let starts = async {
        let beside = CassandraOptions { contact_points: vec![taken.address(HOME).to_string()], ..at_home };
        Region::open(&beside).await;
        began.elapsed()
    };
    let (without, opened) = tokio::join!(shift.goes_on(60), starts);
    eprintln!("60 rounds in {whole:?}, with one of three nodes paused in {without:?}; opened in {opened:?}");
    assert!(without < LEFT_AFTER && opened < LEFT_AFTER, "{without:?} {opened:?}");
    let done = shift.end().await;
    taken.mend().await;
    for done in &done {
        done.check().await;
    }
}
