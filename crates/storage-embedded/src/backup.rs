//! A backup of a store that goes on: the base as it is at a moment, and beside it what the journal has more.
//!
//! ```text
//! back_up   fold → for a moment no fold: segments of the row log by their open files, an iterator over all else, the
//!           journal above the watermark through the last durable batch → copy while everything goes on
//! restore   segments, all else, a journal that numbers on behind that batch → open, take the tail in, fold
//! ```
//! What always holds: a backup is what a crash at its moment would have left, so what was acknowledged before is in it,
//! and no write without those that came before it. A segment never changes once it has its bytes, so it is copied once,
//! whatever number of backups name it. Files of the backup before are not touched; which files count is the caller's
//! word, made durable after them.
//!
//! Deliberately absent: what else a shop needs (its keys), and the index of SKUs, which is made anew.

mod file;
mod pairs;
mod restore;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use storage::error::BoxError;

use crate::Embedded;
use crate::base::Captured;
use crate::base::row_log::CapturedSegment;
use crate::engine::Engine;
use file::{Sink, is_there};

pub use file::BackupFile;
pub use restore::restore;

/// Bytes read and written at once.
const COPY_BYTES: usize = 1 << 20;

/// The files of a store's backup, and what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreBackup {
    /// Which store: segments of one number are the same in two backups of one lineage. A restored store has another.
    pub lineage: u64,
    /// The last batch of the journal that is in it.
    pub through: u64,
    /// Carts that have a row.
    pub carts: u64,
    /// The log of rows, in the order in which its segments were begun.
    pub segments: Vec<SegmentFile>,
    /// What is not in the log of rows.
    pub others: BackupFile,
    /// Records of the journal that are in neither.
    pub tail: BackupFile,
}

/// A segment of the row log in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentFile {
    /// Its number in the log.
    pub number: u64,
    /// Its bytes.
    pub file: BackupFile,
}

/// How far a backup is.
#[derive(Debug, Default)]
pub struct BackupProgress {
    /// Bytes of segments that must be copied; 0 until that is known.
    pub bytes_total: AtomicU64,
    /// Bytes written.
    pub bytes: AtomicU64,
}

/// Why a backup was not made, or cannot be used. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file system refused.
    #[error("cannot {action} `{}`", file.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of the backup is missing or not what was written.
    #[error("`{}` {reason}: this backup cannot be used, take another", file.display())]
    Damaged {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The store cannot be read, or does not open.
    #[error("the store cannot be read or written")]
    Store(#[source] BoxError),
}

impl StoreBackup {
    /// All its files.
    pub fn files(&self) -> impl Iterator<Item = &BackupFile> {
        self.segments.iter().map(|segment| &segment.file).chain([&self.others, &self.tail])
    }
}

/// The store at a moment.
struct Moment {
    through: u64,
    carts: u64,
    captured: Captured,
    tail: BackupFile,
}

impl Embedded {
    /// Writes what is durable now into `dir`, which exists, while everything goes on. Blocks.
    ///
    /// Segments that `before`, an earlier backup in `dir`, has are not copied again. `generation` names the other new
    /// files; it must be none that `before` uses.
    pub fn back_up(
        &self,
        dir: &Path,
        before: Option<&StoreBackup>,
        generation: u64,
        progress: &BackupProgress,
    ) -> Result<StoreBackup, BackupError> {
        // So that little is left in the journal. Where there can be no fold, the journal is what there is.
        if let Err(cause) = self.folder.fold_now() {
            tracing::warn!(error = cause, "a backup begins without a fold");
        }
        self.engine.back_up(dir, before, generation, progress)
    }
}

impl Engine {
    /// The same without a fold first.
    pub(crate) fn back_up(
        &self,
        dir: &Path,
        before: Option<&StoreBackup>,
        generation: u64,
        progress: &BackupProgress,
    ) -> Result<StoreBackup, BackupError> {
        let moment = self.moment(dir, generation)?;
        let Captured { segments, pairs } = moment.captured;
        let lineage = self.journal.id();
        let known = |segment: &CapturedSegment| {
            let name = segment_name(lineage, segment);
            let before = before.map(|before| before.segments.as_slice()).unwrap_or_default();
            before.iter().find(|known| known.file.name == name && is_there(dir, &known.file)).cloned()
        };
        let segments: Vec<_> = segments.into_iter().map(|segment| (known(&segment), segment)).collect();
        let new = segments.iter().filter(|(known, _)| known.is_none());
        progress.bytes_total.store(new.map(|(_, segment)| segment.bytes()).sum(), Ordering::Relaxed);
        let copied = segments.into_iter().map(|(known, segment)| match known {
            Some(known) => Ok(known),
            None => copy_segment(dir, lineage, &segment, progress),
        });
        let segments = copied.collect::<Result<Vec<_>, _>>()?;
        let others = write_pairs(dir, generation, pairs, progress)?;
        sync_dir(dir)?;
        let Moment { through, carts, tail, .. } = moment;
        Ok(StoreBackup { lineage, through, carts, segments, others, tail })
    }

    /// Takes hold of the store as it is now. The tail is written meanwhile: the next fold may take it away.
    fn moment(&self, dir: &Path, generation: u64) -> Result<Moment, BackupError> {
        let _nobody_folds = self.upkeep.lock();
        let captured = self.base.capture().map_err(BackupError::Store)?;
        let carts = self.base.usage().map_or(0, |usage| usage.carts as u64);
        // Behind the base: a row may say that it holds a batch that became durable while it was folded.
        let through = self.journal.durable_through();
        let read = |error: journal::JournalError| BackupError::Store(error.into());
        let batches = self.journal.read_through(through).map_err(read)?;
        let mut sink = Sink::create(dir, format!("tail-{generation}"))?;
        for batch in batches {
            let batch = batch.map_err(read)?;
            for record in batch.records() {
                pairs::write(&mut sink, &batch.number().to_be_bytes(), record)?;
            }
        }
        Ok(Moment { through, carts, captured, tail: sink.finish()? })
    }
}

/// Says all that its bytes depend on.
fn segment_name(lineage: u64, segment: &CapturedSegment) -> String {
    format!("rows-{lineage:016x}-{:010}-{}", segment.number(), segment.bytes())
}

fn copy_segment(
    dir: &Path,
    lineage: u64,
    segment: &CapturedSegment,
    progress: &BackupProgress,
) -> Result<SegmentFile, BackupError> {
    let mut sink = Sink::create(dir, segment_name(lineage, segment))?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = 0;
    while at < segment.bytes() {
        let length = usize::try_from(segment.bytes() - at).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
        segment.read_at(&mut buffer[..length], at).map_err(|error| BackupError::Store(error.into()))?;
        sink.write(&buffer[..length])?;
        at += length as u64;
        progress.bytes.fetch_add(length as u64, Ordering::Relaxed);
    }
    Ok(SegmentFile { number: segment.number(), file: sink.finish()? })
}

fn write_pairs(
    dir: &Path,
    generation: u64,
    pairs: crate::base::Pairs,
    progress: &BackupProgress,
) -> Result<BackupFile, BackupError> {
    let mut sink = Sink::create(dir, format!("others-{generation}"))?;
    for pair in pairs {
        let (key, value) = pair.map_err(BackupError::Store)?;
        pairs::write(&mut sink, &key, &value)?;
    }
    let file = sink.finish()?;
    progress.bytes.fetch_add(file.bytes, Ordering::Relaxed);
    Ok(file)
}

fn io_error(action: &'static str, file: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    move |source| BackupError::Io { action, file: file.into(), source }
}

/// Makes the names in a directory durable.
fn sync_dir(dir: &Path) -> Result<(), BackupError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("sync", dir))
}
