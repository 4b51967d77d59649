//! The one thread that writes batches: take all that queued, one synced write, wake those who waited.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::aligned::AlignedBuffer;
use crate::disk::{Disk, write_durably};
use crate::frame;
use crate::queue::Work;
use crate::segment;
use crate::shared::{FailOnPanic, Shared};

/// Runs until the journal closes (all that is queued is written first) or fails.
pub(crate) fn run<D: Disk>(shared: &Shared, disk: Arc<D>, dir: &Path, journal: u64) {
    let _guard = FailOnPanic(shared);
    let mut writer = Writer { disk, dir, journal, current: None, buffer: AlignedBuffer::default() };
    let mut wakers = Vec::new();
    while let Some(work) = next_work(shared, wakers) {
        let started = Instant::now();
        match writer.write(&work) {
            Ok(()) => {
                shared.set_durable_through(work.batch);
                wakers = shared.queue.lock().finish(work, started.elapsed());
                wakers.drain(..).for_each(Waker::wake);
            }
            Err(cause) => {
                shared.fail(cause);
                return;
            }
        }
    }
}

/// Waits for a batch; `None` when there is none and never will be. `wakers` is an emptied list to be used again.
fn next_work(shared: &Shared, wakers: Vec<Waker>) -> Option<Work> {
    let mut queue = shared.queue.lock();
    queue.keep_wakers(wakers);
    loop {
        if queue.failure().is_some() {
            return None;
        }
        if let Some(work) = queue.take_work() {
            if queue.wants_segment() {
                shared.upkeep.notify_one();
            }
            return Some(work);
        }
        if queue.closing {
            return None;
        }
        shared.work.wait(&mut queue);
    }
}

struct Writer<'a, D: Disk> {
    disk: Arc<D>,
    dir: &'a Path,
    journal: u64,
    current: Option<(u32, D::File)>,
    buffer: AlignedBuffer,
}

impl<D: Disk> Writer<'_, D> {
    fn write(&mut self, work: &Work) -> io::Result<()> {
        let file = match self.current.take() {
            Some((segment, file)) if segment == work.place.segment => file,
            _ => self.disk.open(&segment::path(self.dir, work.place.segment))?,
        };
        let out = self.buffer.slice(frame::frame_bytes(work.payload.len()));
        frame::encode(out, self.journal, work.batch, &work.payload);
        write_durably(&file, out, work.place.offset)?;
        self.current = Some((work.place.segment, file));
        Ok(())
    }
}
