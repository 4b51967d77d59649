//! At the door: each request is let in, or refused before anything is done for it.
//!
//! Refused are a head that is too large, a request for which there is no room, and whatever else comes over a connection
//! for which there was no place. Never refused is what whoever runs the server asks: a probe that fails under load would
//! have the server restarted, and the load with it.

use super::{
    Inside, Limits, REFUSED,
    arrival::Arrival,
    gate::{AWAY, Gate, Pass},
    watched::{Phase, Turn},
};
use crate::http::refusal::Refusals;
use axum::{body::Body, extract::Request, response::Response};
use futures::future::BoxFuture;
use hyper::{
    body::{Body as _, Incoming},
    service::Service,
};
use metrics::Counter;
use std::{
    cell::Cell,
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};
use tokio::time::{Sleep, sleep_until};

/// Where requests are let in.
pub(super) struct Door {
    inside: Box<dyn Inside>,
    refusals: Refusals,
    gate: Arc<Gate>,
    limits: Limits,
    refused: Refused,
}

/// Requests that were not let in, by reason.
struct Refused {
    headers: Counter,
    requests: Counter,
    connections: Counter,
}

impl Door {
    pub(super) fn new(inside: Box<dyn Inside>, refusals: Refusals, gate: Arc<Gate>, limits: Limits) -> Self {
        let refused = Refused {
            headers: metrics::counter!(REFUSED, "why" => "headers"),
            requests: metrics::counter!(REFUSED, "why" => "requests"),
            connections: metrics::counter!(REFUSED, "why" => "connections"),
        };
        Self { inside, refusals, gate, limits, refused }
    }

    /// The request on its way in, if there is room.
    #[expect(
        clippy::result_large_err,
        reason = "the request goes back to its only caller, and a box would be a cost"
    )]
    fn admit(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        is_seated: bool,
    ) -> Result<Admitted, Request<Incoming>> {
        let pass = if is_for_operators(request.uri().path()) {
            self.gate.enter_anyhow()
        } else {
            match self.gate.enter().filter(|_| is_seated) {
                Some(pass) => pass,
                None => return Err(request),
            }
        };
        let request = request.map(|body| {
            // Most have none, and need nothing made for it.
            let is_none = body.is_end_stream();
            if is_none {
                Body::empty()
            } else {
                Body::new(Arrival::new(body, self.gate.clone(), self.limits.pace))
            }
        });
        Ok(Admitted { answer: self.inside.answer(request, peer), _pass: pass })
    }
}

/// What is asked of the server and not of the shop.
fn is_for_operators(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/metrics")
}

/// Bytes of a request's line and headers, but for what every line has beside.
fn head_bytes(request: &Request<Incoming>) -> usize {
    let uri = request.uri();
    let line = uri.path().len() + uri.query().map_or(0, str::len);
    request.headers().iter().fold(line, |sum, (name, value)| sum + name.as_str().len() + value.len())
}

/// The client at the other end of a connection.
pub(super) struct Visitor {
    door: Arc<Door>,
    peer: SocketAddr,
    /// It has a place, and so may be served.
    is_seated: bool,
    phase: Phase,
    /// Until when it was told to stay away.
    away_until: Cell<Option<Instant>>,
}

impl Visitor {
    pub(super) fn new(door: Arc<Door>, peer: SocketAddr, is_seated: bool, phase: Phase) -> Self {
        Self { door, peer, is_seated, phase, away_until: Cell::new(None) }
    }

    /// Refuses at once whoever hears it for the first time, and in its turn whoever asks again too early.
    fn refuse(&self, request: Request<Incoming>) -> Step {
        let now = Instant::now();
        let is_early = self.away_until.replace(Some(now + AWAY)).is_some_and(|until| now < until);
        if !is_early {
            return self.door.refuse(&request, self.is_seated);
        }
        let turn = self.door.gate.turn(now);
        let (alarm, door) = (Box::pin(sleep_until(turn.into())), self.door.clone());
        let (peer, is_seated) = (self.peer, self.is_seated);
        Step::Waiting(Some(Box::new(Waiting { alarm, request, door, peer, is_seated })))
    }
}

impl Door {
    fn refuse(&self, request: &Request<Incoming>, is_seated: bool) -> Step {
        let counter = if is_seated { &self.refused.requests } else { &self.refused.connections };
        counter.increment(1);
        Step::Refused(Some(self.refusals.overloaded(request)))
    }
}

impl Service<Request<Incoming>> for Visitor {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let turn = self.phase.turn();
        if head_bytes(&request) > self.door.limits.header_bytes_max {
            self.door.refused.headers.increment(1);
            let refusal = self.door.refusals.headers_too_large(&request);
            return Answering { step: Step::Refused(Some(refusal)), _turn: turn };
        }
        let step = match self.door.admit(request, self.peer, self.is_seated) {
            Ok(admitted) => Step::Admitted(admitted),
            Err(request) => self.refuse(request),
        };
        Answering { step, _turn: turn }
    }
}

/// An answer under way; it is the server's turn until it is there.
pub(super) struct Answering {
    step: Step,
    _turn: Turn,
}

enum Step {
    Admitted(Admitted),
    /// Refused once already, and back too early: heard again when its turn has come.
    Waiting(Option<Box<Waiting>>),
    Refused(Option<Response>),
}

struct Admitted {
    answer: BoxFuture<'static, Response>,
    _pass: Pass,
}

struct Waiting {
    alarm: Pin<Box<Sleep>>,
    request: Request<Incoming>,
    door: Arc<Door>,
    peer: SocketAddr,
    is_seated: bool,
}

impl Waiting {
    fn heard_again(self) -> Step {
        match self.door.admit(self.request, self.peer, self.is_seated) {
            Ok(admitted) => Step::Admitted(admitted),
            Err(request) => self.door.refuse(&request, self.is_seated),
        }
    }
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.step {
                Step::Admitted(Admitted { answer, .. }) => return answer.as_mut().poll(context).map(Ok),
                Step::Refused(refusal) => return Poll::Ready(Ok(refusal.take().unwrap_or_default())),
                Step::Waiting(waiting) => {
                    if let Some(waiting) = waiting {
                        ready!(waiting.alarm.as_mut().poll(context));
                    }
                    self.step = waiting.take().map_or(Step::Refused(None), |waiting| waiting.heard_again());
                }
            }
        }
    }
}
