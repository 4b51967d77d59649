//! The row log against a sorted map: folds that end well and that do not, collections, restarts, damage.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use proptest::prelude::*;
use storage::cart::CartId;

use super::{AtHand, RowLog, RowLogError, hints, manifest};
use crate::change::Value;
use crate::row;

mod packed;

/// So small that every few rows begin another segment.
const SEGMENT_BYTES: u64 = 1024;
/// So large that zstd's trainer makes the dictionaries.
const SEGMENT_BYTES_TRAINED: u64 = 8 << 10;

fn open(dir: &Path) -> RowLog {
    RowLog::open_with(dir, SEGMENT_BYTES).unwrap()
}

fn cart(number: u8) -> CartId {
    CartId([number.wrapping_mul(7); 16])
}

type Rows = BTreeMap<CartId, Option<Vec<u8>>>;

#[derive(Debug, Clone)]
enum Step {
    Fold(BTreeMap<u8, Option<Vec<u8>>>),
    /// Ends badly after all rows were handed over.
    Failing(BTreeMap<u8, Option<Vec<u8>>>),
    Collect(u64),
    Reopen,
    /// Without the hints of sealed segments.
    ReopenWithoutHints,
}

fn step() -> impl Strategy<Value = Step> {
    // Some that get shorter, and some that do not.
    let row = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0..30usize).prop_map(|(cart, lines)| said(cart, lines)),
    ];
    let rows = prop::collection::btree_map(0..30u8, prop::option::weighted(0.8, row), 0..12);
    prop_oneof![
        6 => rows.clone().prop_map(Step::Fold),
        2 => rows.prop_map(Step::Failing),
        3 => (50..101u64).prop_map(Step::Collect),
        2 => Just(Step::Reopen),
        1 => Just(Step::ReopenWithoutHints),
    ]
}

fn fold(log: &RowLog, rows: &Rows) -> Result<(), RowLogError> {
    log.fold(|put| rows.iter().try_for_each(|(cart, row)| put(*cart, row.as_deref())))
}

/// A row as it comes from above: what the lines of a cart say, with the id of the cart in it, under a checksum.
fn said(number: u8, lines: usize) -> Vec<u8> {
    let line = |line: usize| format!("hanging lantern, no. {}: https://shop.example/items/{line}", line * 37);
    let lines: String = (0..lines).map(|at| line(at + usize::from(number))).collect();
    let bytes = [lines.as_bytes(), &cart(number).0, b"and so on"].concat().into();
    row::encode(&row::Row {
        through: 7,
        value: Value { version: 3, order: None, owner: "local.1".into(), bytes },
    })
}

fn rows_of(rows: BTreeMap<u8, Option<Vec<u8>>>) -> Rows {
    rows.into_iter().map(|(number, row)| (cart(number), row)).collect()
}

fn assert_holds(log: &RowLog, model: &BTreeMap<CartId, Vec<u8>>) {
    for number in 0..30 {
        let expected = model.get(&cart(number)).cloned();
        assert_eq!(log.get(cart(number)).unwrap(), expected);
        // The page cache has what was just written.
        assert!([AtHand::Value(expected), AtHand::OnDisk].contains(&log.at_hand(cart(number)).unwrap()));
    }
    let ids: Vec<CartId> = model.keys().copied().collect();
    assert_eq!(log.carts_from(CartId([0; 16]), 100), ids);
    let usage = log.usage();
    assert_eq!(usage.carts, model.len());
    let mut live = 0;
    log.index.for_each(|place| live += place.bytes());
    assert_eq!(usage.live_bytes, live, "what counts is counted");
    let plain: u64 = model.values().map(|row| (24 + row.len() as u64).next_multiple_of(8)).sum();
    assert!(live <= plain, "no row got longer: {live} of {plain}");
}

fn run(segment_bytes: u64, steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let open = |dir: &Path| RowLog::open_with(dir, segment_bytes).unwrap();
    let (mut log, mut model) = (Some(open(dir.path())), BTreeMap::new());
    for step in steps {
        let open_log = log.as_ref().unwrap();
        match step {
            Step::Fold(rows) => {
                let rows = rows_of(rows);
                fold(open_log, &rows).unwrap();
                for (cart, row) in rows {
                    match row {
                        Some(row) => drop(model.insert(cart, row)),
                        None => drop(model.remove(&cart)),
                    }
                }
            }
            Step::Failing(rows) => {
                let rows = rows_of(rows);
                let failed = open_log.fold(|put| {
                    rows.iter().try_for_each(|(cart, row)| put(*cart, row.as_deref()))?;
                    Err(RowLogError::TooMany)
                });
                assert!(failed.is_err());
            }
            Step::Collect(percent) => while open_log.collect(percent).unwrap() {},
            Step::Reopen => {
                drop(log.take());
                log = Some(open(dir.path()));
            }
            Step::ReopenWithoutHints => {
                drop(log.take());
                files(dir.path(), "hints").iter().for_each(|file| fs::remove_file(file).unwrap());
                log = Some(open(dir.path()));
            }
        }
        assert_holds(log.as_ref().unwrap(), &model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_log_holds_what_a_map_would_hold(
        segment_bytes in prop_oneof![Just(SEGMENT_BYTES), Just(SEGMENT_BYTES_TRAINED)],
        steps in prop::collection::vec(step(), 1..25),
    ) {
        run(segment_bytes, steps);
    }
}

fn files(dir: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let all = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let mut found: Vec<_> =
        all.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    found.sort();
    found
}

/// A log of carts 0 to 19, 4 lines each, in several segments.
fn filled(dir: &Path) -> BTreeMap<CartId, Vec<u8>> {
    let log = open(dir);
    let rows: Rows = (0..20).map(|number| (cart(number), Some(said(number, 4)))).collect();
    fold(&log, &rows).unwrap();
    rows.into_iter().map(|(cart, row)| (cart, row.unwrap())).collect()
}

fn flip(file: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 16], at).unwrap();
}

#[test]
fn a_flipped_bit_anywhere_is_found_or_harmless_and_harms_at_most_one_cart() {
    let dir = tempfile::tempdir().unwrap();
    let model = filled(dir.path());
    let mut names: Vec<_> = ["rows", "hints"].iter().flat_map(|kind| files(dir.path(), kind)).collect();
    names.push(dir.path().join("manifest"));
    assert!(names.len() > 4, "{names:?}");
    for name in names {
        let whole = fs::read(&name).unwrap();
        for at in 0..whole.len() as u64 {
            flip(&name, at);
            if let Ok(log) = RowLog::open_with(dir.path(), SEGMENT_BYTES) {
                let wrong = model.iter().filter_map(|(cart, row)| {
                    let found = log.get(*cart).unwrap().unwrap_or_default();
                    (found != *row).then_some(found)
                });
                let wrong: Vec<Vec<u8>> = wrong.collect();
                assert!(wrong.len() <= 1, "{name:?}, byte {at}");
                // Rows have a checksum of their own, one layer up.
                assert!(wrong.iter().all(|row| row::decode(row).is_err()), "{name:?}, byte {at}");
                assert_eq!(log.carts_from(CartId([0; 16]), 100).len(), model.len(), "{name:?}, byte {at}");
            }
            fs::write(&name, &whole).unwrap();
        }
    }
    assert_holds(&open(dir.path()), &model);
}

#[test]
fn what_an_unfinished_fold_left_behind_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let model = filled(dir.path());
    let last = files(dir.path(), "rows").pop().unwrap();
    let torn = [fs::read(&last).unwrap(), b"half a record".to_vec()].concat();
    fs::write(&last, torn).unwrap();
    fs::write(dir.path().join("0000000999.rows"), "a segment that no manifest names").unwrap();
    fs::write(dir.path().join("0000000999.hints"), "its hints").unwrap();
    let log = open(dir.path());
    assert_holds(&log, &model);
    assert_eq!(files(dir.path(), "rows").len(), log.usage().segments);
    let rows = Rows::from([(cart(0), Some(b"more".to_vec()))]);
    fold(&log, &rows).unwrap();
    drop(log);
    assert_eq!(open(dir.path()).get(cart(0)).unwrap().as_deref(), Some(&b"more"[..]));
}

#[test]
fn a_segment_that_lost_its_end_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let first = files(dir.path(), "rows").remove(0);
    fs::OpenOptions::new().write(true).open(&first).unwrap().set_len(500).unwrap();
    let refused = RowLog::open_with(dir.path(), SEGMENT_BYTES).err().unwrap().to_string();
    assert!(refused.contains("0000000000.rows") && refused.contains("shorter"), "{refused}");
}

/// The disk has no room from when the new manifest has its name.
fn fails_behind_the_rename(dir: &Path) -> io::Result<()> {
    if dir.join("manifest.new").exists() {
        manifest::sync_dir(dir)
    } else {
        Err(io::ErrorKind::StorageFull.into())
    }
}

fn open_failing(dir: &Path) -> RowLog {
    RowLog { sync_dir: fails_behind_the_rename, ..open(dir) }
}

fn is_unsettled(error: &RowLogError) -> bool {
    error.is_unsettled() && std::error::Error::source(error).is_none()
}

#[test]
fn what_a_new_manifest_names_stays_where_its_directory_cannot_be_synced() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = filled(dir.path());
    let rows: Rows = (10..30).map(|number| (cart(number), Some(said(number, 6)))).collect();
    let refused = fold(&open_failing(dir.path()), &rows).unwrap_err();
    assert!(is_unsettled(&refused), "{refused}");
    model.extend(rows.into_iter().map(|(cart, row)| (cart, row.unwrap())));
    assert_holds(&open(dir.path()), &model);
    // Most of what is written from here on is dead.
    let again: Rows = (0..15).map(|number| (cart(number), Some(said(number, 5)))).collect();
    fold(&open(dir.path()), &again).unwrap();
    model.extend(again.into_iter().map(|(cart, row)| (cart, row.unwrap())));
    let segments = files(dir.path(), "rows");
    let refused = open_failing(dir.path()).collect(100).unwrap_err();
    assert!(is_unsettled(&refused), "{refused}");
    let log = open(dir.path());
    assert_holds(&log, &model);
    assert_ne!(files(dir.path(), "rows"), segments, "one was collected");
}

#[test]
fn rows_without_a_manifest_are_not_taken_for_leftovers() {
    let dir = tempfile::tempdir().unwrap();
    let model = filled(dir.path());
    let (path, away) = (dir.path().join("manifest"), dir.path().join("elsewhere"));
    fs::rename(&path, &away).unwrap();
    let refused = RowLog::open_with(dir.path(), SEGMENT_BYTES).err().unwrap().to_string();
    assert!(refused.contains("manifest") && refused.contains("missing"), "{refused}");
    fs::rename(&away, &path).unwrap();
    assert_holds(&open(dir.path()), &model);
}

#[test]
fn a_segment_that_cannot_be_read_stays_and_others_are_collected() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let log = open(dir.path());
    // One row of it counts.
    let again =
        |carts: std::ops::Range<u8>| carts.map(|number| (cart(number), Some(said(number, 5)))).collect();
    fold(&log, &again(1..20)).unwrap();
    let first = files(dir.path(), "rows").remove(0);
    fs::OpenOptions::new().write(true).open(&first).unwrap().set_len(40).unwrap();
    let segments = log.usage().segments;
    // Once for each that there is, and for that which is set aside.
    for _ in 0..=segments {
        log.collect(100).unwrap();
    }
    assert!(first.exists() && log.usage().segments < segments);
    assert_eq!(log.get(cart(7)).unwrap(), Some(said(7, 5)));
    fold(&log, &again(7..8)).unwrap();
}

#[test]
fn collection_gives_space_back_and_keeps_removals_that_older_segments_need() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let log = open(dir.path());
    // A removal of a cart whose row stands in the first segment, then so much that its segment is sealed and dead.
    fold(&log, &Rows::from([(cart(0), None)])).unwrap();
    for round in 0..20u8 {
        let rows: Rows = (10..20).map(|number| (cart(number), Some(said(round, 4)))).collect();
        fold(&log, &rows).unwrap();
    }
    let before = log.usage();
    while log.collect(80).unwrap() {}
    let after = log.usage();
    assert!(after.bytes < before.bytes / 2, "{before:?} {after:?}");
    drop(log);
    for file in files(dir.path(), "hints") {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(open(dir.path()).get(cart(0)).unwrap(), None, "a removed cart stays removed");
}

#[test]
fn hints_that_are_damaged_are_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let model = filled(dir.path());
    let hint = files(dir.path(), "hints").remove(0);
    flip(&hint, 30);
    assert_eq!(hints::load(dir.path(), 0, 0), None);
    assert_holds(&open(dir.path()), &model);
    assert!(hints::load(dir.path(), 0, 0).is_some());
}

#[test]
fn collection_ends_where_nothing_but_removals_is_left() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let log = open(dir.path());
    for _ in 0..20 {
        // A removal of what is not there is a record as well.
        fold(&log, &(20..30).map(|number| (cart(number), None)).collect()).unwrap();
    }
    let collected = (0..100).take_while(|_| log.collect(100).unwrap()).count();
    assert!(collected < 50, "{collected} collections");
}
