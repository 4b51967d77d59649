//! Segment files: their names, their header, and how one is made.
//!
//! A segment is filled with zeros before its name exists, so that later writes never change the file's size or its
//! extents: on ext4 that is worth more than twice the syncs a second of appending. Its header is written once; a
//! recycled segment keeps it, and its old frames too (their batch numbers are at or below the watermark).
//!
//! ```text
//! magic [8] | version u32 | crc u32 | journal id u64 | segment bytes u64     little-endian; frames from byte 4096 on
//! ```
//! Magic, version and checksum keep their places in all versions, so that a flipped bit is not taken for a version.

use std::io;
use std::path::{Path, PathBuf};

use crate::aligned::AlignedBuffer;
use crate::disk::{Disk, SegmentFile, sync_dir, write_durably};
use crate::error::JournalError;
use crate::frame::ALIGN;

/// The newest version that this code reads, and the one it writes.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"evcsegmt";
const HEADER_BYTES: usize = 32;
const ZEROS_AT_ONCE: usize = 1 << 20;
/// Where the first frame of a segment starts.
pub(crate) const FRAMES_FROM: u64 = ALIGN as u64;

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) journal: u64,
    pub(crate) segment_bytes: u64,
}

/// Name of a segment file inside the journal's directory.
pub(crate) fn file_name(number: u32) -> String {
    format!("segment-{number:08}")
}

pub(crate) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(file_name(number))
}

/// The number in a segment's file name; `None` for any other file.
pub(crate) fn number_of(file_name: &str) -> Option<u32> {
    file_name.strip_prefix("segment-")?.parse().ok()
}

/// True for the name of a segment whose making was cut short.
pub(crate) fn is_unfinished(file_name: &str) -> bool {
    file_name.starts_with("segment-") && file_name.ends_with(".new")
}

/// Makes a segment: zeros and header first, then its name. A failure leaves at most an unfinished file behind.
pub(crate) fn create<D: Disk>(disk: &D, dir: &Path, number: u32, header: SegmentHeader) -> io::Result<()> {
    let unfinished = dir.join(format!("{}.new", file_name(number)));
    let made = fill(disk, &unfinished, header)
        .and_then(|()| std::fs::rename(&unfinished, path(dir, number)))
        .and_then(|()| sync_dir(dir));
    if made.is_err() {
        // Best effort: the next open removes what is left.
        let _ = std::fs::remove_file(&unfinished);
    }
    made
}

fn fill<D: Disk>(disk: &D, path: &Path, header: SegmentHeader) -> io::Result<()> {
    let file = disk.create(path)?;
    let mut buffer = AlignedBuffer::default();
    let mut offset = 0;
    while offset < header.segment_bytes {
        let length = usize::try_from(header.segment_bytes - offset)
            .map_or(ZEROS_AT_ONCE, |left| left.min(ZEROS_AT_ONCE));
        write_durably(&file, buffer.slice(length), offset)?;
        offset += length as u64;
    }
    let block = buffer.slice(ALIGN);
    encode_header(block, header);
    write_durably(&file, block, 0)?;
    file.sync()?;
    // Direct and data-only syncs may leave the size to be written later.
    std::fs::File::open(path)?.sync_all()
}

fn encode_header(out: &mut [u8], header: SegmentHeader) {
    out[..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[16..24].copy_from_slice(&header.journal.to_le_bytes());
    out[24..32].copy_from_slice(&header.segment_bytes.to_le_bytes());
    let crc = header_crc(&out[..HEADER_BYTES]);
    out[12..16].copy_from_slice(&crc.to_le_bytes());
}

fn header_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..HEADER_BYTES])
}

/// Reads and checks the header of segment `number`, given the first bytes of its file.
pub(crate) fn decode_header(number: u32, bytes: &[u8]) -> Result<SegmentHeader, JournalError> {
    let corrupt = |reason| JournalError::Corrupt { file: file_name(number), offset: 0, reason };
    let Some((header, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(corrupt("the segment's header is cut off"));
    };
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
    if header[..8] != MAGIC {
        return Err(corrupt("the segment's header does not start as one"));
    }
    if word(12) != header_crc(header) {
        return Err(corrupt("the segment's header does not match its checksum"));
    }
    if word(8) > VERSION {
        return Err(JournalError::NewerFormat { file: file_name(number), found: word(8), known: VERSION });
    }
    Ok(SegmentHeader { journal: long(16), segment_bytes: long(24) })
}
