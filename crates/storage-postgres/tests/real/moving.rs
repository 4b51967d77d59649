//! Slots move from shard to shard while they are written to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use storage::cart::{CartId, Timestamp};
use storage::conformance::sample::{add, delta_key, owner, stored};
use storage::{
    Bucket, Consistency, Inserted, LinearTable, RecordReplaced, Replaced, RowKey, StoreError, Stores, Version,
};
use storage_postgres::{
    Moved, OpenError, Postgres, PostgresOptions, Slot, check, forget_slots, init, plan, plan::Move,
};

use crate::setup::{eventually, open, options, sql, two_databases};

const WRITERS: u64 = 12;
const TABLE: LinearTable = LinearTable::Ledger;

/// One shard, and the same with an empty one added.
async fn one_then_two() -> Option<(PostgresOptions, PostgresOptions)> {
    let two = options(&two_databases().await?);
    let mut one = two.clone();
    one.shards.pop();
    Some((one, two))
}

fn cart(number: u64) -> CartId {
    CartId((u128::from(number) << 64 | 7).to_be_bytes())
}

fn number(value: u64) -> Bytes {
    Bytes::copy_from_slice(&value.to_be_bytes())
}

async fn move_slots(
    options: &PostgresOptions,
    from: usize,
    to: usize,
    slots: &[Slot],
) -> Result<Moved, OpenError> {
    let wish = Move { from, to, slots: slots.iter().copied().collect() };
    storage_postgres::move_slots(options, &wish, &mut |_| ControlFlow::Continue(())).await
}

/// What a writer did: increments of one record, replacements of one row, and appends, all over many carts.
async fn write(stores: Stores, writer: u64, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> u64 {
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        rounds += 1;
        let cart = cart(rounds % 97);
        increment(&stores, cart).await;
        let seq = u32::try_from(rounds).unwrap();
        let key = storage::DeltaKey { cart, ..delta_key(cart, writer, seq, 5) };
        stores.carts.append(&key, stored(&add(writer, seq, "A"))).await.unwrap();
        let own = RowKey { cart, owner: storage::Owner::new("eu", u32::try_from(writer).unwrap()) };
        replace_own(&stores, &own, rounds).await;
        done.fetch_add(1, Ordering::Relaxed);
    }
    rounds
}

/// Adds one to the record of a cart, against all others.
async fn increment(stores: &Stores, cart: CartId) {
    let key = cart.0;
    let mut known =
        match stores.linear.insert_if_absent(TABLE, &key, number(1), Some(Timestamp(1))).await.unwrap() {
            Inserted::Inserted(_) => return,
            Inserted::Present(record) => record,
        };
    loop {
        let next = number(u64::from_be_bytes(known.bytes.as_ref().try_into().unwrap()) + 1);
        let replaced =
            stores.linear.replace(TABLE, &key, known.version, next, Some(Timestamp(1))).await.unwrap();
        match replaced {
            RecordReplaced::Applied(_) => return,
            RecordReplaced::Conflict(record) => known = record.unwrap(),
        }
    }
}

async fn replace_own(stores: &Stores, own: &RowKey, rounds: u64) {
    let mut expected: Option<Version> = None;
    loop {
        match stores.carts.replace(own, expected, Bucket(0), number(rounds)).await.unwrap() {
            Replaced::Applied(_) => return,
            Replaced::Conflict(row) => expected = row.map(|row| row.version),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_is_lost_while_slots_move_there_and_back() {
    let Some((one, two)) = one_then_two().await else { return };
    drop(open(&one).await);
    let reports = init(&two).await.unwrap();
    assert_eq!(reports.iter().map(|report| report.slots_here.len()).collect::<Vec<_>>(), [1024, 0]);
    let nodes = [Postgres::open(&two).await.unwrap(), Postgres::open(&two).await.unwrap()];
    for writer in 1..=WRITERS {
        let owner = storage::Owner::new("eu", u32::try_from(writer).unwrap());
        nodes[0].stores().carts.register(&owner).await.unwrap();
    }
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (1..=WRITERS)
        .map(|writer| {
            let stores = nodes[usize::try_from(writer % 2).unwrap()].stores();
            (writer, tokio::spawn(write(stores, writer, Arc::clone(&stop), Arc::clone(&done))))
        })
        .collect();
    eventually("writers write", async || done.load(Ordering::Relaxed) > 100).await;
    // The slots that are written to, and as many that are not.
    let busy: BTreeSet<Slot> = (0..97).map(|number| Slot::of_cart(cart(number))).collect();
    let slots: Vec<Slot> = busy.into_iter().chain(Slot::all().take(20)).collect();
    let there = move_slots(&two, 0, 1, &slots).await.unwrap();
    let back: Vec<Slot> = slots.iter().copied().step_by(2).collect();
    let returned = move_slots(&two, 1, 0, &back).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    println!("there: {there:?}, back: {returned:?}, {} rounds meanwhile", done.load(Ordering::Relaxed));
    assert!(there.rows > 0 && returned.rows > 0);
    let mut increments = BTreeMap::<u64, u64>::new();
    let stores = Postgres::open(&two).await.unwrap().stores();
    for (writer, task) in writers {
        let rounds = task.await.unwrap();
        let mut last = BTreeMap::new();
        for round in 1..=rounds {
            *increments.entry(round % 97).or_default() += 1;
            last.insert(round % 97, round);
        }
        for (of, last) in last {
            let rows = stores.carts.load(cart(of), Consistency::Strong).await.unwrap();
            let owner = storage::Owner::new("eu", u32::try_from(writer).unwrap());
            let row = rows.snapshots.iter().find(|row| row.owner == owner).unwrap();
            assert_eq!(row.bytes, number(last), "a replacement of cart {of} was lost");
            let appended = rows.deltas.iter().filter(|row| row.key.operation.writer.0 == writer).count();
            let expected = (1..=rounds).filter(|round| round % 97 == of).count();
            assert_eq!(appended, expected, "appends of cart {of}");
        }
    }
    for (of, count) in increments {
        let record = stores.linear.read(TABLE, &cart(of).0).await.unwrap().unwrap();
        assert_eq!(record.bytes, number(count), "increments of record {of}");
        assert_eq!(record.version, Version(count), "a version was given twice");
    }
    let due = stores.linear.due(TABLE, Timestamp(2), None, 1_000).await.unwrap();
    assert_eq!(due.len(), 97, "what stayed behind at the old shard is not due");
    assert_eq!(stores.carts.scan(None, 1_000).await.unwrap().len(), 97);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_does_not_know_the_new_shard_writes_nothing_that_has_moved() {
    let Some((one, two)) = one_then_two().await else { return };
    let mut hasty = one.clone();
    hasty.timeouts.slot_wait = Duration::from_millis(100);
    let old = open(&hasty).await;
    init(&two).await.unwrap();
    let slot = Slot::of_key(b"k");
    old.stores().linear.insert_if_absent(TABLE, b"k", number(1), None).await.unwrap();
    move_slots(&two, 0, 1, &[slot]).await.unwrap();
    let write = old.stores().linear.replace(TABLE, b"k", Version(1), number(2), None).await;
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    let read = old.stores().linear.read(TABLE, b"k").await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "a read of what was: {read:?}");
    let scan = old.stores().carts.scan(None, 10).await;
    assert!(matches!(scan, Err(StoreError::Unavailable(_))), "a page that leaves carts out: {scan:?}");
    let new = Postgres::open(&two).await.unwrap().stores();
    assert_eq!(new.linear.read(TABLE, b"k").await.unwrap().unwrap().bytes, number(1));
    let refusal = Postgres::open(&one).await.unwrap_err();
    assert!(matches!(refusal, OpenError::Layout(_)), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_was_interrupted_anywhere_is_brought_to_an_end_by_the_same_move() {
    let Some((one, two)) = one_then_two().await else { return };
    let stores = open(&one).await.stores();
    init(&two).await.unwrap();
    let (cart, slot) = (cart(1), Slot::of_cart(cart(1)));
    let key = RowKey { cart, owner: owner() };
    stores.carts.replace(&key, None, Bucket(0), stored(&add(1, 1, "A"))).await.unwrap();
    let schema = &two.schema;
    let urls = two_databases().await.unwrap();
    let become_ = async |at: usize, state: &str| {
        let set = format!("UPDATE {schema}.slots SET state = '{state}' WHERE slot = {}", slot.number());
        sql(&urls[at], &set).await;
    };
    // What a move leaves that stops after its first, second and third step; and half of a copy.
    for (at_source, at_target) in [("here", "arriving"), ("leaving", "arriving"), ("leaving", "here")] {
        become_(0, at_source).await;
        become_(1, at_target).await;
        let moved = move_slots(&two, 0, 1, &[slot]).await.unwrap();
        assert_eq!(moved.slots, 1);
        let new = Postgres::open(&two).await.unwrap().stores();
        let rows = new.carts.load(cart, Consistency::Strong).await.unwrap();
        assert_eq!(rows.snapshots.len(), 1, "after {at_source} and {at_target}");
    }
    assert_eq!(move_slots(&two, 0, 1, &[slot]).await.unwrap().slots, 1, "moved is moved");
    assert_eq!(forget_slots(&two, 0).await.unwrap(), 1);
    assert_eq!(forget_slots(&two, 1).await.unwrap(), 0, "what is here stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_looks_or_opens_while_slots_move_finds_them_in_place() {
    let Some((one, two)) = one_then_two().await else { return };
    drop(open(&one).await);
    init(&two).await.unwrap();
    let moving = two.clone();
    let slots: Vec<Slot> = Slot::all().take(200).collect();
    let moving = tokio::spawn(async move {
        move_slots(&moving, 0, 1, &slots).await.unwrap();
        move_slots(&moving, 1, 0, &slots).await.unwrap();
    });
    let mut looks = 0;
    while !moving.is_finished() {
        check(&two).await.unwrap();
        looks += 1;
    }
    moving.await.unwrap();
    assert!(looks > 3, "nothing was looked at meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_told_to_stop_stops_between_slots_and_goes_on_when_done_again() {
    let Some((one, two)) = one_then_two().await else { return };
    drop(open(&one).await);
    init(&two).await.unwrap();
    let wish = plan::evenly(&check(&two).await.unwrap()).remove(0);
    let mut heard = Vec::new();
    let mut go_on = |moved: Moved| {
        heard.push(moved.slots);
        if moved.slots == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let moved = storage_postgres::move_slots(&two, &wish, &mut go_on).await.unwrap();
    assert_eq!((moved.slots, heard), (3, vec![1, 2, 3]));
    let reports = check(&two).await.unwrap();
    assert!(reports.iter().all(|report| report.slots_leaving.len() + report.slots_arriving.len() == 0));
    let rest = plan::evenly(&reports);
    assert_eq!(rest[0].slots.len(), 509);
    assert_eq!(rest[0].slots, wish.slots.iter().copied().skip(3).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_may_be_the_last_are_not_forgotten() {
    let Some((one, two)) = one_then_two().await else { return };
    let stores = open(&one).await.stores();
    init(&two).await.unwrap();
    stores.linear.insert_if_absent(TABLE, b"k", number(1), None).await.unwrap();
    move_slots(&two, 0, 1, &[Slot::of_key(b"k")]).await.unwrap();
    // The new shard comes back as it was before the move.
    let urls = two_databases().await.unwrap();
    let slot = Slot::of_key(b"k").number();
    let restored = format!("UPDATE {0}.slots SET state = 'away' WHERE slot = {slot}", two.schema);
    sql(&urls[1], &restored).await;
    let refused = forget_slots(&two, 0).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Layout(problem) if problem.contains("on no shard")), "{refused:?}");
    // Or as it was within it.
    sql(&urls[1], &restored.replace("'away'", "'arriving'")).await;
    assert_eq!(forget_slots(&two, 0).await.unwrap(), 0);
    assert_eq!(sql(&urls[0], &format!("SELECT count(*) FROM {}.records", two.schema)).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_two_shards_claim_is_served_by_neither_and_keeps_the_engine_from_opening() {
    let Some((_, two)) = one_then_two().await else { return };
    drop(open(&two).await);
    let urls = two_databases().await.unwrap();
    sql(&urls[1], &format!("UPDATE {}.slots SET state = 'here' WHERE slot = 3", two.schema)).await;
    let refusal = Postgres::open(&two).await.unwrap_err();
    assert!(matches!(&refusal, OpenError::Layout(problem) if problem.contains("slots 3 ")), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_does_not_leave_under_a_write_that_has_begun() {
    let Some((one, two)) = one_then_two().await else { return };
    drop(open(&one).await);
    init(&two).await.unwrap();
    let linear = Postgres::open(&two).await.unwrap().stores().linear;
    linear.insert_if_absent(TABLE, b"k", number(1), None).await.unwrap();
    let urls = two_databases().await.unwrap();
    let (mut rival, connection) = tokio_postgres::connect(&urls[0], tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let transaction = rival.transaction().await.unwrap();
    let lock = format!("SELECT 1 FROM {}.records FOR UPDATE", two.schema);
    transaction.batch_execute(&lock).await.unwrap();
    // The write has looked where its slot is, and waits for the row.
    let replacing = Arc::clone(&linear);
    let write =
        tokio::spawn(async move { replacing.replace(TABLE, b"k", Version(1), number(2), None).await });
    let waits = async |statement: &str| {
        let asked = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() \
             AND query LIKE '%{statement}%' AND pid IN (SELECT pid FROM pg_locks WHERE relation = '{}.slots'::regclass)",
            two.schema
        );
        sql(&urls[0], &asked).await != ["0"]
    };
    eventually("the write waits", async || waits("UPDATE records").await).await;
    let moving = two.clone();
    let moving = tokio::spawn(async move { move_slots(&moving, 0, 1, &[Slot::of_key(b"k")]).await });
    let stands = async || moving.is_finished() || waits("LOCK TABLE slots").await;
    eventually("the move waits for the write", stands).await;
    transaction.rollback().await.unwrap();
    let written = write.await.unwrap().unwrap();
    assert_eq!(written, RecordReplaced::Applied(Version(2)));
    moving.await.unwrap().unwrap();
    let record = linear.read(TABLE, b"k").await.unwrap().unwrap();
    assert_eq!(record.bytes, number(2), "a write that was acknowledged stayed at the old shard");
}
