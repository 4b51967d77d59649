//! The thread that folds when it is time and for whoever asks, and then gives space back.
//!
//! A fold that fails ends all writing: what it did not write is in the journal, and comes back at the next open. One that
//! finds no room on the disk is tried again: the journal takes what it can meanwhile, and reads go on.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use storage::error::BoxError;

use crate::engine::Engine;
use crate::meter;

/// How often it looks whether it is time.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// After a full disk, or with rows that cannot be read, until the next try.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Without a write for so long, what is left in the journal is folded, so that the next open has little to read.
const IDLE_AFTER: Duration = Duration::from_secs(5);

/// How often the gauges are set.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Space is given back when less than this share of what carts use counts: under load, and when there is time.
const LIVE_PERCENT_MIN: u64 = 60;
const LIVE_PERCENT_MIN_IDLE: u64 = 85;

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
    /// The last that found no room, and what was said.
    full: Option<(u64, String)>,
    /// Why there will be no more folds.
    failed: Option<String>,
}

/// What there is to do.
enum Due {
    /// A fold that covers these orders.
    Fold(u64),
    /// Nobody writes: give space back.
    Tidy,
}

/// Since when the journal has not grown.
struct Quiet {
    journal_bytes: u64,
    since: Instant,
}

/// Shows the gauges from time to time.
struct Shown(Instant);

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
            let full = orders.full.as_ref().filter(|(asked, _)| *asked >= mine).map(|(_, cause)| cause);
            if let Some(cause) = orders.failed.as_ref().or(full) {
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
        let mut quiet = Quiet { journal_bytes: 0, since: Instant::now() };
        let mut shown = Shown(Instant::now());
        while let Some(due) = self.next(engine, &mut quiet, &mut shown) {
            let outcome = match due {
                Due::Fold(asked) => self.fold(engine, asked),
                Due::Tidy => engine.collect(LIVE_PERCENT_MIN_IDLE).map(drop),
            };
            match outcome {
                Ok(()) => {}
                Err(cause) if is_full(&*cause) => self.wait_for_room(&due, &*cause),
                Err(cause) => {
                    engine.fail(&*cause);
                    self.end(engine.failure().unwrap_or_default());
                    break;
                }
            }
        }
        drop(ended);
    }

    fn fold(&self, engine: &Engine, asked: u64) -> Result<(), BoxError> {
        let started = Instant::now();
        engine.fold()?;
        meter::folded(started.elapsed());
        self.orders.lock().done = asked;
        self.changed.notify_all();
        if engine.wants_fold() && !engine.quarantine.lock().is_empty() {
            // It may want what is in quarantine, again and again.
            self.rest();
        }
        while !engine.wants_fold() && !self.orders.lock().closing && engine.collect(LIVE_PERCENT_MIN)? {}
        Ok(())
    }

    /// Waits until something is due, or the end: `None`.
    fn next(&self, engine: &Engine, quiet: &mut Quiet, shown: &mut Shown) -> Option<Due> {
        let mut orders = self.orders.lock();
        loop {
            if orders.closing {
                return None;
            }
            let is_ordered = orders.asked > orders.done;
            if is_ordered || (engine.failure().is_none() && engine.wants_fold()) {
                return Some(Due::Fold(orders.asked));
            }
            if quiet.has_lasted(engine) {
                return Some(if engine.journal.used_bytes() > 0 {
                    Due::Fold(orders.asked)
                } else {
                    Due::Tidy
                });
            }
            shown.again(engine);
            self.changed.wait_for(&mut orders, LOOK_EVERY);
        }
    }

    fn wait_for_room(&self, due: &Due, cause: &(dyn Error + Send + Sync + 'static)) {
        tracing::warn!(error = cause as &dyn Error, "the disk has no room for a fold, which is tried again");
        let mut orders = self.orders.lock();
        if let Due::Fold(asked) = due {
            orders.full = Some((*asked, format!("the disk has no room for a fold: {cause}")));
            self.changed.notify_all();
        }
        drop(orders);
        self.rest();
    }

    fn rest(&self) {
        let mut orders = self.orders.lock();
        if !orders.closing {
            self.changed.wait_for(&mut orders, RETRY_AFTER);
        }
    }

    fn end(&self, cause: String) {
        self.orders.lock().failed = Some(cause);
        self.changed.notify_all();
    }
}

impl Quiet {
    /// True when nothing was written for long enough, and whatever can be written can.
    fn has_lasted(&mut self, engine: &Engine) -> bool {
        let journal_bytes = engine.journal.used_bytes();
        if journal_bytes != self.journal_bytes {
            *self = Self { journal_bytes, since: Instant::now() };
        }
        let has_lasted = self.since.elapsed() >= IDLE_AFTER && engine.failure().is_none();
        if has_lasted {
            self.since = Instant::now();
        }
        has_lasted
    }
}

impl Shown {
    fn again(&mut self, engine: &Engine) {
        if self.0.elapsed() >= SHOW_EVERY {
            meter::show(engine);
            self.0 = Instant::now();
        }
    }
}

/// True where a disk without room is at the bottom of it.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(journal::is_full)
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
