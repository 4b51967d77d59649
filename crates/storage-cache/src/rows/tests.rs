//! Patches: exactly one write behind, or not at all.

use super::*;
use bytes::Bytes;
use storage::{
    Bucket, DeltaKey, Owner,
    cart::{CartId, Dot, WriterId},
};

fn row(region: &str, version: u64, folded: u64) -> Snapshot {
    let owner = Owner::new(region, 1);
    let bytes = Bytes::from(format!("{region}{version}"));
    Snapshot { owner, version: Version(version), folded_through: Bucket(folded), bytes }
}

fn delta(region: &str, seq: u32, bucket: u64) -> DeltaRow {
    let operation = Dot::new(WriterId(1), seq);
    let (cart, owner, bucket) = (CartId([1; 16]), Owner::new(region, 1), Bucket(bucket));
    DeltaRow { key: DeltaKey { cart, owner, bucket, operation, value_hash: 0 }, bytes: Bytes::new() }
}

fn rows(snapshots: &[Snapshot], deltas: &[DeltaRow]) -> CartRows {
    CartRows { snapshots: snapshots.to_vec(), deltas: deltas.to_vec() }
}

fn put(known: &CartRows, new: &Snapshot, expected: Option<u64>) -> Patched {
    patched(known, Change::Row { row: new, expected: expected.map(Version) })
}

#[test]
fn a_row_takes_the_place_of_the_version_it_replaced_and_no_other() {
    let (old, new) = (row("a", 4, 0), row("a", 5, 0));
    let others = row("b", 9, 0);
    let known = rows(&[old.clone(), others.clone()], &[]);
    assert_eq!(put(&known, &new, Some(4)), Patched::Changed(rows(&[new.clone(), others], &[])));
    assert_eq!(put(&rows(slice::from_ref(&new), &[]), &new, Some(4)), Patched::Same, "told twice");
    for other in [1, 3, 6] {
        assert_eq!(put(&rows(&[row("a", other, 0)], &[]), &new, Some(4)), Patched::Unfit, "{other} is known");
    }
    assert_eq!(put(&rows(&[], &[]), &new, Some(4)), Patched::Unfit);
    assert_eq!(put(&rows(&[], &[]), &row("a", 1, 0), None), Patched::Changed(rows(&[row("a", 1, 0)], &[])));
    assert_eq!(put(&rows(&[old], &[]), &row("a", 1, 0), None), Patched::Unfit, "of a former life");
}

#[test]
fn two_writers_told_in_the_reverse_order_never_leave_the_older_row() {
    let known = rows(&[row("a", 1, 0)], &[]);
    assert_eq!(put(&known, &row("a", 3, 0), Some(2)), Patched::Unfit, "the second comes first");
    let after = rows(&[row("a", 3, 0)], &[]);
    assert_eq!(put(&after, &row("a", 2, 0), Some(1)), Patched::Unfit, "the first comes last");
}

#[test]
fn a_fold_takes_the_deltas_it_holds_and_no_others() {
    let known = rows(&[], &[delta("a", 1, 5), delta("a", 2, 6), delta("b", 3, 5)]);
    let folded = row("a", 1, 5);
    let left = rows(slice::from_ref(&folded), &[delta("a", 2, 6), delta("b", 3, 5)]);
    assert_eq!(put(&known, &folded, None), Patched::Changed(left));
}

#[test]
fn a_delta_is_added_once_and_not_after_its_fold() {
    let (first, second) = (delta("a", 1, 5), delta("a", 2, 6));
    let known = rows(&[], slice::from_ref(&second));
    let both = rows(&[], &[first.clone(), second.clone()]);
    assert_eq!(patched(&known, Change::Delta(&first)), Patched::Changed(both));
    assert_eq!(patched(&known, Change::Delta(&second)), Patched::Same);
    let folded = rows(&[row("a", 1, 5)], &[]);
    assert_eq!(patched(&folded, Change::Delta(&first)), Patched::Same);
}

#[test]
fn a_row_that_somebody_else_wrote_stays_only_where_it_is_known() {
    let theirs = row("a", 5, 0);
    assert_eq!(patched(&rows(slice::from_ref(&theirs), &[]), Change::Current(&theirs)), Patched::Same);
    assert_eq!(patched(&rows(&[row("a", 4, 0)], &[]), Change::Current(&theirs)), Patched::Unfit);
}
