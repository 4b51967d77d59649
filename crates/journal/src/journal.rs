//! The handle of an open journal.

use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use parking_lot::Mutex;

use crate::committer;
use crate::disk::{Disk, RealDisk, WriteMode};
use crate::error::JournalError;
use crate::lock;
use crate::options::JournalOptions;
use crate::placement::Placement;
use crate::queue::Queue;
use crate::recovery::{self, Found, Recovered};
use crate::segment;
use crate::shared::{Shared, wake_all};
use crate::upkeep::Upkeep;
use crate::wait::{Durable, Room};
use crate::watermark::{self, Watermark};

/// Where an enqueued record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The record is durable once this batch is. Rises from record to record.
    pub batch: u64,
}

/// An open journal. Dropping it writes what is queued, ends its two threads and unlocks the directory.
///
/// All methods may be called from any thread; share it in an [`Arc`].
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    id: u64,
    options: JournalOptions,
    mode: WriteMode,
    pub(crate) shared: Arc<Shared>,
    watermark: Mutex<u64>,
    threads: Vec<JoinHandle<()>>,
    /// Released last, when no thread writes any more.
    _lock: File,
}

impl Journal {
    /// Opens the journal in `dir`, which is created where it is missing.
    ///
    /// Recovered are all batches above the watermark. They stay in the journal until [`Self::recycle_through`] says
    /// that they are kept elsewhere.
    pub fn open(dir: &Path, options: JournalOptions) -> Result<(Self, Recovered), JournalError> {
        options.check()?;
        std::fs::create_dir_all(dir).map_err(io_error("create the directory", dir))?;
        let lock = lock::acquire(dir)?;
        let disk = RealDisk::probe(dir).map_err(io_error("write", dir))?;
        let mode = disk.mode;
        Self::open_on(disk, mode, lock, dir, options)
    }

    pub(crate) fn open_on<D: Disk>(
        disk: D,
        mode: WriteMode,
        lock: File,
        dir: &Path,
        options: JournalOptions,
    ) -> Result<(Self, Recovered), JournalError> {
        let watermark = watermark::load(dir)?;
        let batch = watermark.map_or(0, |watermark| watermark.batch);
        let Found { recovered, journal, occupied, free, last_batch, is_marked, next_segment } =
            recovery::find(&disk, dir, options.segment_bytes, batch)?;
        let id = settle_id(journal, watermark)?;
        let placement = Placement::new(options.segment_bytes, occupied, free);
        let mut queue = Queue::new(options, placement, last_batch + 1);
        queue.is_marked = is_marked;
        let shared = Arc::new(Shared::new(queue));
        let disk = Arc::new(disk);
        let upkeep = Upkeep { disk: Arc::clone(&disk), dir: dir.into(), journal: id, options, next_segment };
        let mut journal = Self {
            dir: dir.into(),
            id,
            options,
            mode,
            shared,
            watermark: Mutex::new(batch),
            threads: Vec::new(),
            _lock: lock,
        };
        journal.start(disk, upkeep)?;
        Ok((journal, recovered))
    }

    fn start<D: Disk>(&mut self, disk: Arc<D>, mut upkeep: Upkeep<D>) -> Result<(), JournalError> {
        upkeep.check_space(&self.shared);
        if self.shared.queue.lock().wants_segment() {
            // Without space for one the journal still opens, and takes records once there is.
            upkeep.make_segment(&self.shared);
        }
        let shared = Arc::clone(&self.shared);
        let (dir, id) = (self.dir.clone(), self.id);
        self.spawn("journal-commit", move || committer::run(&shared, disk, &dir, id))?;
        let shared = Arc::clone(&self.shared);
        self.spawn("journal-upkeep", move || upkeep.run(&shared))
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), JournalError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body);
        self.threads.push(thread.map_err(io_error("start a thread", &self.dir))?);
        Ok(())
    }

    /// Queues a record and returns at once; it is acknowledged when [`Self::durable`] of its batch says so.
    ///
    /// Called under a lock of the caller's, the batch numbers rise in the order of the calls. An error means that the
    /// record left no trace.
    pub fn enqueue(&self, record: &[u8]) -> Result<Ticket, JournalError> {
        let now = Instant::now();
        let batch = self.shared.queue.lock().enqueue(now, record)?;
        self.shared.work.notify_one();
        Ok(Ticket { batch })
    }

    /// Numbers the batches of the journal that will open in `dir` from behind `batch` on. For a restore: what is restored
    /// says through which batch it goes, and later ones must not be taken for those.
    ///
    /// An error where `dir` holds a journal already.
    pub fn begin_behind(dir: &Path, batch: u64) -> Result<(), JournalError> {
        std::fs::create_dir(dir).map_err(io_error("create the directory", dir))?;
        watermark::store(dir, Watermark { journal: new_id(), batch })
            .map_err(io_error("store the watermark", dir))
    }

    /// What tells this journal from all others; it never changes.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The batches above the watermark through `batch`, which is durable, while the journal goes on.
    ///
    /// Until they are read nothing may be recycled.
    ///
    /// # Panics
    /// Panics when `batch` is not durable yet.
    pub fn read_through(&self, batch: u64) -> Result<Recovered, JournalError> {
        assert!(batch <= self.durable_through(), "batch {batch} is not durable and cannot be read");
        recovery::read(&self.dir, self.id, *self.watermark.lock(), batch)
    }

    /// Waits until a batch that [`Self::enqueue`] gave out is durable.
    ///
    /// # Panics
    /// Panics when polled for a batch that was never given out.
    pub fn durable(&self, batch: u64) -> Durable<'_> {
        Durable::new(&self.shared, batch)
    }

    /// Waits until a record of this many bytes finds room in a full journal: true, or false after
    /// [`JournalOptions::queue_wait_max`].
    pub fn room(&self, record_bytes: usize) -> Room<'_> {
        Room::new(&self.shared, record_bytes, self.options.queue_wait_max)
    }

    /// Writes a record and waits until it is durable. In a full journal it waits for room first.
    pub async fn append(&self, record: &[u8]) -> Result<Ticket, JournalError> {
        let ticket = match self.enqueue(record) {
            Err(JournalError::Full) if self.room(record.len()).await => self.enqueue(record)?,
            outcome => outcome?,
        };
        self.durable(ticket.batch).await?;
        Ok(ticket)
    }

    /// All batches up to this one are durable. Costs one atomic load.
    pub fn durable_through(&self) -> u64 {
        self.shared.durable_through()
    }

    /// Sends later records to another segment and returns the last batch of those before it.
    ///
    /// The owner then waits for [`Self::durable`] of it, keeps elsewhere what the batches through it say, and calls
    /// [`Self::recycle_through`].
    pub fn rotate(&self) -> u64 {
        let covered = self.shared.queue.lock().rotate();
        self.shared.work.notify_one();
        self.shared.upkeep.notify_one();
        covered
    }

    /// Promises that all batches through `watermark` are kept elsewhere, durably; their segments are written over.
    ///
    /// An error may be retried. What was promised may hold in spite of it; a file that was not removed is found free at
    /// the next open.
    ///
    /// # Panics
    /// Panics when `watermark` is not durable yet.
    pub fn recycle_through(&self, watermark: u64) -> Result<(), JournalError> {
        assert!(watermark <= self.durable_through(), "batch {watermark} is not durable and cannot be folded");
        let mut stored = self.watermark.lock();
        if watermark > *stored {
            watermark::store(&self.dir, Watermark { journal: self.id, batch: watermark })
                .map_err(io_error("store the watermark", &self.dir))?;
            *stored = watermark;
        }
        let mut queue = self.shared.queue.lock();
        let removed = queue.placement.recycle(*stored);
        let waiting = queue.take_room_wakers();
        drop(queue);
        wake_all(waiting);
        self.shared.upkeep.notify_one();
        for segment in removed {
            std::fs::remove_file(segment::path(&self.dir, segment))
                .map_err(io_error("remove a segment", &self.dir))?;
        }
        Ok(())
    }

    /// All batches up to this one are kept elsewhere; 0 where none is.
    pub fn recycled_through(&self) -> u64 {
        *self.watermark.lock()
    }

    /// Says that the owner ends well: what is durable is followed by a batch of nothing, so that damage to the last
    /// record is found at the next open, and not taken for a write that was cut short. The journal may go on after it.
    ///
    /// Returns the last batch, which may not be durable yet.
    pub fn mark_end(&self) -> u64 {
        let mut queue = self.shared.queue.lock();
        queue.mark_end(Instant::now());
        let last = queue.last_batch();
        drop(queue);
        self.shared.work.notify_one();
        last
    }

    /// Segments that hold batches above the watermark. Fold when it comes near [`Self::segments_max`].
    pub fn segments_used(&self) -> usize {
        self.shared.queue.lock().placement.segments_used()
    }

    /// The greatest number of segments, as configured.
    pub fn segments_max(&self) -> usize {
        self.options.segments_max
    }

    /// Bytes of batches above the watermark on disk, padding included.
    pub fn used_bytes(&self) -> u64 {
        self.shared.queue.lock().placement.used_bytes()
    }

    /// True once a write has failed: nothing more is taken until the journal is opened again.
    pub fn is_failed(&self) -> bool {
        self.shared.queue.lock().failure().is_some()
    }

    /// True while records are refused because the file system has no room: it is below the floor, or has none for
    /// another segment that is needed. Ends by itself when there is room again.
    pub fn is_out_of_space(&self) -> bool {
        self.shared.queue.lock().is_out_of_space()
    }

    /// How writes become durable on this file system.
    pub fn write_mode(&self) -> WriteMode {
        self.mode
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has failed the journal already.
            let _ = thread.join();
        }
    }
}

fn io_error(action: &'static str, dir: &Path) -> impl FnOnce(std::io::Error) -> JournalError {
    move |source| JournalError::Io { action, dir: dir.into(), source }
}

/// The id in segments and watermark, which must agree; else a new one.
fn settle_id(segments: Option<u64>, watermark: Option<Watermark>) -> Result<u64, JournalError> {
    match (segments, watermark) {
        (Some(id), Some(watermark)) if id != watermark.journal => Err(JournalError::Corrupt {
            file: "watermark".to_owned(),
            offset: 0,
            reason: "the watermark belongs to another journal",
        }),
        (Some(id), _) => Ok(id),
        (None, Some(watermark)) => Ok(watermark.journal),
        (None, None) => Ok(new_id()),
    }
}

/// Seeded by the operating system.
fn new_id() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}
