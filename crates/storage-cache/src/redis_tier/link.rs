//! The connection to Redis, and the breaker: it is used while it is up, and left alone while it is down.
//!
//! Each connection has a serial number. Whoever finds one broken names it, so that nobody takes down its successor.

use crate::meter;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The link.
pub(super) struct Link {
    state: Mutex<State>,
    failures: AtomicU32,
    failures_max: u32,
    last_serial: AtomicU64,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    /// The newest connection that is known to be broken.
    broken: u64,
}

/// A connection that may be used.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) connection: MultiplexedConnection,
    pub(super) serial: u64,
    /// Names the run of the server: another one after a restart.
    pub(super) run: Arc<str>,
}

impl Link {
    pub(super) fn new(failures_max: u32) -> Self {
        let failures_max = failures_max.max(1);
        Self {
            state: Mutex::default(),
            failures: AtomicU32::new(0),
            failures_max,
            last_serial: AtomicU64::new(0),
        }
    }

    /// The number of the next connection.
    pub(super) fn next_serial(&self) -> u64 {
        self.last_serial.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The connection, while it is up.
    pub(super) fn session(&self) -> Option<Session> {
        self.state.lock().session.clone()
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.lock().session.is_some()
    }

    /// Whether this connection is the one that is up.
    pub(super) fn uses(&self, serial: u64) -> bool {
        self.state.lock().session.as_ref().is_some_and(|session| session.serial == serial)
    }

    /// Uses this connection from now on, unless it has broken already; does `first` before anybody can.
    pub(super) fn up(&self, session: Session, first: impl FnOnce()) -> bool {
        let mut state = self.state.lock();
        if state.broken >= session.serial {
            return false;
        }
        first();
        self.failures.store(0, Ordering::SeqCst);
        state.session = Some(session);
        meter::redis_is_up(true);
        true
    }

    /// This connection is broken: it is not used any more. True, with `then` done, if it was used.
    pub(super) fn down(&self, serial: u64, then: impl FnOnce()) -> bool {
        let mut state = self.state.lock();
        state.broken = state.broken.max(serial);
        let was_used = state.session.as_ref().is_some_and(|session| session.serial == serial);
        if was_used {
            state.session = None;
            meter::redis_is_up(false);
            then();
        }
        was_used
    }

    /// An operation was answered.
    pub(super) fn answered(&self) {
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::SeqCst);
        }
    }

    /// An operation was not answered, or refused. True when that was once too often.
    pub(super) fn failed(&self) -> bool {
        meter::redis_failed();
        self.failures.fetch_add(1, Ordering::SeqCst) + 1 >= self.failures_max
    }
}
