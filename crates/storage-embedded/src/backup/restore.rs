//! From a backup to a store: files checked as they are copied, then opened, and the journal's tail folded.
//!
//! Nothing of the target counts before this ends well: it is the caller's to put in its place.

use std::fs::{File, OpenOptions, create_dir};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use journal::Journal;
use storage::error::BoxError;

use super::pairs::PairsFile;
use super::{BackupError, SegmentFile, StoreBackup, io_error, sync_dir};
use crate::base::{Base, FjallBase, row_log};
use crate::engine::Engine;
use crate::{Embedded, EmbeddedOptions, open_base};

/// Makes a store in `to`, which must not exist, of a backup in `from`, and opens it. Blocks.
pub fn restore(
    from: &Path,
    backup: &StoreBackup,
    to: &Path,
    options: EmbeddedOptions,
) -> Result<Arc<Embedded>, BackupError> {
    let (others, tail) = (PairsFile::check(from, &backup.others)?, PairsFile::check(from, &backup.tail)?);
    create_dir(to).map_err(io_error("create", to))?;
    restore_rows(from, &backup.segments, &to.join("rows"))?;
    restore_others(&others, &to.join("base"), &options).map_err(BackupError::Store)?;
    // Rows say through which batch they go. Numbered from 1 again, new changes would be taken for those, and dropped.
    Journal::begin_behind(&to.join("journal"), backup.through)
        .map_err(|error| BackupError::Store(error.into()))?;
    sync_dir(to)?;
    let engine = Embedded::open_inner(
        to,
        options,
        |dir| open_base(dir, &options),
        |engine| take_in(engine, &tail, backup.through),
    );
    let engine = engine.map_err(BackupError::Store)?;
    engine.fold().map_err(|error| BackupError::Store(error.into()))?;
    Ok(engine)
}

fn restore_rows(from: &Path, segments: &[SegmentFile], rows: &Path) -> Result<(), BackupError> {
    create_dir(rows).map_err(io_error("create", rows))?;
    for segment in segments {
        let path = row_log::segment_path(rows, segment.number);
        let mut out = create_file(&path)?;
        segment.file.read(from, |piece| out.write_all(piece).map_err(io_error("write", &path)))?;
        out.sync_all().map_err(io_error("sync", &path))?;
    }
    let listed: Vec<(u64, u64)> =
        segments.iter().map(|segment| (segment.number, segment.file.bytes)).collect();
    row_log::make(rows, &listed).map_err(|error| BackupError::Store(error.into()))
}

fn create_file(path: &Path) -> Result<File, BackupError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(io_error("create", path))
}

fn restore_others(others: &PairsFile, base: &Path, options: &EmbeddedOptions) -> Result<(), BoxError> {
    let base = FjallBase::open(base, options.base_cache_bytes)?;
    let mut pairs = others.pairs()?;
    base.fold(&mut |put| {
        pairs.try_for_each(|pair| {
            let (key, value) = pair?;
            put(&key, Some(&value))
        })
    })
}

/// What the journal had beyond the base comes back as it does after a crash: what a row has already is not joined twice.
fn take_in(engine: &Engine, tail: &PairsFile, through: u64) -> Result<(), BoxError> {
    for pair in tail.pairs()? {
        let (batch, record) = pair?;
        let batch = u64::from_be_bytes(batch.as_slice().try_into()?);
        if batch > through {
            return Err("a record of the backup is behind its end".into());
        }
        engine.take_in(batch, &record)?;
    }
    Ok(())
}
