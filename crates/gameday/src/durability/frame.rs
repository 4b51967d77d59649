//! The last batch in the journal's files, found from outside by the few bytes that a frame starts with.
//!
//! What always holds: files are only looked at and changed while no server runs. The layout is the journal's of version
//! 1: frames start at multiples of 4 KiB with `magic u32 | checksum u32 | journal u64 | batch u64 | payload bytes u64`,
//! little-endian. Where no frame is found the caller must fail: the layout has changed, and this file must follow.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const MAGIC: u32 = 0x4a56_4531;
const ALIGN: usize = 4096;
const HEADER_BYTES: usize = 32;

/// A frame in a file.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The file.
    pub(super) file: PathBuf,
    /// Where it starts.
    pub(super) offset: u64,
    /// Header and payload, without what fills the last block.
    pub(super) bytes: Vec<u8>,
    batch: u64,
}

impl Frame {
    /// The frame with the greatest batch number in any file of the folder.
    pub(super) fn last_in(folder: &Path) -> Result<Self> {
        Self::last_where(folder, |_| true)
    }

    /// The last one that holds more than its header: an end that was marked is none.
    pub(super) fn last_record_in(folder: &Path) -> Result<Self> {
        Self::last_where(folder, |frame| frame.bytes.len() > HEADER_BYTES)
    }

    fn last_where(folder: &Path, is_meant: impl Fn(&Self) -> bool) -> Result<Self> {
        let mut last: Option<Self> = None;
        for entry in fs::read_dir(folder).with_context(|| format!("`{}` cannot be read", folder.display()))? {
            let file = entry?.path();
            for frame in frames(&file)?.into_iter().filter(&is_meant) {
                if last.as_ref().is_none_or(|last| frame.batch > last.batch) {
                    last = Some(frame);
                }
            }
        }
        last.context("no frame is found in the journal: has its layout changed?")
    }

    /// True when these bytes stand in it.
    pub(super) fn contains(&self, bytes: &[u8]) -> bool {
        self.bytes.windows(bytes.len()).any(|window| window == bytes)
    }

    /// Where the payload starts.
    pub(super) fn payload_from(&self) -> usize {
        HEADER_BYTES
    }

    /// Where the next frame would start.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.bytes.len().next_multiple_of(ALIGN) as u64
    }

    /// The header of the batch after it, as a write that was begun leaves it.
    pub(super) fn next_header(&self) -> Vec<u8> {
        let mut header = self.bytes[..HEADER_BYTES].to_vec();
        header[16..24].copy_from_slice(&(self.batch + 1).to_le_bytes());
        header
    }

    /// Writes over its file, within the file's length.
    pub(super) fn overwrite(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let file =
            OpenOptions::new().write(true).open(&self.file).context("the journal cannot be written to")?;
        let room = file.metadata()?.len().saturating_sub(offset);
        let length = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        file.write_all_at(&bytes[..length], offset).context("the journal cannot be written to")?;
        file.sync_all().context("the journal cannot be synced")
    }
}

fn frames(file: &Path) -> Result<Vec<Frame>> {
    let bytes = fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    let mut found = Vec::new();
    for offset in (0..bytes.len()).step_by(ALIGN) {
        let long =
            |at: usize| Some(u64::from_le_bytes(bytes.get(offset + at..offset + at + 8)?.try_into().ok()?));
        let magic = bytes.get(offset..offset + 4).is_some_and(|word| word == MAGIC.to_le_bytes());
        let (Some(batch), Some(payload), true) = (long(16), long(24), magic) else { continue };
        let length = usize::try_from(payload).unwrap_or(usize::MAX).saturating_add(HEADER_BYTES);
        let Some(whole) = bytes.get(offset..offset.saturating_add(length)) else { continue };
        let (file, offset) = (file.to_owned(), offset as u64);
        found.push(Frame { file, offset, bytes: whole.to_vec(), batch });
    }
    Ok(found)
}

/// The length of a file.
pub(super) fn length(file: &Path) -> Result<u64> {
    Ok(File::open(file)?.metadata()?.len())
}
