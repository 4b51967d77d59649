//! How every machine of this crate is driven: a question with a ticket out, a reply with that ticket in.
//!
//! Repeating an input changes nothing, and neither does a reply that is late. A machine that is dropped at any point
//! leaves nothing behind that the sweeper does not find.

use crate::{
    answer::Answer,
    effect::{Effect, Input, Reply, Request, Ticket},
    settings::Clock,
};

/// A machine of the protocol.
pub trait Machine {
    /// Takes one input and returns what must now happen. Never blocks; repeating an input changes nothing.
    fn step(&mut self, clock: Clock, input: Input) -> Vec<Effect>;

    /// True when the machine will ask nothing more.
    fn has_ended(&self) -> bool;
}

/// What is particular to a machine: all of them are stepped alike.
pub(crate) trait Driven {
    /// Its open question.
    fn desk(&mut self) -> &mut Desk;
    /// Learns from a reply.
    fn take(&mut self, request: Request, reply: Reply);
    /// Goes on until it must ask, or has nothing more to do.
    fn next(&mut self, clock: Clock, answers: &mut Vec<Answer>) -> Next;
    /// True when nothing is open.
    fn has_nothing_open(&self) -> bool;
}

impl<M: Driven> Machine for M {
    fn step(&mut self, clock: Clock, input: Input) -> Vec<Effect> {
        match self.desk().accept(input) {
            Err(Ignored) => return Vec::new(),
            Ok(Some((request, reply))) => self.take(request, reply),
            Ok(None) => {}
        }
        let mut answers = Vec::new();
        let next = self.next(clock, &mut answers);
        let mut effects: Vec<Effect> = answers.into_iter().map(Effect::Answer).collect();
        if let Next::Ask(request) = next {
            effects.push(Effect::Ask(self.desk().open(request.clone()), request));
        }
        effects
    }

    fn has_ended(&self) -> bool {
        self.has_nothing_open()
    }
}

/// The open question of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Desk {
    asked: Ticket,
    open: Option<Request>,
    has_started: bool,
}

/// What a machine does next.
pub(crate) enum Next {
    /// Waits for the reply to this.
    Ask(Request),
    /// Has nothing more to do.
    End,
}

impl Desk {
    /// The question that this input answers, or `None` for a start. `Err` when the input is late or repeated.
    fn accept(&mut self, input: Input) -> Result<Option<(Request, Reply)>, Ignored> {
        match input {
            Input::Start if !self.has_started => {
                self.has_started = true;
                Ok(None)
            }
            Input::Reply(ticket, reply) if ticket == self.asked => {
                self.open.take().map(|request| Some((request, reply))).ok_or(Ignored)
            }
            _ => Err(Ignored),
        }
    }

    /// Opens the next question.
    fn open(&mut self, request: Request) -> Ticket {
        self.asked = Ticket(self.asked.0.wrapping_add(1));
        self.open = Some(request);
        self.asked
    }

    /// True when nothing is open.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_started && self.open.is_none()
    }
}

/// An input that changes nothing.
struct Ignored;
