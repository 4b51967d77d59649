//! Backups of an engine that is written, folded and collected all the time, and what is restored of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use journal::JournalOptions;
use storage::cart::{Dot, WriterId};
use storage::conformance::sample::{self, cart_id};
use storage::{CartStore, LinearStore, LinearTable, StoreError};
use tempfile::TempDir;

use super::sample::{add, fold, open, options, state};
use crate::base::row_log::RowLog;
use crate::base::{Base, BaseResult, Captured, CartsApart, FjallBase, Put};
use crate::engine::Engine;
use crate::key::Key;
use crate::{BackupError, BackupProgress, BaseKind, Embedded, EmbeddedOptions, StoreBackup, restore};

const WRITERS: u32 = 8;
const CARTS: u32 = 60;
/// Small, so that segments are sealed and collected in numbers.
const SEGMENT_BYTES: u64 = 8 << 10;

/// Folds all the time.
fn busy() -> EmbeddedOptions {
    let journal = JournalOptions { segment_bytes: 64 << 10, ..options().journal };
    EmbeddedOptions { journal, fold_at_percent: 7, clean_bytes_max: 0, ..options() }
}

fn open_small(dir: &Path) -> Arc<Embedded> {
    let open_base = |dir: &Path| -> BaseResult<Box<dyn Base>> {
        let log = RowLog::open_with(&dir.join("rows"), SEGMENT_BYTES)?;
        Ok(Box::new(CartsApart::over(log, FjallBase::open(&dir.join("base"), 1 << 20)?)?))
    };
    Embedded::open_inner(dir, busy(), open_base, |_| Ok(())).unwrap()
}

async fn back_up(
    engine: &Arc<Embedded>,
    dir: &Path,
    before: Option<&StoreBackup>,
    generation: u64,
) -> (StoreBackup, u64) {
    let (engine, dir, before) = (Arc::clone(engine), dir.to_owned(), before.cloned());
    let made = tokio::task::spawn_blocking(move || {
        let progress = BackupProgress::default();
        let made = engine.back_up(&dir, before.as_ref(), generation, &progress).unwrap();
        assert_eq!(
            progress.bytes.load(Ordering::Relaxed),
            progress.bytes_total.load(Ordering::Relaxed) + made.others.bytes
        );
        (made, progress.bytes_total.into_inner())
    });
    made.await.unwrap()
}

/// The store of a backup, in a folder of its own.
async fn restored(backup: &Path, made: &StoreBackup) -> (Arc<Embedded>, TempDir) {
    let (backup, made, dir) = (backup.to_owned(), made.clone(), tempfile::tempdir().unwrap());
    let to = dir.path().join("store");
    let engine = tokio::task::spawn_blocking(move || restore(&backup, &made, &to, options()).unwrap());
    (engine.await.unwrap(), dir)
}

/// Where writer `writer` puts its add `seq`: another cart each time.
fn cart_of(writer: u32, seq: u32) -> u8 {
    u8::try_from((writer * 7 + seq * 11) % CARTS).unwrap()
}

/// Adds of one writer: a fast machine would else make more segments than a process may have files open.
const ADDS_MAX: u32 = 2_000;

/// One after the other: an add is sent when the one before it was acknowledged.
async fn write_on(engine: Arc<Embedded>, writer: u32, acknowledged: Arc<AtomicU32>, ends: Arc<AtomicBool>) {
    let mut seq = 1;
    while seq <= ADDS_MAX && !ends.load(Ordering::Relaxed) {
        let delta = sample::stored(&sample::add(u64::from(writer), seq, "A"));
        let key = sample::delta_key(cart_id(cart_of(writer, seq)), u64::from(writer), seq, 5);
        match engine.append(&key, delta).await {
            Ok(()) => {
                acknowledged.store(seq, Ordering::Relaxed);
                seq += 1;
            }
            Err(refused) => {
                assert!(matches!(refused, StoreError::Overloaded | StoreError::Full), "{refused}");
                tokio::task::yield_now().await;
            }
        }
    }
}

/// So that a claim that fails ends those who write.
struct EndOnDrop(Arc<AtomicBool>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The adds of each writer that are there, which are its first ones without a gap.
async fn firsts(engine: &Embedded) -> Vec<u32> {
    let mut carts = Vec::new();
    for cart in 0..CARTS {
        carts.push(sample::load(engine, cart_id(u8::try_from(cart).unwrap())).await.unwrap());
    }
    let has = |writer: u32, seq: u32| {
        let dot = Dot::new(WriterId(u64::from(writer)), seq);
        carts[usize::from(cart_of(writer, seq))].entries.contains_key(&dot)
    };
    let mut firsts = Vec::new();
    for writer in 0..WRITERS {
        let first = (1..).find(|seq| !has(writer, *seq)).unwrap() - 1;
        // All of them, wherever they are: nothing without what came before it.
        let all = carts.iter().flat_map(|cart| cart.entries.keys());
        let all = all.filter(|dot| dot.writer == WriterId(u64::from(writer))).count();
        assert_eq!(all, first as usize, "writer {writer}: a gap behind its first {first}");
        firsts.push(first);
    }
    firsts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_backup_under_writes_folds_and_collections_has_what_was_acknowledged_and_nothing_without_its_past()
{
    let (live, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = open_small(live.path());
    let ends = Arc::new(AtomicBool::new(false));
    let _ending = EndOnDrop(Arc::clone(&ends));
    let acknowledged: Vec<Arc<AtomicU32>> = (0..WRITERS).map(|_| Arc::default()).collect();
    let writers: Vec<_> = (0..WRITERS)
        .zip(&acknowledged)
        .map(|(n, count)| {
            tokio::spawn(write_on(Arc::clone(&engine), n, Arc::clone(count), Arc::clone(&ends)))
        })
        .collect();
    let (collected, stops) = (Arc::clone(&engine), Arc::clone(&ends));
    let collecting = tokio::task::spawn_blocking(move || {
        while !stops.load(Ordering::Relaxed) {
            collected.engine.collect(70).unwrap();
        }
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut before: Option<StoreBackup> = None;
    for generation in 1..=4 {
        let enough = u32::try_from(generation).unwrap() * 100;
        while acknowledged.iter().any(|count| count.load(Ordering::Relaxed) < enough) {
            assert!(Instant::now() < deadline, "writers get nowhere");
            tokio::task::yield_now().await;
        }
        let promised: Vec<u32> = acknowledged.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let (made, _) = back_up(&engine, backup.path(), before.as_ref(), generation).await;
        let (restored, _folder) = restored(backup.path(), &made).await;
        let found = firsts(&restored).await;
        assert!(
            found.iter().zip(&promised).all(|(found, promised)| found >= promised),
            "{found:?} {promised:?}"
        );
        before = Some(made);
    }
    ends.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    collecting.await.unwrap();
    let segments = before.unwrap().segments;
    assert!(segments[0].number > 0 && segments.len() > 1, "segments were collected meanwhile");
}

#[tokio::test]
async fn a_second_backup_copies_only_what_is_new() {
    let (live, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = open_small(live.path());
    for seq in 1..=500 {
        add(&engine, u8::try_from(seq % 250).unwrap(), seq, "A").await.unwrap();
        if seq.is_multiple_of(125) {
            fold(&engine).await;
        }
    }
    let (first, copied) = back_up(&engine, backup.path(), None, 1).await;
    assert_eq!(copied, first.segments.iter().map(|segment| segment.file.bytes).sum::<u64>());
    assert!(first.segments.len() > 2, "{} segments", first.segments.len());
    let (same, copied) = back_up(&engine, backup.path(), Some(&first), 2).await;
    assert_eq!((copied, &same.segments), (0, &first.segments));
    add(&engine, 1, 501, "A").await.unwrap();
    engine.insert_if_absent(LinearTable::Order, b"order", "placed".into(), None).await.unwrap();
    let (second, copied) = back_up(&engine, backup.path(), Some(&first), 3).await;
    let new: u64 =
        second.segments.iter().filter(|it| !first.segments.contains(it)).map(|it| it.file.bytes).sum();
    assert!(copied == new && copied <= 2 * SEGMENT_BYTES, "{copied} of {new}");
    // What the first names is as it was: until the second counts, the first is the backup.
    let before = state(&engine, 2).await.unwrap();
    for made in [&first, &same, &second] {
        let (restored, _folder) = restored(backup.path(), made).await;
        assert_eq!(state(&restored, 2).await.unwrap(), before);
        let dots = sample::load(&*restored, cart_id(1)).await.unwrap().entries.len();
        assert_eq!(dots, if made == &second { 3 } else { 2 });
    }
}

/// A store with carts, a record and changes that are only in the journal; its backup, and what cart 3 is.
async fn small_backup(kind: BaseKind) -> (TempDir, StoreBackup) {
    let (live, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = Embedded::open(live.path(), EmbeddedOptions { base: kind, ..options() }).unwrap();
    for number in 1..=9 {
        add(&engine, number, 1, "A").await.unwrap();
    }
    engine.insert_if_absent(LinearTable::Order, b"order", "placed".into(), None).await.unwrap();
    let (made, _) = back_up(&engine, backup.path(), None, 1).await;
    (backup, made)
}

#[tokio::test]
async fn a_restored_store_takes_new_changes_for_new() {
    for kind in [BaseKind::RowLog, BaseKind::Fjall] {
        let (backup, made) = small_backup(kind).await;
        let (restored, folder) = restored(backup.path(), &made).await;
        assert!(restored.read(LinearTable::Order, b"order").await.unwrap().is_some());
        // In a journal that began with 1 again this would be older than the row says it is.
        add(&restored, 3, 2, "B").await.unwrap();
        assert_eq!(sample::load(&*restored, cart_id(3)).await.unwrap().entries.len(), 2, "{kind:?}");
        drop(restored);
        let reopened = open(&folder.path().join("store"));
        assert_eq!(sample::load(&*reopened, cart_id(3)).await.unwrap().entries.len(), 2, "{kind:?}");
        assert_eq!(reopened.scan(None, 20).await.unwrap().len(), 9);
    }
}

#[tokio::test]
async fn what_is_only_in_the_journal_is_in_the_backup() {
    let (live, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = open(live.path());
    add(&engine, 3, 1, "A").await.unwrap();
    fold(&engine).await;
    add(&engine, 3, 2, "B").await.unwrap();
    // As where the disk has no room for a fold.
    let made = engine.engine.back_up(backup.path(), None, 1, &BackupProgress::default()).unwrap();
    assert!(made.tail.bytes > 0);
    let (restored, _folder) = restored(backup.path(), &made).await;
    assert_eq!(sample::load(&*restored, cart_id(3)).await.unwrap().entries.len(), 2);
}

/// Folds as soon as the base was captured, if nobody keeps it from that.
struct Meddling {
    base: CartsApart,
    engine: Arc<OnceLock<Weak<Engine>>>,
}

impl Base for Meddling {
    fn get(&self, key: &[u8]) -> BaseResult<Option<Vec<u8>>> {
        self.base.get(key)
    }

    fn keys(&self, from: &[u8], end: &[u8], limit: usize) -> BaseResult<Vec<Key>> {
        self.base.keys(from, end, limit)
    }

    fn fold(&self, fill: &mut dyn FnMut(&mut Put<'_>) -> BaseResult<()>) -> BaseResult<()> {
        self.base.fold(fill)
    }

    fn capture(&self) -> BaseResult<Captured> {
        let captured = self.base.capture()?;
        let engine = self.engine.get().and_then(Weak::upgrade).unwrap();
        let is_free = engine.upkeep.try_lock().is_some();
        if is_free {
            engine.fold()?;
        }
        Ok(captured)
    }
}

#[tokio::test]
async fn no_fold_comes_between_the_base_and_the_tail_of_the_journal() {
    let (live, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let known = Arc::new(OnceLock::new());
    let told = Arc::clone(&known);
    let open_base = |dir: &Path| -> BaseResult<Box<dyn Base>> {
        let log = RowLog::open_with(&dir.join("rows"), SEGMENT_BYTES)?;
        let base = CartsApart::over(log, FjallBase::open(&dir.join("base"), 1 << 20)?)?;
        Ok(Box::new(Meddling { base, engine: told }))
    };
    let engine = Embedded::open_inner(live.path(), options(), open_base, |_| Ok(())).unwrap();
    known.set(Arc::downgrade(&engine.engine)).unwrap();
    add(&engine, 3, 1, "A").await.unwrap();
    // The fold would take this away from the journal, and put it where the capture has been.
    let made = engine.engine.back_up(backup.path(), None, 1, &BackupProgress::default()).unwrap();
    let (restored, _folder) = restored(backup.path(), &made).await;
    assert_eq!(sample::load(&*restored, cart_id(3)).await.unwrap().entries.len(), 1);
}

/// Flips a bit of a file, and says what restoring makes of it.
fn restore_flipped(file: &Path, at: usize, backup: &Path, made: &StoreBackup) -> Result<(), BackupError> {
    let whole = fs::read(file).unwrap();
    let mut flipped = whole.clone();
    flipped[at] ^= 16;
    fs::write(file, flipped).unwrap();
    let to = tempfile::tempdir().unwrap();
    let outcome = restore(backup, made, &to.path().join("store"), options()).map(drop);
    fs::write(file, whole).unwrap();
    outcome
}

#[tokio::test]
async fn a_flipped_byte_in_any_file_is_refused_and_so_is_a_missing_one() {
    let (backup, made) = small_backup(BaseKind::RowLog).await;
    let files: Vec<PathBuf> = made.files().map(|file| backup.path().join(&file.name)).collect();
    assert_eq!(files.len(), 3);
    for file in files.iter().filter(|file| file.metadata().unwrap().len() > 0) {
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        for at in [0, 1, length / 3, length / 2, length - 1] {
            let outcome = restore_flipped(file, at, backup.path(), &made);
            assert!(matches!(outcome, Err(BackupError::Damaged { .. })), "{file:?}, byte {at}: {outcome:?}");
        }
    }
    for file in &files {
        let whole = fs::read(file).unwrap();
        fs::remove_file(file).unwrap();
        let to = tempfile::tempdir().unwrap();
        let outcome = restore(backup.path(), &made, &to.path().join("store"), options()).map(drop);
        assert!(matches!(outcome, Err(BackupError::Damaged { .. })), "{file:?}");
        fs::write(file, whole).unwrap();
    }
    restored(backup.path(), &made).await;
}
