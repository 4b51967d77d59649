//! Finding what a journal holds: all intact frames above the watermark, in batch order, without a gap.
//!
//! Batch numbers are dense, so one rule covers torn tails and damage alike: the intact frames above the watermark must
//! be numbered watermark + 1, + 2, … A frame that is not intact and has no intact later one was never acknowledged (or
//! was the very last: the two cannot be told apart, unless an owner that ended well has put a batch of nothing behind it)
//! and ends the journal. With an intact later one, it is damage, and
//! the journal does not open. Frames at or below the watermark are left over from before a segment was recycled.
//!
//! The records themselves are read later, batch by batch, by [`Recovered`].

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::aligned::AlignedBuffer;
use crate::disk::{self, Disk};
use crate::error::JournalError;
use crate::frame::{self, ALIGN, FrameHeader, HEADER_BYTES};
use crate::placement::Occupied;
use crate::segment::{self, FRAMES_FROM, SegmentHeader};

/// An intact frame.
#[derive(Debug, Clone, Copy)]
struct Located {
    batch: u64,
    segment: u32,
    offset: u64,
    payload_bytes: usize,
}

impl Located {
    fn end(&self) -> u64 {
        self.offset + frame::frame_bytes(self.payload_bytes) as u64
    }
}

/// What a directory was found to hold.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) recovered: Recovered,
    /// The journal's id; `None` when there is no segment yet.
    pub(crate) journal: Option<u64>,
    /// Segments with batches above the watermark, in batch order.
    pub(crate) occupied: Vec<Occupied>,
    pub(crate) free: Vec<u32>,
    pub(crate) last_batch: u64,
    /// True when the last batch holds nothing, or there is none.
    pub(crate) is_marked: bool,
    pub(crate) next_segment: u32,
}

/// Looks through all segments. Removes unfinished files and free segments of another size, and writes the last frame again.
pub(crate) fn find(
    disk: &impl Disk,
    dir: &Path,
    segment_bytes: u64,
    watermark: u64,
) -> Result<Found, JournalError> {
    let mut numbers = list_segments(dir).map_err(io_error("list the segments", dir))?;
    numbers.sort_unstable();
    let mut journal = None;
    let mut frames = Vec::new();
    let mut segments = Vec::new();
    for &number in &numbers {
        let segment = Segment::open(dir, number)?;
        let id = segment.header.journal;
        if *journal.get_or_insert(id) != id {
            let reason = "the segment belongs to another journal";
            return Err(JournalError::Corrupt { file: segment::file_name(number), offset: 0, reason });
        }
        segment.scan(watermark, &mut frames).map_err(io_error("read a segment", dir))?;
        segments.push((number, segment.header.segment_bytes == segment_bytes));
    }
    frames.sort_unstable_by_key(|frame| frame.batch);
    check_dense(&frames, watermark)?;
    if let Some(last) = frames.last() {
        rewrite(disk, dir, last).map_err(io_error("write the last batch again", dir))?;
    }
    let occupied = occupied(&frames, &segments);
    let free = free_segments(dir, &segments, &occupied).map_err(io_error("remove a segment", dir))?;
    Ok(Found {
        journal,
        occupied,
        free,
        last_batch: frames.last().map_or(watermark, |frame| frame.batch),
        is_marked: frames.last().is_none_or(|frame| frame.payload_bytes == 0),
        next_segment: numbers.last().map_or(1, |last| last + 1),
        recovered: Recovered::new(dir, journal.unwrap_or(0), frames),
    })
}

/// The batches above the watermark through `through`, of a journal that is open and goes on. Changes nothing.
pub(crate) fn read(
    dir: &Path,
    journal: u64,
    watermark: u64,
    through: u64,
) -> Result<Recovered, JournalError> {
    let mut frames = Vec::new();
    for number in numbers_in(dir).map_err(io_error("list the segments", dir))? {
        let segment = Segment::open(dir, number)?;
        segment.scan(watermark, &mut frames).map_err(io_error("read a segment", dir))?;
    }
    frames.retain(|frame| frame.batch <= through);
    frames.sort_unstable_by_key(|frame| frame.batch);
    check_dense(&frames, watermark)?;
    let last = frames.last().map_or(watermark, |frame| frame.batch);
    if last < through {
        let (file, offset) = frames.last().map_or((0, 0), |frame| (frame.segment, frame.end()));
        let reason = "a batch that is durable cannot be read";
        return Err(JournalError::Corrupt { file: segment::file_name(file), offset, reason });
    }
    Ok(Recovered::new(dir, journal, frames))
}

/// Writes a frame as it stands, durably.
///
/// The last one may be in the page cache alone, left there by a process that was killed or by a sync that failed; of the latter
/// a later sync finds nothing to do, and says that all is well (Rebello et al., 2020). Each before it was made durable before
/// the next was begun.
fn rewrite(disk: &impl Disk, dir: &Path, frame: &Located) -> io::Result<()> {
    let path = segment::path(dir, frame.segment);
    let mut buffer = AlignedBuffer::default();
    let bytes = buffer.slice(frame::frame_bytes(frame.payload_bytes));
    File::open(&path)?.read_exact_at(bytes, frame.offset)?;
    disk::write_durably(&disk.open(&path)?, bytes, frame.offset)
}

fn io_error(action: &'static str, dir: &Path) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Io { action, dir: dir.into(), source }
}

/// The numbers of all segments, without those whose making was cut short, which are removed.
fn list_segments(dir: &Path) -> io::Result<Vec<u32>> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(segment::is_unfinished) {
            std::fs::remove_file(entry.path())?;
        }
    }
    numbers_in(dir)
}

fn numbers_in(dir: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        numbers.extend(entry?.file_name().to_str().and_then(segment::number_of));
    }
    Ok(numbers)
}

struct Segment {
    number: u32,
    file: File,
    header: SegmentHeader,
}

impl Segment {
    fn open(dir: &Path, number: u32) -> Result<Self, JournalError> {
        let read = || -> io::Result<(File, Vec<u8>, u64)> {
            let file = File::open(segment::path(dir, number))?;
            let length = file.metadata()?.len();
            let mut start = vec![0; usize::try_from(length).map_or(ALIGN, |length| length.min(ALIGN))];
            file.read_exact_at(&mut start, 0)?;
            Ok((file, start, length))
        };
        let (file, start, length) = read().map_err(io_error("read a segment", dir))?;
        let header = segment::decode_header(number, &start)?;
        if header.segment_bytes != length {
            let reason = "the segment has another length than its header says";
            return Err(JournalError::Corrupt { file: segment::file_name(number), offset: length, reason });
        }
        Ok(Self { number, file, header })
    }

    /// Adds every intact frame above the watermark. After anything else the search goes on at the next block: what
    /// follows a damaged frame decides whether it was the last.
    fn scan(&self, watermark: u64, frames: &mut Vec<Located>) -> io::Result<()> {
        let mut offset = FRAMES_FROM;
        while offset < self.header.segment_bytes {
            match self.intact_frame(offset, watermark)? {
                Some(frame) => {
                    offset = frame.end();
                    frames.push(frame);
                }
                None => offset += ALIGN as u64,
            }
        }
        Ok(())
    }

    fn intact_frame(&self, offset: u64, watermark: u64) -> io::Result<Option<Located>> {
        let Some((bytes, header)) = read_header(&self.file, self.header.journal, offset)? else {
            return Ok(None);
        };
        let room = self.header.segment_bytes - offset - HEADER_BYTES as u64;
        if header.batch <= watermark || header.payload_bytes > room {
            return Ok(None);
        }
        let Some(payload) = read_payload(&self.file, &bytes, header, offset)? else { return Ok(None) };
        let payload_bytes = payload.len();
        Ok(Some(Located { batch: header.batch, segment: self.number, offset, payload_bytes }))
    }
}

type HeaderBytes = [u8; HEADER_BYTES];

fn read_header(file: &File, journal: u64, offset: u64) -> io::Result<Option<(HeaderBytes, FrameHeader)>> {
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(frame::decode_header(&bytes, journal).map(|header| (bytes, header)))
}

/// The payload, if it matches the checksum. The caller has compared its length with the segment's.
fn read_payload(
    file: &File,
    bytes: &HeaderBytes,
    header: FrameHeader,
    offset: u64,
) -> io::Result<Option<Vec<u8>>> {
    let Ok(length) = usize::try_from(header.payload_bytes) else { return Ok(None) };
    let mut payload = vec![0; length];
    file.read_exact_at(&mut payload, offset + HEADER_BYTES as u64)?;
    Ok(frame::is_intact(bytes, &payload, header).then_some(payload))
}

fn check_dense(frames: &[Located], watermark: u64) -> Result<(), JournalError> {
    let mut before: Option<&Located> = None;
    for frame in frames {
        let expected = before.map_or(watermark, |before| before.batch) + 1;
        if frame.batch != expected {
            return Err(missing_between(before, frame));
        }
        before = Some(frame);
    }
    Ok(())
}

/// Names the place where the batch after `before` must have been, as far as that can be known.
fn missing_between(before: Option<&Located>, after: &Located) -> JournalError {
    let (segment, offset) = match before {
        Some(before) if before.batch == after.batch => (after.segment, after.offset),
        Some(before) if before.segment == after.segment || after.offset == FRAMES_FROM => {
            (before.segment, before.end())
        }
        _ => (after.segment, FRAMES_FROM),
    };
    let reason = "a batch that must be here is damaged or missing, and a later one is intact";
    JournalError::Corrupt { file: segment::file_name(segment), offset, reason }
}

/// `frames` in batch order, so that each segment's are together.
fn occupied(frames: &[Located], segments: &[(u32, bool)]) -> Vec<Occupied> {
    frames
        .chunk_by(|left, right| left.segment == right.segment)
        .filter_map(|frames| frames.last())
        .map(|last| Occupied {
            segment: last.segment,
            end: last.end(),
            last_batch: last.batch,
            reusable: segments.contains(&(last.segment, true)),
        })
        .collect()
}

fn free_segments(dir: &Path, segments: &[(u32, bool)], occupied: &[Occupied]) -> io::Result<Vec<u32>> {
    let mut free = Vec::new();
    for &(number, reusable) in segments {
        if occupied.iter().any(|occupied| occupied.segment == number) {
            continue;
        }
        if reusable {
            free.push(number);
        } else {
            std::fs::remove_file(segment::path(dir, number))?;
        }
    }
    Ok(free)
}

/// The batches that a journal held when it was opened, in order; read from disk one at a time, as the iterator goes.
///
/// Read it before [`crate::Journal::recycle_through`] frees what it points to. After an error it ends.
#[derive(Debug)]
pub struct Recovered {
    dir: PathBuf,
    journal: u64,
    frames: std::vec::IntoIter<Located>,
    file: Option<(u32, File)>,
}

impl Recovered {
    fn new(dir: &Path, journal: u64, frames: Vec<Located>) -> Self {
        Self { dir: dir.into(), journal, frames: frames.into_iter(), file: None }
    }

    /// Number of batches still to come.
    pub fn batches(&self) -> usize {
        self.frames.len()
    }

    /// Bytes of the records still to come, with four more for each.
    pub fn bytes(&self) -> usize {
        self.frames.as_slice().iter().map(|frame| frame.payload_bytes).sum()
    }

    fn read(&mut self, frame: Located) -> Result<RecoveredBatch, JournalError> {
        let io = |source| JournalError::Io { action: "read a batch", dir: self.dir.clone(), source };
        let file = match self.file.take() {
            Some((segment, file)) if segment == frame.segment => file,
            _ => File::open(segment::path(&self.dir, frame.segment)).map_err(io)?,
        };
        let payload = match read_header(&file, self.journal, frame.offset).map_err(io)? {
            Some((bytes, header)) if header.payload_bytes == frame.payload_bytes as u64 => {
                read_payload(&file, &bytes, header, frame.offset).map_err(io)?
            }
            _ => None,
        };
        self.file = Some((frame.segment, file));
        let corrupt = |reason| JournalError::Corrupt {
            file: segment::file_name(frame.segment),
            offset: frame.offset,
            reason,
        };
        let payload = payload.ok_or_else(|| corrupt("the batch changed since the journal was opened"))?;
        if !is_tiled(&payload) {
            return Err(corrupt("the batch's records do not fill it"));
        }
        Ok(RecoveredBatch { number: frame.batch, payload })
    }
}

impl Iterator for Recovered {
    type Item = Result<RecoveredBatch, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.frames.next()?;
        let batch = self.read(frame);
        if batch.is_err() {
            self.frames = Vec::new().into_iter();
        }
        Some(batch)
    }
}

fn is_tiled(mut payload: &[u8]) -> bool {
    while let Some((_, rest)) = frame::split_record(payload) {
        payload = rest;
    }
    payload.is_empty()
}

/// One recovered batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredBatch {
    number: u64,
    payload: Vec<u8>,
}

impl RecoveredBatch {
    /// The number that its records were given when they were enqueued.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its records, in the order in which they were enqueued.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.payload.as_slice();
        std::iter::from_fn(move || {
            let (record, after) = frame::split_record(rest)?;
            rest = after;
            Some(record)
        })
    }
}
