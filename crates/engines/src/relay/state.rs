//! What a relay is told to do, and the connections it has.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::Way;

/// What becomes of whoever connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Doing {
    #[default]
    Accept,
    Refuse,
    End,
}

/// Shared by all threads of a relay.
#[derive(Debug, Default)]
pub(super) struct State {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Told {
    asked: Doing,
    /// What the accepting thread is doing, from then on when it listens.
    done: Doing,
    delay: Duration,
    /// Which way, and how many bytes until all is cut.
    cut_after: Option<(Way, u64)>,
    /// By number.
    connections: HashMap<u64, Connection>,
    count: u64,
}

#[derive(Debug)]
struct Connection {
    ends: [TcpStream; 2],
    /// Whether one side has said all it has to say.
    half_ended: bool,
}

/// How much of a piece goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    Whole,
    /// So many bytes, after which all is to be cut.
    Part(usize),
    /// Nothing: its connection was cut.
    Nothing,
}

impl State {
    pub(super) fn doing(&self) -> Doing {
        self.told.lock().asked
    }

    /// Asks the accepting thread for something else, and returns when it does that.
    pub(super) fn do_and_wait(&self, asked: Doing, wake: impl FnOnce()) {
        let before = std::mem::replace(&mut self.told.lock().asked, asked);
        self.changed.notify_all();
        if before == Doing::Accept && before != asked {
            wake();
        }
        let mut told = self.told.lock();
        while told.done != asked {
            self.changed.wait(&mut told);
        }
    }

    pub(super) fn done(&self, done: Doing) {
        self.told.lock().done = done;
        self.changed.notify_all();
    }

    pub(super) fn wait_while(&self, doing: Doing) {
        let mut told = self.told.lock();
        while told.asked == doing {
            self.changed.wait(&mut told);
        }
    }

    pub(super) fn opened(&self, client: TcpStream, server: TcpStream) -> u64 {
        let mut told = self.told.lock();
        told.count += 1;
        let number = told.count;
        told.connections.insert(number, Connection { ends: [client, server], half_ended: false });
        number
    }

    /// One side has ended, and the other may still have something to say.
    pub(super) fn half_ended(&self, connection: u64) {
        let mut told = self.told.lock();
        if let Some(other) = told.connections.get_mut(&connection).filter(|connection| !connection.half_ended)
        {
            other.half_ended = true;
        } else {
            drop(told);
            self.ended(connection);
        }
    }

    pub(super) fn ended(&self, connection: u64) {
        let ended = self.told.lock().connections.remove(&connection);
        ended.iter().for_each(Connection::end);
        self.changed.notify_all();
    }

    pub(super) fn cut(&self) {
        let ended = std::mem::take(&mut self.told.lock().connections);
        ended.values().for_each(Connection::end);
        self.changed.notify_all();
    }

    pub(super) fn cut_after(&self, way: Way, bytes: u64) {
        self.told.lock().cut_after = Some((way, bytes));
    }

    pub(super) fn delay(&self, delay: Duration) {
        self.told.lock().delay = delay;
        self.changed.notify_all();
    }

    pub(super) fn heal(&self) {
        let mut told = self.told.lock();
        told.delay = Duration::ZERO;
        told.cut_after = None;
        self.changed.notify_all();
    }

    /// Waits as long as pieces are held back, and says how much of this one goes on.
    pub(super) fn passes(&self, way: Way, connection: u64, length: usize) -> Passed {
        let came = Instant::now();
        let mut told = self.told.lock();
        // A delay may be longer than what can be added to an instant: then only its end is waited for.
        while came.elapsed() < told.delay && told.connections.contains_key(&connection) {
            match came.checked_add(told.delay) {
                Some(until) => drop(self.changed.wait_until(&mut told, until)),
                None => self.changed.wait(&mut told),
            }
        }
        if !told.connections.contains_key(&connection) {
            return Passed::Nothing;
        }
        match &mut told.cut_after {
            Some((cut, left)) if *cut == way => match usize::try_from(*left) {
                Ok(passed) if passed < length => {
                    told.cut_after = None;
                    Passed::Part(passed)
                }
                _ => {
                    *left -= length as u64;
                    Passed::Whole
                }
            },
            _ => Passed::Whole,
        }
    }
}

impl Connection {
    fn end(&self) {
        for end in &self.ends {
            // One that has ended already is what is wanted.
            drop(end.shutdown(Shutdown::Both));
        }
    }
}
