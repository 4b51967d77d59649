//! Writes of a lane that the store has taken in and that are not durable yet.
//!
//! The store makes them durable in the order in which it took them in ([`storage::CartStore::take_in`]), so a write that
//! starts from what an earlier one made is never durable without it. What is in flight is nobody's to be shown: an answer
//! that rests on it waits for its ticket.

use super::{Lane, LaneGuard};
use crate::known::KnownCart;
use parking_lot::Mutex;
use std::sync::Arc;
use storage::Ticket;
use tokio::sync::{Notify, OwnedMutexGuard};

/// Writes start from one another until a cart is joined from so many deltas; then it is read again, and the engine will
/// have folded them.
const DELTAS_MAX: usize = 48;

/// The flights of one lane.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    state: Mutex<State>,
    landed: Notify,
}

#[derive(Debug, Default)]
struct State {
    in_flight: u32,
    /// One of them was not made durable: nothing starts from those behind it.
    is_broken: bool,
    ahead: Option<Ahead>,
}

/// A cart with all that is in flight, and when that is durable.
#[derive(Clone, Debug)]
pub(crate) struct Ahead {
    pub(crate) known: Arc<KnownCart>,
    pub(crate) ticket: Ticket,
}

/// One write in flight, until dropped.
pub(crate) struct Flight {
    flights: Arc<Flights>,
    _lane: Hold,
}

/// What a flight keeps of its lane.
#[expect(dead_code, reason = "held until dropped")]
enum Hold {
    /// Its place in the table.
    Open(Arc<tokio::sync::Mutex<Lane>>),
    /// The lane itself: nobody may start from this write.
    Held(LaneGuard),
}

impl Flights {
    /// What the next write may start from; `None` when it has to wait for [`Self::landed`] and read the cart.
    pub(crate) fn ahead(&self) -> Option<Ahead> {
        self.state.lock().ahead.clone()
    }

    /// Waits until nothing is in flight. Whoever holds the lane waits for those before him only.
    pub(crate) async fn landed(&self) {
        loop {
            let landed = self.landed.notified();
            if self.state.lock().in_flight == 0 {
                return;
            }
            landed.await;
        }
    }
}

impl Lane {
    /// The flights of this lane.
    pub(crate) fn flights(&self) -> &Flights {
        &self.flights
    }

    /// Gives the lane on to the next write, if that may start from `ahead`; else with the end of the flight.
    pub(crate) fn depart(lane: LaneGuard, ahead: Option<Ahead>) -> Flight {
        let flights = lane.flights.clone();
        let mut state = flights.state.lock();
        state.in_flight += 1;
        let goes_on = |ahead: &Ahead| !state.is_broken && ahead.known.id.deltas() < DELTAS_MAX;
        let ahead = ahead.filter(goes_on);
        let held = if ahead.is_some() {
            Hold::Open(OwnedMutexGuard::mutex(&lane).clone())
        } else {
            Hold::Held(lane)
        };
        state.ahead = ahead;
        drop(state);
        Flight { flights, _lane: held }
    }

    /// Gives the lane on with a write that says nothing of the cart: whoever needs to know it waits until this has landed,
    /// and reads it.
    pub(crate) fn depart_unseen(lane: LaneGuard) -> Flight {
        let flights = lane.flights.clone();
        let mut state = flights.state.lock();
        state.in_flight += 1;
        state.ahead = None;
        drop(state);
        let open = Hold::Open(OwnedMutexGuard::mutex(&lane).clone());
        drop(lane);
        Flight { flights, _lane: open }
    }
}

impl Flight {
    /// It may not have become durable.
    pub(crate) fn fail(&self) {
        let mut state = self.flights.state.lock();
        state.is_broken = true;
        state.ahead = None;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut state = self.flights.state.lock();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            *state = State::default();
            drop(state);
            self.flights.landed.notify_waiters();
        }
    }
}
