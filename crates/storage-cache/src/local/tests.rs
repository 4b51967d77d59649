//! The tier in process by itself: generations, blocks, age, bytes.

use super::*;
use bytes::Bytes;
use storage::{Bucket, Owner, Snapshot, Version};

const LONG: Duration = Duration::from_secs(3_600);
const NO_BLOCK: Duration = Duration::ZERO;

fn local() -> Local {
    Local::new(1 << 20, LONG, true)
}

fn cart(number: u8) -> CartId {
    CartId([number; 16])
}

fn row(version: u64, bytes: usize) -> Snapshot {
    let (owner, bytes) = (Owner::new("a", 1), Bytes::from(vec![0; bytes]));
    Snapshot { owner, version: Version(version), folded_through: Bucket(0), bytes }
}

fn read(version: u64) -> Kept {
    let rows = CartRows { snapshots: vec![row(version, 10)], deltas: Vec::new() };
    Kept { rows, read_at: Instant::now() }
}

fn version(local: &Local, number: u8) -> Option<u64> {
    local.find(cart(number)).map(|kept| kept.rows.snapshots[0].version.0)
}

fn fill(local: &Local, number: u8, read: Kept) -> bool {
    let ticket = local.ticket(cart(number)).unwrap();
    local.fill(cart(number), ticket, read)
}

#[test]
fn what_was_read_before_a_write_is_not_kept_after_it() {
    let local = local();
    let (early, other) = (local.ticket(cart(1)).unwrap(), local.ticket(cart(2)).unwrap());
    local.change(cart(1), Change::Other, NO_BLOCK);
    assert!(!local.fill(cart(1), early, read(1)));
    assert!(local.fill(cart(2), other, read(1)), "another cart's write is nothing to it");
    assert!(fill(&local, 1, read(2)));
    assert_eq!((version(&local, 1), version(&local, 2)), (Some(2), Some(1)));
}

#[test]
fn a_patch_too_drops_fills_that_are_under_way() {
    let local = local();
    assert!(fill(&local, 1, read(1)));
    let early = local.ticket(cart(1)).unwrap();
    let new = row(2, 10);
    local.change(cart(1), Change::Row { row: &new, expected: Some(Version(1)) }, NO_BLOCK);
    assert!(!local.fill(cart(1), early, read(1)));
    assert_eq!(version(&local, 1), Some(2));
}

#[test]
fn a_patch_makes_the_other_rows_no_younger() {
    let local = Local::new(1 << 20, Duration::from_secs(100), true);
    let read_at = Instant::now().checked_sub(Duration::from_secs(99)).unwrap();
    assert!(fill(&local, 1, Kept { read_at, ..read(1) }));
    let new = row(2, 10);
    local.change(cart(1), Change::Row { row: &new, expected: Some(Version(1)) }, NO_BLOCK);
    assert_eq!(local.find(cart(1)).unwrap().read_at, read_at);
}

#[test]
fn nothing_is_filled_in_while_a_write_may_still_arrive() {
    let local = local();
    local.change(cart(1), Change::Other, LONG);
    local.change(cart(1), Change::Other, NO_BLOCK);
    assert!(!fill(&local, 1, read(1)), "the shorter block does not end the longer");
    assert!(fill(&local, 2, read(1)));
}

#[test]
fn a_read_that_began_earlier_does_not_replace_a_later_one() {
    let local = local();
    let early = read(1);
    assert!(fill(&local, 1, read(2)) && !fill(&local, 1, early));
    assert_eq!(version(&local, 1), Some(2));
}

#[test]
fn what_is_too_old_is_not_served() {
    let local = Local::new(1 << 20, Duration::from_secs(60), true);
    let read_at = Instant::now().checked_sub(Duration::from_secs(61)).unwrap();
    fill(&local, 1, Kept { read_at, ..read(1) });
    assert_eq!(version(&local, 1), None);
}

#[test]
fn while_others_are_not_heard_nothing_is_kept_and_what_was_kept_is_gone() {
    let local = local();
    assert!(fill(&local, 1, read(1)));
    let early = local.ticket(cart(2)).unwrap();
    local.stop();
    assert!(local.ticket(cart(1)).is_none());
    assert!(!local.fill(cart(2), early, read(1)));
    local.go_on();
    assert_eq!(version(&local, 1), None);
    assert!(!local.fill(cart(2), early, read(1)), "read before the silence");
    assert!(fill(&local, 2, read(2)));
}

#[test]
fn bytes_are_bounded_whatever_is_put_in() {
    let local = Local::new(100_000, LONG, true);
    for number in 0..=255 {
        let rows = CartRows { snapshots: vec![row(1, 4_000)], deltas: Vec::new() };
        fill(&local, number, Kept { rows, read_at: Instant::now() });
        assert!(local.bytes() <= 100_000, "{} bytes", local.bytes());
    }
    assert!(local.carts() >= 5, "{} carts are kept", local.carts());
}
