//! A disk that does what a test tells it to: fail, write short, wait, run full.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::disk::{Disk, RealDisk, RealFile, SegmentFile, WriteMode};
use crate::{Journal, JournalError, JournalOptions, Recovered, lock};

/// What the next writes to segments do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    Work,
    /// At most one block at a time.
    AreShort,
    /// Those of batches wait until told otherwise; a new segment is filled all the same, whenever its turn comes.
    Hang,
    Fail(io::ErrorKind),
    /// The data arrives, and the answer is an error.
    ArriveAndFail,
}

#[derive(Debug)]
pub(super) struct Controls {
    /// What writes do, and how many are hanging.
    state: Mutex<(Writes, usize)>,
    changed: Condvar,
    pub(super) available: AtomicU64,
    /// No new file finds space.
    pub(super) is_full: AtomicBool,
}

impl Controls {
    pub(super) fn set(&self, writes: Writes) {
        self.state.lock().0 = writes;
        self.changed.notify_all();
    }

    /// Blocks until a write hangs.
    pub(super) fn wait_until_one_hangs(&self) {
        let mut state = self.state.lock();
        while state.1 == 0 {
            self.changed.wait(&mut state);
        }
    }
}

#[derive(Clone)]
pub(super) struct FaultyDisk {
    controls: Arc<Controls>,
}

impl FaultyDisk {
    pub(super) fn open(
        dir: &Path,
        options: JournalOptions,
        available: u64,
    ) -> (Journal, Recovered, Arc<Controls>) {
        Self::open_while(Writes::Work, dir, options, available).unwrap()
    }

    pub(super) fn open_while(
        writes: Writes,
        dir: &Path,
        options: JournalOptions,
        available: u64,
    ) -> Result<(Journal, Recovered, Arc<Controls>), JournalError> {
        let controls = Arc::new(Controls {
            state: Mutex::new((writes, 0)),
            changed: Condvar::new(),
            available: AtomicU64::new(available),
            is_full: AtomicBool::new(false),
        });
        let disk = Self { controls: Arc::clone(&controls) };
        let lock = lock::acquire(dir).unwrap();
        let (journal, recovered) = Journal::open_on(disk, WriteMode::Buffered, lock, dir, options)?;
        Ok((journal, recovered, controls))
    }

    fn wrap(&self, file: io::Result<RealFile>, is_new: bool) -> io::Result<FaultyFile> {
        Ok(FaultyFile { file: file?, is_new, controls: Arc::clone(&self.controls) })
    }
}

pub(super) const REAL: RealDisk = RealDisk { mode: WriteMode::Buffered };

impl Disk for FaultyDisk {
    type File = FaultyFile;

    fn create(&self, path: &Path) -> io::Result<FaultyFile> {
        if self.controls.is_full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.wrap(REAL.create(path), true)
    }

    fn open(&self, path: &Path) -> io::Result<FaultyFile> {
        self.wrap(REAL.open(path), false)
    }

    fn available_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.controls.available.load(Ordering::Relaxed))
    }
}

pub(super) struct FaultyFile {
    file: RealFile,
    /// Being made ready, not written to by the committer yet.
    is_new: bool,
    controls: Arc<Controls>,
}

impl SegmentFile for FaultyFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.controls.state.lock();
        if state.0 == Writes::Hang && !self.is_new {
            state.1 += 1;
            self.controls.changed.notify_all();
            while state.0 == Writes::Hang {
                self.controls.changed.wait(&mut state);
            }
            state.1 -= 1;
        }
        let writes = state.0;
        drop(state);
        match writes {
            Writes::Work | Writes::Hang => self.file.write_at(bytes, offset),
            Writes::AreShort => self.file.write_at(&bytes[..bytes.len().min(4096)], offset),
            Writes::Fail(kind) => Err(kind.into()),
            Writes::ArriveAndFail => {
                self.file.write_at(bytes, offset)?;
                Err(io::Error::other("the answer was lost"))
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
