//! A stream that gives up on its client: one that begins a request and does not end its headers, one that says nothing
//! between requests, and one that does not take its answer.
//!
//! One timer for the life of a connection. It is set when it has run out, or when less time is left than it has; so a
//! request costs a look at the clock, and no change of a timer. Bodies are not watched here: see [`super::arrival`].

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

/// How long clients are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// While nothing moves.
    pub(super) idle: Duration,
    /// From the first byte of a request to the end of its headers.
    pub(super) head: Duration,
}

impl Patience {
    /// The same, and no longer than this.
    pub(super) fn at_most(self, limit: Duration) -> Self {
        Self { idle: self.idle.min(limit), head: self.head.min(limit) }
    }
}

/// Whose turn it is: even, the client's; odd, the server's. It only rises, so that no turn is missed.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<AtomicU32>);

/// The server's turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Phase);

impl Phase {
    /// A whole head is there: it is the server's turn.
    pub(super) fn turn(&self) -> Turn {
        self.0.fetch_add(1, Relaxed);
        Turn(self.clone())
    }

    fn now(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Relaxed);
    }
}

/// What is awaited of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// That it begins a request.
    Idle,
    /// Bytes came; if they were a whole head, the next wait is in another phase.
    Heard,
    /// That it ends the head that it began.
    Head,
    /// That it takes its answer.
    Answer,
}

/// A watched stream.
pub(super) struct Watched {
    stream: TcpStream,
    phase: Phase,
    patience: Patience,
    /// The phase in which `stage` was true.
    seen: u32,
    stage: Stage,
    since: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, phase: Phase, patience: Patience) -> Self {
        let seen = phase.now();
        Self { stream, phase, patience, seen, stage: Stage::Idle, since: Instant::now(), alarm: None }
    }

    fn heard(&mut self) {
        let phase = self.phase.now();
        if phase != self.seen || self.stage == Stage::Idle {
            self.seen = phase;
            self.stage = Stage::Heard;
        }
    }

    /// Nothing has come. Ready when that has been so for too long.
    fn wait_to_read(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let phase = self.phase.now();
        if !phase.is_multiple_of(2) || self.stage == Stage::Answer {
            return Poll::Pending;
        }
        if phase != self.seen {
            (self.seen, self.stage, self.since) = (phase, Stage::Idle, Instant::now());
        } else if self.stage == Stage::Heard {
            (self.stage, self.since) = (Stage::Head, Instant::now());
        }
        self.wait(context)
    }

    /// Nothing was taken. Ready when that has been so for too long.
    fn wait_to_write(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if self.stage != Stage::Answer {
            (self.stage, self.since) = (Stage::Answer, Instant::now());
        }
        self.wait(context)
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let limit = if self.stage == Stage::Head { self.patience.head } else { self.patience.idle };
        let deadline = self.since + limit;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        loop {
            ready!(alarm.as_mut().poll(context));
            // The alarm may be one of an earlier wait.
            if deadline <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            alarm.as_mut().reset(deadline);
        }
    }

    /// After an attempt to write: what the client takes is a sign of life.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if outcome.is_pending() {
            return self.wait_to_write(context).map(Err);
        }
        if self.stage == Stage::Answer {
            (self.seen, self.stage, self.since) = (self.phase.now(), Stage::Idle, Instant::now());
        }
        outcome
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        if outcome.is_pending() {
            return self.wait_to_read(context).map(Err);
        }
        self.heard();
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
