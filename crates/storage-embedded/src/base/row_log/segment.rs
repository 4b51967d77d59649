//! A segment: a file of records, written front to back once, read at any place, removed as a whole.
//!
//! A header (`super::header`), then records (`super::record`) whose rows are packed under the dictionary in the header.
//! The manifest says how many bytes of it count. What a fold that never ended has left behind them is cut off when
//! the log opens.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::{Errno, ReadWriteFlags};
use storage::cart::CartId;

use super::error::{RowLogError, io_error};
use super::header::Header;
use super::index::Update;
use super::packing::{Packer, Unpacker};
use super::place::Place;
use super::record::{self, HEAD_BYTES, Head, REMOVAL_BYTES, StoredRow};

/// Bytes read at a time when a segment is gone through.
const SCAN_BYTES: usize = 1 << 20;

/// An open segment.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) file: File,
    /// Where its first record begins.
    pub(super) start: u64,
    /// True of an earlier version of the format: it takes no more rows.
    pub(super) is_old: bool,
    unpacker: Unpacker,
    /// Durable bytes, the header included.
    pub(super) bytes: AtomicU64,
    /// Bytes of records that are the newest of their carts.
    pub(super) live: AtomicU64,
    /// Bytes of removals: what older segments may hold of those carts must stay removed.
    pub(super) removals: AtomicU64,
}

pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.rows"))
}

impl Segment {
    /// A new file, empty but for its header.
    pub(super) fn create(dir: &Path, number: u64, dictionary: Vec<u8>) -> Result<Self, RowLogError> {
        let path = path(dir, number);
        let failed = |source| io_error("create", &path, source);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(failed)?;
        let header = Header::new(number, dictionary);
        file.write_all_at(&header.encode(), 0).map_err(failed)?;
        Self::of(&path, number, file, &header, header.bytes())
    }

    /// A file of which `bytes` count; the rest is cut off.
    pub(super) fn open(dir: &Path, number: u64, bytes: u64) -> Result<Self, RowLogError> {
        let path = path(dir, number);
        let failed = |source| io_error("open", &path, source);
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        if length < bytes {
            let reason = "it is shorter than it was when it was last written";
            return Err(RowLogError::Damaged { file: path, at: 0, reason });
        }
        let header = Header::load(&file, &path, number, bytes)?;
        if length > bytes {
            file.set_len(bytes).map_err(failed)?;
        }
        Self::of(&path, number, file, &header, bytes)
    }

    fn of(path: &Path, number: u64, file: File, header: &Header, bytes: u64) -> Result<Self, RowLogError> {
        let (live, removals) = (AtomicU64::new(0), AtomicU64::new(0));
        let (start, is_old) = (header.bytes(), header.is_old());
        let reason = "zstd cannot use its dictionary";
        let unusable = || RowLogError::Damaged { file: path.to_owned(), at: 0, reason };
        let unpacker = Unpacker::new(&header.dictionary).ok_or_else(unusable)?;
        Ok(Self { number, file, start, is_old, unpacker, bytes: AtomicU64::new(bytes), live, removals })
    }

    /// What packs rows for this segment.
    pub(super) fn packer(&self, dir: &Path) -> Result<Packer, RowLogError> {
        let header = Header::load(&self.file, &path(dir, self.number), self.number, self.durable_bytes())?;
        Packer::new(&header.dictionary)
    }

    /// The row of `cart` in a record of this segment; `None` where the record is damaged, or another's.
    pub(super) fn row_of(&self, cart: CartId, record: &[u8]) -> Option<Vec<u8>> {
        match record::row_of(cart, record)? {
            StoredRow::Plain(row) => Some(row.to_vec()),
            StoredRow::Packed(packed) => self.unpacker.unpack(cart, packed),
        }
    }

    /// The bytes of a record, from wherever they are.
    pub(super) fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut record = buffer(place);
        self.file.read_exact_at(&mut record, place.offset())?;
        Ok(record)
    }

    /// The bytes of a record, if the page cache holds them: never waits for a disk.
    pub(super) fn read_cached(&self, place: Place) -> io::Result<Option<Vec<u8>>> {
        let mut record = buffer(place);
        let read = {
            let mut buffers = [IoSliceMut::new(&mut record)];
            rustix::io::preadv2(&self.file, &mut buffers, place.offset(), ReadWriteFlags::NOWAIT)
        };
        match read {
            Ok(read) if read == record.len() => Ok(Some(record)),
            // Part of it, nothing of it, or a file system that cannot say.
            Ok(_) | Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn durable_bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts those of the updates that are removals.
    pub(super) fn count_removals<'a>(&self, updates: impl Iterator<Item = &'a Update>) {
        let removals = updates.filter(|update| update.place.is_none()).count() as u64;
        self.removals.fetch_add(removals * REMOVAL_BYTES, Ordering::Relaxed);
    }

    /// Bytes that a collection would have to copy, at most.
    pub(super) fn needed_bytes(&self, is_oldest: bool) -> u64 {
        let removals = if is_oldest { 0 } else { self.removals.load(Ordering::Relaxed) };
        self.live.load(Ordering::Relaxed) + removals
    }

    /// Calls `act` with each record, in order. A head that cannot be read ends it with an error: where the next record
    /// begins is not known then.
    pub(super) fn for_each_record(
        &self,
        dir: &Path,
        slot: u16,
        mut act: impl FnMut(Update),
    ) -> Result<(), RowLogError> {
        let path = path(dir, self.number);
        let (mut at, end) = (self.start, self.durable_bytes());
        let mut chunk = Chunk::default();
        while at < end {
            let bytes = chunk.at(&self.file, at, end);
            let bytes = bytes.map_err(|source| RowLogError::Unreadable { file: path.clone(), source })?;
            let head = Head::read(bytes).filter(|head| at + head.record_bytes() <= end);
            let Some(head) = head else {
                let reason = "a record's head does not match its checksum";
                return Err(RowLogError::Damaged { file: path, at, reason });
            };
            let place = Place::new(slot, at, head.record_bytes());
            act(Update { cart: head.cart, place: head.has_row().then_some(place) });
            at += head.record_bytes();
        }
        Ok(())
    }
}

/// What was read last of a file that is gone through.
#[derive(Default)]
struct Chunk {
    start: u64,
    bytes: Vec<u8>,
}

impl Chunk {
    /// Bytes at `at`, as many as a head has where the file goes on that far.
    fn at(&mut self, file: &File, at: u64, end: u64) -> io::Result<&[u8]> {
        let known = at.checked_sub(self.start).and_then(|skipped| usize::try_from(skipped).ok());
        if known.is_none_or(|skipped| self.bytes.len() < skipped + HEAD_BYTES) {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(SCAN_BYTES);
            self.bytes.resize(wanted, 0);
            file.read_exact_at(&mut self.bytes, at)?;
            self.start = at;
        }
        let skipped = usize::try_from(at - self.start).unwrap_or(0);
        Ok(&self.bytes[skipped..])
    }
}

fn buffer(place: Place) -> Vec<u8> {
    vec![0; usize::try_from(place.bytes()).unwrap_or(0)] // below 256 MiB
}
