//! The thread that folds when it is time, and for whoever asks.
//!
//! A fold that fails ends all writing: what it did not write is in the journal, and comes back at the next open.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::engine::Engine;

/// How often it looks whether it is time.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(crate) struct Folder {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    orders: Mutex<Orders>,
    changed: Condvar,
}

#[derive(Default)]
struct Orders {
    closing: bool,
    /// Folds asked for, and the last of them that a finished fold covers.
    asked: u64,
    done: u64,
    /// Why there will be no more folds.
    failed: Option<String>,
}

impl Folder {
    pub(crate) fn start(engine: &Arc<Engine>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { orders: Mutex::default(), changed: Condvar::new() });
        let (engine, orders) = (Arc::clone(engine), Arc::clone(&shared));
        let thread = thread::Builder::new().name("fold".to_owned()).spawn(move || orders.run(&engine))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits for a fold that starts now or later.
    pub(crate) fn fold_now(&self) -> Result<(), String> {
        let mut orders = self.shared.orders.lock();
        orders.asked += 1;
        let mine = orders.asked;
        self.shared.changed.notify_all();
        while orders.done < mine {
            if let Some(cause) = &orders.failed {
                return Err(cause.clone());
            }
            self.shared.changed.wait(&mut orders);
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.shared.orders.lock().closing = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, engine: &Engine) {
        let ended = EndOnPanic { shared: self, engine };
        while let Some(asked) = self.next(engine) {
            if let Err(cause) = engine.fold() {
                engine.fail(&*cause);
                self.end(engine.failure().unwrap_or_default());
                break;
            }
            self.orders.lock().done = asked;
            self.changed.notify_all();
        }
        drop(ended);
    }

    /// Waits until a fold is due; returns the orders that it covers, or `None` at the end.
    fn next(&self, engine: &Engine) -> Option<u64> {
        let mut orders = self.orders.lock();
        loop {
            if orders.closing {
                return None;
            }
            let is_ordered = orders.asked > orders.done;
            if is_ordered || (engine.failure().is_none() && engine.wants_fold()) {
                return Some(orders.asked);
            }
            self.changed.wait_for(&mut orders, LOOK_EVERY);
        }
    }

    fn end(&self, cause: String) {
        self.orders.lock().failed = Some(cause);
        self.changed.notify_all();
    }
}

/// A bug in a fold must not leave the engine taking writes that nobody folds.
struct EndOnPanic<'a> {
    shared: &'a Shared,
    engine: &'a Engine,
}

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.engine.fail(&std::io::Error::other("a fold panicked"));
            self.shared.end("a fold panicked".to_owned());
        }
    }
}
