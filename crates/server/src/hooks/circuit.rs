//! A circuit breaker: a hook that failed many times in a row is left alone for a pause, and then asked once.
//!
//! Without it every shopper waits out every timeout of a hook that is down, and the hook comes up under a storm. One
//! question goes through in each pause; a good answer closes the circuit. A question that is dropped half-way costs one
//! pause, and nothing has to be given back.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Failures in a row that open it.
const FAILURES_MAX: u32 = 10;
/// How long it stays open before the next question.
const PAUSE: Duration = Duration::from_secs(5);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// When the next question may go through, once it is open.
    reopens: Option<Instant>,
}

impl Circuit {
    /// True when a question may be asked now.
    pub(super) fn lets_through(&self, now: Instant) -> bool {
        let mut state = self.0.lock();
        match state.reopens {
            None => true,
            Some(reopens) if now < reopens => false,
            Some(_) => {
                state.reopens = Some(now + PAUSE);
                true
            }
        }
    }

    /// What became of a question: whether the hook is alive.
    pub(super) fn note(&self, is_alive: bool, now: Instant) {
        let mut state = self.0.lock();
        if is_alive {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES_MAX {
            state.reopens = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(at: Instant) -> Circuit {
        let circuit = Circuit::default();
        for _ in 0..FAILURES_MAX {
            assert!(circuit.lets_through(at));
            circuit.note(false, at);
        }
        circuit
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let now = Instant::now();
        assert!(!open(now).lets_through(now));
        let circuit = Circuit::default();
        for number in 0..5 * FAILURES_MAX {
            circuit.note(number % FAILURES_MAX == 0, now);
        }
        assert!(circuit.lets_through(now));
    }

    #[test]
    fn one_question_goes_through_in_each_pause_and_an_answer_closes_it() {
        let now = Instant::now();
        let circuit = open(now);
        let later = now + PAUSE;
        assert!(circuit.lets_through(later) && !circuit.lets_through(later));
        circuit.note(false, later);
        assert!(!circuit.lets_through(later + PAUSE / 2));
        // The one that went through was dropped: the next pause has its own.
        assert!(circuit.lets_through(later + PAUSE) && circuit.lets_through(later + 2 * PAUSE));
        circuit.note(true, later + 2 * PAUSE);
        assert!(circuit.lets_through(later + 2 * PAUSE) && circuit.lets_through(later + 2 * PAUSE));
    }
}
