//! Opening: the manifest says what there is, hints and the last segment say where.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::active::Active;
use super::error::io_error;
use super::header::Header;
use super::index::{Index, Update, shard_of};
use super::manifest::Listed;
use super::place::OFFSET_END;
use super::segment::Segment;
use super::{RowLog, RowLogError, hints, manifest};

/// Segments are sealed at this size: many enough to collect a little at a time, few enough to open quickly.
const SEGMENT_BYTES: u64 = OFFSET_END;

impl RowLog {
    /// Opens the log in `dir`, which is created where it is missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, RowLogError> {
        Self::open_with(dir, SEGMENT_BYTES)
    }

    /// The same with segments of another size.
    pub(crate) fn open_with(dir: &Path, segment_bytes: u64) -> Result<Self, RowLogError> {
        std::fs::create_dir_all(dir).map_err(|source| io_error("create", dir, source))?;
        let listed = match manifest::load(dir)? {
            Some(listed) => listed,
            None => begin(dir)?,
        };
        remove_others(dir, &listed)?;
        let mut slots: Vec<Option<Arc<Segment>>> = Vec::new();
        for Listed { number, bytes } in &listed {
            slots.push(Some(Arc::new(Segment::open(dir, *number, *bytes)?)));
        }
        let mut next_number = listed.last().map_or(0, |last| last.number + 1);
        if slots.is_empty() {
            slots.push(Some(Arc::new(Segment::create(dir, next_number, Vec::new())?)));
            next_number += 1;
        }
        let mut shards: Vec<Vec<Update>> = vec![Vec::new(); 256];
        let mut active = None;
        let last = slots.len() - 1;
        for (at, segment) in slots.iter().flatten().enumerate() {
            let slot = u16::try_from(at).map_err(|_| RowLogError::TooMany)?;
            let updates =
                if at == last { scan(dir, segment, slot)? } else { updates_of(dir, segment, slot)? };
            segment.count_removals(updates.iter());
            updates.iter().for_each(|update| shards[shard_of(update.cart)].push(*update));
            if at == last {
                active =
                    Some(Active { slot, segment: Arc::clone(segment), updates, next_number, packer: None });
            }
        }
        #[expect(
            clippy::expect_used,
            reason = "there is at least one segment: it was made above where there was none"
        )]
        let active = Mutex::new(active.expect("a last segment"));
        let index = Index::of_shards(shards);
        let slots = RwLock::new(slots);
        let log = Self { dir: dir.into(), segment_bytes, index, slots, active, sync_dir: manifest::sync_dir };
        log.index.for_each(|place| log.count(place));
        Ok(log)
    }
}

/// A log of nothing. Where there was one before, its manifest is missing: its rows are not taken for leftovers.
fn begin(dir: &Path) -> Result<Vec<Listed>, RowLogError> {
    // The first segment was once made before the manifest.
    let empty = Header::new(0, Vec::new()).bytes();
    for path in files(dir)? {
        let failed = |source| io_error("read", &path, source);
        let is_segment = path.extension().is_some_and(|extension| extension == "rows");
        if is_segment && std::fs::metadata(&path).map_err(failed)?.len() > empty {
            let reason = "it is missing beside segments of rows";
            return Err(RowLogError::Damaged { file: dir.join(manifest::FILE), at: 0, reason });
        }
    }
    manifest::store(dir, &[], manifest::sync_dir)?;
    Ok(Vec::new())
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, RowLogError> {
    let files = std::fs::read_dir(dir).and_then(|files| files.map(|file| Ok(file?.path())).collect());
    files.map_err(|source| io_error("list", dir, source))
}

/// What a sealed segment says, by its hints; where they cannot be used, by its records, and then they are made anew.
pub(super) fn updates_of(dir: &Path, segment: &Segment, slot: u16) -> Result<Vec<Update>, RowLogError> {
    if let Some(updates) = hints::load(dir, segment.number, slot) {
        return Ok(updates);
    }
    tracing::warn!(segment = segment.number, "the hints of a segment cannot be used, and are made anew");
    let updates = scan(dir, segment, slot)?;
    hints::store(dir, segment.number, &updates)?;
    Ok(updates)
}

fn scan(dir: &Path, segment: &Segment, slot: u16) -> Result<Vec<Update>, RowLogError> {
    let mut updates = Vec::new();
    segment.for_each_record(dir, slot, |update| updates.push(update))?;
    Ok(updates)
}

/// Removes what a fold that never ended, or a collection that ended just before the process did, has left.
fn remove_others(dir: &Path, listed: &[Listed]) -> Result<(), RowLogError> {
    let sealed = listed.split_last().map_or(&[][..], |(_, sealed)| sealed);
    let is_listed = |listed: &[Listed], number: u64| listed.iter().any(|segment| segment.number == number);
    for path in files(dir)? {
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        let is_kept = match (number, path.extension().and_then(|extension| extension.to_str())) {
            (Some(number), Some("rows")) => is_listed(listed, number),
            (Some(number), Some("hints")) => is_listed(sealed, number),
            _ => true, // not ours to judge
        };
        if !is_kept {
            std::fs::remove_file(&path).map_err(|source| io_error("remove", &path, source))?;
        }
    }
    Ok(())
}
