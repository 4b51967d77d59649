//! The few threads that read the base, which may block them for as long as a fold takes to finish.
//!
//! Threads of their own, and few: a pool that grows with the number of waiting readers would fight the event loop for
//! the cores. They end with the engine, so that a closed engine has let go of its directory.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use storage::StoreError;
use storage::error::Result;
use tokio::sync::oneshot;

/// Enough to keep a disk busy while some of them wait for memory.
const THREADS: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

/// Hands reads over. Its clones share one queue.
#[derive(Clone, Default)]
pub(crate) struct Readers {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closing: bool,
}

/// Keeps the threads; dropping it ends them.
pub(crate) struct ReaderThreads {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(&self) -> std::io::Result<ReaderThreads> {
        let mut started = ReaderThreads { queue: Arc::clone(&self.queue), threads: Vec::new() };
        for _ in 0..THREADS {
            let queue = Arc::clone(&self.queue);
            started
                .threads
                .push(thread::Builder::new().name("base-read".to_owned()).spawn(move || queue.run())?);
        }
        Ok(started)
    }

    /// Runs `read` on one of the threads.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // Whoever asked may have gone away: where a disk is slow, all may have, and are not to be waited for.
            if !answer.is_closed() {
                let _ = answer.send(read());
            }
        });
        self.queue.waiting.lock().jobs.push_back(job);
        self.queue.changed.notify_one();
        answered.await.map_err(|gone| StoreError::Unavailable(gone.into()))
    }
}

impl Queue {
    fn run(&self) {
        while let Some(job) = self.next() {
            // A bug in one read must not leave the others without a thread; its caller hears that it is gone.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(job));
        }
    }

    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.closing {
                return None;
            }
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            self.changed.wait(&mut waiting);
        }
    }
}

impl Drop for ReaderThreads {
    fn drop(&mut self) {
        self.queue.waiting.lock().closing = true;
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            // It catches what its reads may throw.
            let _ = thread.join();
        }
        // What nobody will run holds the engine.
        let abandoned = std::mem::take(&mut self.queue.waiting.lock().jobs);
        drop(abandoned);
    }
}
