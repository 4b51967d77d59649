//! Rows that are packed: under which dictionary they come back, and what is left of segments without one.

use super::*;
use crate::base::row_log::{make, record, segment_path};

/// A log whose segments are of version 1, as the code that wrote them left it.
const OLD: [(&str, &[u8]); 4] = [
    ("0000000000.rows", include_bytes!("../../../../test-data/v1.0.rows")),
    ("0000000000.hints", include_bytes!("../../../../test-data/v1.0.hints")),
    ("0000000001.rows", include_bytes!("../../../../test-data/v1.1.rows")),
    ("manifest", include_bytes!("../../../../test-data/v1.manifest")),
];

/// Version of each segment, in the order in which they were begun.
fn versions(dir: &Path) -> Vec<u8> {
    files(dir, "rows").iter().map(|file| fs::read(file).unwrap()[8]).collect()
}

/// A log that an earlier release left, and what it holds.
fn old(dir: &Path) -> BTreeMap<CartId, Vec<u8>> {
    OLD.iter().for_each(|(name, bytes)| fs::write(dir.join(name), bytes).unwrap());
    let row = |n: u8| format!("the row of cart {n}, which says that {n} lanterns hang in it").into_bytes();
    let mut model: BTreeMap<_, _> = (2..=9).map(|n| (CartId([n * 16; 16]), row(n))).collect();
    model.insert(CartId([32; 16]), b"written again".to_vec());
    model
}

fn assert_is(log: &RowLog, model: &BTreeMap<CartId, Vec<u8>>) {
    for (cart, row) in model {
        assert_eq!(log.get(*cart).unwrap().as_ref(), Some(row));
    }
    assert_eq!(log.carts_from(CartId([0; 16]), 1000), model.keys().copied().collect::<Vec<_>>());
}

#[test]
fn segments_of_version_1_are_read_written_on_from_and_collected() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = old(dir.path());
    let before = files(dir.path(), "rows").iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>();
    assert_is(&open(dir.path()), &model);
    files(dir.path(), "hints").iter().for_each(|file| fs::remove_file(file).unwrap());
    let log = open(dir.path());
    assert_is(&log, &model);
    model.insert(CartId([3; 16]), said(3, 4));
    fold(&log, &Rows::from([(CartId([3; 16]), Some(said(3, 4)))])).unwrap();
    assert_is(&log, &model);
    let after = files(dir.path(), "rows").iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>();
    assert_eq!(
        (&after[..before.len()], after.len()),
        (&before[..], before.len() + 1),
        "nothing is added to them"
    );
    // Of each old segment a row is written again, so that it is worth collecting.
    let again: Rows = (2..=9).map(|n| (CartId([n * 16; 16]), Some(said(n, 4)))).skip(1).step_by(2).collect();
    fold(&log, &again).unwrap();
    model.extend(again.into_iter().map(|(cart, row)| (cart, row.unwrap())));
    while log.collect(100).unwrap() {}
    assert!(versions(dir.path()).iter().all(|version| *version == 2), "{:?}", versions(dir.path()));
    drop(log);
    assert_is(&open(dir.path()), &model);
}

#[test]
fn a_flipped_bit_in_a_segment_of_version_1_harms_at_most_one_cart() {
    let dir = tempfile::tempdir().unwrap();
    let model = old(dir.path());
    for (name, whole) in OLD.iter().filter(|(name, _)| name.ends_with(".rows")) {
        for at in 0..whole.len() as u64 {
            flip(&dir.path().join(name), at);
            if let Ok(log) = RowLog::open_with(dir.path(), SEGMENT_BYTES) {
                let wrong = model.iter().filter(|(cart, row)| log.get(**cart).unwrap().as_ref() != Some(row));
                assert!(wrong.count() <= 1, "{name}, byte {at}");
            }
            fs::write(dir.path().join(name), whole).unwrap();
        }
    }
}

/// Segments so large that a few of them hold many rows, and their rows: carts 0 to 255, 4 lines each.
fn many(dir: &Path) -> (RowLog, Rows) {
    let log = RowLog::open_with(dir, SEGMENT_BYTES_TRAINED).unwrap();
    let rows: Rows = (0..=255).map(|number| (cart(number), Some(said(number, 4)))).collect();
    fold(&log, &rows).unwrap();
    (log, rows)
}

fn model_of(rows: &Rows) -> BTreeMap<CartId, Vec<u8>> {
    rows.iter().filter_map(|(cart, row)| Some((*cart, row.clone()?))).collect()
}

fn plain_bytes(rows: &Rows) -> u64 {
    rows.values().flatten().map(|row| 24 + row.len() as u64).sum()
}

#[test]
fn rows_take_less_room_and_come_back_whatever_becomes_of_their_segment() {
    let dir = tempfile::tempdir().unwrap();
    let (log, mut rows) = many(dir.path());
    let usage = log.usage();
    assert!(usage.bytes < plain_bytes(&rows) / 2, "{usage:?}, {} plain", plain_bytes(&rows));
    assert!(usage.segments > 3, "{usage:?}");
    assert_is(&log, &model_of(&rows));
    for (number, row) in (0..=255).zip(rows.values_mut()) {
        if number % 3 == 0 {
            *row = Some(said(number, 5));
        }
    }
    let again: Rows = rows.clone().into_iter().step_by(3).collect();
    fold(&log, &again).unwrap();
    while log.collect(95).unwrap() {}
    assert!(log.listed(None)[0].number > 0, "the first segment was collected");
    assert_is(&log, &model_of(&rows));
    drop(log);
    assert_is(&RowLog::open_with(dir.path(), SEGMENT_BYTES_TRAINED).unwrap(), &model_of(&rows));
}

#[test]
fn a_fold_that_cannot_begin_a_segment_leaves_what_packs_rows_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (log, mut rows) = many(dir.path());
    let last = log.listed(None).last().unwrap().number;
    // Where the third of the segments that the fold begins would stand.
    let in_the_way = dir.path().join(format!("{:010}.rows", last + 3));
    fs::create_dir(&in_the_way).unwrap();
    let again: Rows = (0..=255).map(|number| (cart(number), Some(said(number, 6)))).collect();
    let failed = fold(&log, &again).unwrap_err();
    assert!(matches!(failed, RowLogError::Io { .. }), "{failed}");
    assert_is(&log, &model_of(&rows));
    fs::remove_dir(&in_the_way).unwrap();
    // Under the dictionary of the segment that is active again.
    let few: Rows = (0..3).map(|number| (cart(number), Some(said(number, 7)))).collect();
    fold(&log, &few).unwrap();
    rows.extend(few);
    assert_is(&log, &model_of(&rows));
    fold(&log, &again).unwrap();
    assert_is(&log, &model_of(&again));
    drop(log);
    assert_is(&RowLog::open_with(dir.path(), SEGMENT_BYTES_TRAINED).unwrap(), &model_of(&again));
}

/// Flips a bit of the row behind the head of a cart's record, so that nothing can be unpacked.
fn damage(log: &RowLog, dir: &Path, cart: CartId) {
    let (segment, place) = log.find(cart).unwrap();
    let record = segment.read(place).unwrap();
    assert!(matches!(record::row_of(cart, &record), Some(record::StoredRow::Packed(_))));
    // How long it says it is: behind where the id was and what kind of frame it is.
    flip(&segment_path(dir, segment.number), place.offset() + record::HEAD_BYTES as u64 + 3);
}

#[test]
fn a_packed_row_that_is_damaged_harms_its_cart_alone_and_is_copied_as_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let (log, rows) = many(dir.path());
    let mut model = model_of(&rows);
    let (damaged, _) = model.pop_first().unwrap();
    damage(&log, dir.path(), damaged);
    assert_eq!(log.get(damaged).unwrap(), Some(Vec::new()), "no bytes are no row");
    let record =
        |log: &RowLog| log.find(damaged).map(|(segment, place)| segment.read(place).unwrap()).unwrap();
    let before = record(&log);
    // Most of what stands beside it is written again.
    let again: Rows = rows.into_iter().filter(|(cart, _)| *cart != damaged).collect();
    fold(&log, &again).unwrap();
    let (segment, _) = log.find(damaged).unwrap();
    while log.collect(100).unwrap() {}
    assert_ne!(log.find(damaged).unwrap().0.number, segment.number, "it was collected");
    assert_eq!(record(&log), before);
    assert!(row::decode(&log.get(damaged).unwrap().unwrap()).is_err());
    model.insert(damaged, Vec::new());
    assert_eq!(log.carts_from(CartId([0; 16]), 1000), model.keys().copied().collect::<Vec<_>>());
    model.remove(&damaged);
    model.iter().for_each(|(cart, row)| assert_eq!(log.get(*cart).unwrap().as_ref(), Some(row)));
}

#[test]
fn the_first_segment_is_sealed_early_so_that_small_shops_have_a_dictionary() {
    let dir = tempfile::tempdir().unwrap();
    let log = RowLog::open(dir.path()).unwrap();
    let cart = |number: u32| CartId(u128::from(number.wrapping_mul(0x9e37_79b9)).to_be_bytes());
    let row = |number: u32| {
        let random = number.wrapping_mul(0x85eb_ca6b).to_be_bytes().repeat(3);
        [said((number % 200) as u8, 6), random].concat()
    };
    let ids: BTreeMap<CartId, u32> = (0..20_000).map(|number| (cart(number), number)).collect();
    log.fold(|put| ids.iter().try_for_each(|(cart, number)| put(*cart, Some(&row(*number))))).unwrap();
    let segments = log.listed(None);
    assert_eq!(segments.len(), 2, "{segments:?}");
    assert!(segments[0].bytes <= 1 << 20, "{segments:?}");
    let starts = [0, 1].map(|slot| log.segment(slot).unwrap().start);
    assert!(starts[0] == 32 && starts[1] > 32, "{starts:?}");
    ids.iter().for_each(|(cart, number)| assert_eq!(log.get(*cart).unwrap(), Some(row(*number))));
}

#[test]
fn a_log_of_captured_segments_has_their_dictionaries() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, rows) = many(dir.path());
    let mut listed = Vec::new();
    for segment in log.capture() {
        let mut bytes = vec![0; usize::try_from(segment.bytes()).unwrap()];
        segment.read_at(&mut bytes, 0).unwrap();
        fs::write(segment_path(copy.path(), segment.number()), bytes).unwrap();
        listed.push((segment.number(), segment.bytes()));
    }
    make(copy.path(), &listed).unwrap();
    let copied = RowLog::open_with(copy.path(), SEGMENT_BYTES_TRAINED).unwrap();
    assert_is(&copied, &model_of(&rows));
    let again: Rows = Rows::from([(cart(9), Some(said(9, 9)))]);
    fold(&copied, &again).unwrap();
    assert_eq!(copied.get(cart(9)).unwrap(), Some(said(9, 9)));
}
