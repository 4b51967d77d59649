//! The yardstick of the disk: 4 KiB written over and synced, one at a time, in a file whose blocks are all there.

use crate::row::{Latency, rate};
use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use rustix::fs::OFlags;
use serde::Serialize;
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    time::{Duration, Instant},
};

const BLOCK: usize = 4096;
const BLOCKS: u64 = 16 * 1024;

/// What was seen.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sync {
    /// Written and then synced with `fdatasync`, a second.
    pub(crate) fdatasync_per_second: f64,
    pub(crate) fdatasync: Latency,
    /// Written with `O_DIRECT` and `O_DSYNC`, a second; none where the file system refuses.
    pub(crate) direct_per_second: Option<f64>,
    pub(crate) direct: Option<Latency>,
}

/// Runs both for so long, in a file in `folder`.
pub(crate) fn run(folder: &Path, duration: Duration) -> Result<Sync> {
    let path = folder.join("sync");
    let zeroes = vec![0; BLOCK];
    let file = File::create(&path)?;
    (0..BLOCKS).try_for_each(|block| file.write_all_at(&zeroes, block * BLOCK as u64))?;
    file.sync_all()?;
    let (fdatasync_per_second, fdatasync) = overwrite(&file, duration, |file| file.sync_data())?;
    let flags = OFlags::DIRECT | OFlags::DSYNC;
    let direct = OpenOptions::new().write(true).custom_flags(i32::try_from(flags.bits())?).open(&path);
    let direct = direct.and_then(|file| overwrite(&file, duration, |_| Ok(()))).ok();
    fs::remove_file(&path).context("the file cannot be removed")?;
    let (direct_per_second, direct) = direct.unzip();
    Ok(Sync { fdatasync_per_second, fdatasync, direct_per_second, direct })
}

fn overwrite(
    file: &File,
    duration: Duration,
    sync: impl Fn(&File) -> std::io::Result<()>,
) -> std::io::Result<(f64, Latency)> {
    // Direct writes want memory that is aligned as blocks are.
    let memory = vec![1; 2 * BLOCK];
    let from = memory.as_ptr().align_offset(BLOCK).min(BLOCK);
    let block = &memory[from..from + BLOCK];
    let mut histogram = Histogram::new(3).map_err(std::io::Error::other)?;
    let start = Instant::now();
    let mut written = 0;
    while start.elapsed() < duration {
        let begun = Instant::now();
        file.write_all_at(block, written % BLOCKS * BLOCK as u64)?;
        sync(file)?;
        histogram.saturating_record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX).max(1));
        written += 1;
    }
    Ok((rate(written, start.elapsed()), Latency::of(&histogram)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_measured_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let sync = run(folder.path(), Duration::from_millis(50)).unwrap();
        assert!(sync.fdatasync_per_second > 0.0 && sync.fdatasync.max_ms > 0.0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
