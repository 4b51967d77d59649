//! The thread beside the committer: makes the next segment ready, watches free space, ends waits for room.
//!
//! Making a segment means writing it full of zeros: done ahead of need, so that the committer never waits for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::disk::{self, Disk};
use crate::options::JournalOptions;
use crate::segment::{self, SegmentHeader};
use crate::shared::{FailOnPanic, Shared, wake_all};

/// With no room and no segment coming, how long until the next try to make one.
const RETRY: Duration = Duration::from_millis(100);

pub(crate) struct Upkeep<D> {
    pub(crate) disk: Arc<D>,
    pub(crate) dir: PathBuf,
    pub(crate) journal: u64,
    pub(crate) options: JournalOptions,
    /// Greater than any number in use.
    pub(crate) next_segment: u32,
}

impl<D: Disk> Upkeep<D> {
    /// Runs until the journal closes or fails.
    pub(crate) fn run(mut self, shared: &Shared) {
        let _guard = FailOnPanic(shared);
        let mut check_at = Instant::now() + self.options.disk_check_interval;
        let mut make_at = Instant::now();
        loop {
            let now = Instant::now();
            let mut queue = shared.queue.lock();
            if queue.closing || queue.failure().is_some() {
                return;
            }
            let late = queue.take_late_room_wakers(now);
            let wants_segment = queue.wants_segment();
            if late.is_empty() && now < check_at && !(wants_segment && now >= make_at) {
                let make_at = wants_segment.then_some(make_at);
                let until =
                    [queue.room_deadline(), make_at].into_iter().flatten().fold(check_at, Instant::min);
                shared.upkeep.wait_until(&mut queue, until);
                continue;
            }
            drop(queue);
            wake_all(late);
            if now >= check_at {
                self.check_space(shared);
                check_at = now + self.options.disk_check_interval;
            }
            if wants_segment && now >= make_at && !self.make_segment(shared) {
                make_at = now + RETRY;
            }
        }
    }

    /// Looks at the free space; returns it. An error of the check itself counts as no space.
    pub(crate) fn check_space(&self, shared: &Shared) -> u64 {
        if self.options.disk_free_bytes_min == 0 {
            return u64::MAX;
        }
        let available = self.disk.available_bytes(&self.dir).unwrap_or(0);
        shared.queue.lock().set_available(available);
        available
    }

    /// Makes one segment ready. False when there is no space for it; any other error fails the journal.
    pub(crate) fn make_segment(&mut self, shared: &Shared) -> bool {
        let is_made = self.try_segment(shared);
        shared.queue.lock().segment_refused = !is_made;
        is_made
    }

    fn try_segment(&mut self, shared: &Shared) -> bool {
        let available = self.check_space(shared);
        if available < self.options.disk_free_bytes_min.saturating_add(self.options.segment_bytes) {
            return false;
        }
        let header = SegmentHeader { journal: self.journal, segment_bytes: self.options.segment_bytes };
        let number = self.next_segment;
        match segment::create(&*self.disk, &self.dir, number, header) {
            Ok(()) => {
                self.next_segment += 1;
                let mut queue = shared.queue.lock();
                queue.placement.add_free(number);
                let waiting = queue.take_room_wakers();
                drop(queue);
                wake_all(waiting);
                true
            }
            Err(error) if disk::is_full(&error) => false,
            Err(error) => {
                shared.fail(error);
                false
            }
        }
    }
}
